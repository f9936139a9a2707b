// Activations of one token to int8.
#include "support/every_table.h"
#include "support/gate.h"

namespace {

using namespace prumo;

void run(benchmark::State& state, const Kernels& table) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const std::vector<float> x = bench::normal_floats(n);
  std::vector<QuantizedBlock> out(n / kBlock);
  for (auto step : state) {
    table.quantize(x.data(), n, out.data());
    benchmark::ClobberMemory();
  }
  bench::count(state, n, n * 6);
}

const bool registered = bench::for_every_table("quantize", run, bench::vector_sizes);

}  // namespace

PRUMO_BENCH_MAIN();
