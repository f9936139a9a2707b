// Softmax of n scores.
#include "support/every_table.h"
#include "support/gate.h"

namespace {

using namespace prumo;

void run(benchmark::State& state, const Kernels& table) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const std::vector<float> x = bench::normal_floats(n, 4.0f);
  std::vector<float> y(n);
  for (auto step : state) {
    benchmark::DoNotOptimize(table.softmax(x.data(), n, 0.125f, y.data()));
    benchmark::ClobberMemory();
  }
  bench::count(state, n, n * 8);
}

const bool registered = bench::for_every_table("softmax", run, bench::vector_sizes);

}  // namespace

PRUMO_BENCH_MAIN();
