// One row as floats: what reading a token's embedding costs.
#include "kernels/dequantize.h"

#include "kernels/pack.h"
#include "support/every_table.h"
#include "support/gate.h"

namespace {

using namespace prumo;

void run(benchmark::State& state, gguf::TensorType type) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const std::vector<std::byte> row(row_bytes(type, n), std::byte{0x35});
  std::vector<float> out(n);
  for (auto step : state) {
    dequantize(type, row.data(), n, out.data());
    benchmark::ClobberMemory();
  }
  bench::count(state, n, row.size() + 4 * n);
}

const bool registered = [] {
  using enum gguf::TensorType;
  for (gguf::TensorType type :
       {kF32, kF16, kBF16, kQ8_0, kQ4_0, kQ4_1, kQ5_0, kQ5_1, kQ2_K, kQ3_K, kQ4_K, kQ5_K, kQ6_K}) {
    benchmark::RegisterBenchmark(
        ("dequantize/" + std::string(gguf::type_traits(type).name)).c_str(),
        [type](benchmark::State& s) { run(s, type); })
        ->Arg(768)
        ->Arg(4096)
        ->ArgName("n");
  }
  return true;
}();

}  // namespace

PRUMO_BENCH_MAIN();
