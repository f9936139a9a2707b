// Keys or values to binary16.
#include "support/every_table.h"
#include "support/gate.h"

namespace {

using namespace prumo;

void run(benchmark::State& state, const Kernels& table) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const std::vector<float> x = bench::normal_floats(n);
  std::vector<std::uint16_t> y(n);
  for (auto step : state) {
    table.narrow(x.data(), n, y.data());
    benchmark::ClobberMemory();
  }
  bench::count(state, n, n * 6);
}

const bool registered = bench::for_every_table("narrow", run, bench::vector_sizes);

}  // namespace

PRUMO_BENCH_MAIN();
