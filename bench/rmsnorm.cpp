// RMS normalization of one token.
#include "support/every_table.h"
#include "support/gate.h"

namespace {

using namespace prumo;

void run(benchmark::State& state, const Kernels& table) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const std::vector<float> x = bench::normal_floats(n);
  const std::vector<float> weight = bench::normal_floats(n);
  std::vector<float> y(n);
  for (auto step : state) {
    table.rmsnorm(x.data(), weight.data(), n, 1e-5f, y.data());
    benchmark::ClobberMemory();
  }
  bench::count(state, n, n * 12);
}

const bool registered = bench::for_every_table("rmsnorm", run, bench::vector_sizes);

}  // namespace

PRUMO_BENCH_MAIN();
