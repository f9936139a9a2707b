// Packing at load: GB/s of file bytes, for every weight type.
#include "kernels/pack.h"

#include "support/every_table.h"
#include "support/gate.h"

namespace {

using namespace prumo;

void run(benchmark::State& state, gguf::TensorType type) {
  const auto rows = static_cast<std::size_t>(state.range(0));
  const auto columns = static_cast<std::size_t>(state.range(1));
  const std::vector<std::byte> file(rows * row_bytes(type, columns), std::byte{0x35});
  std::vector<std::byte> out(packed_bytes(type, rows, columns));
  for (auto step : state) {
    pack_panels(type, file.data(), rows, columns, 0, (rows + 15) / 16, out.data());
    benchmark::ClobberMemory();
  }
  bench::count(state, rows * columns, file.size());
}

const bool registered = [] {
  using enum gguf::TensorType;
  for (gguf::TensorType type :
       {kF32, kF16, kBF16, kQ8_0, kQ4_0, kQ4_1, kQ5_0, kQ5_1, kQ2_K, kQ3_K, kQ4_K, kQ5_K, kQ6_K}) {
    benchmark::RegisterBenchmark(("pack/" + std::string(gguf::type_traits(type).name)).c_str(),
                                 [type](benchmark::State& s) { run(s, type); })
        ->Args({576, 1536})
        ->Args({2048, 2048})
        ->ArgNames({"rows", "columns"})
        ->Unit(benchmark::kMicrosecond);
  }
  return true;
}();

}  // namespace

PRUMO_BENCH_MAIN();
