// SwiGLU of one token.
#include "support/every_table.h"
#include "support/gate.h"

namespace {

using namespace prumo;

void run(benchmark::State& state, const Kernels& table) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const std::vector<float> gate = bench::normal_floats(n, 2.0f);
  const std::vector<float> up = bench::normal_floats(n);
  std::vector<float> y(n);
  for (auto step : state) {
    table.swiglu(gate.data(), up.data(), n, y.data());
    benchmark::ClobberMemory();
  }
  bench::count(state, n, n * 12);
}

const bool registered = bench::for_every_table("swiglu", run, bench::vector_sizes);

}  // namespace

PRUMO_BENCH_MAIN();
