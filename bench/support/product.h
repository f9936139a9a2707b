// The timing of all matrix products: GB/s of weights and multiply-adds a second.
#pragma once

#include <cstring>
#include <memory>

#include "kernels/pack.h"
#include "support/every_table.h"

namespace prumo::bench {

/// Enough copies of a matrix that a call finds its weights where a decode step does: in memory, or
/// in a last-level cache that is larger than this.
inline constexpr std::size_t kWeightBytes = std::size_t{256} << 20;

/// Packed weights: random bits, but for scales and floats of ordinary size.
class Weights {
 public:
  Weights(gguf::TensorType type, std::size_t rows, std::size_t columns)
      : bytes_(packed_bytes(type, rows, columns)),
        copies_(kWeightBytes / bytes_ + 1),
        lines_((bytes_ * copies_ + 63) / 64) {
    const gguf::TypeTraits& traits = gguf::type_traits(type);
    std::vector<std::byte> file(rows * row_bytes(type, columns));
    std::mt19937 engine(1);
    for (std::size_t b = 0; b < file.size(); b += traits.bytes) {
      for (std::size_t i = 0; i < traits.bytes; ++i) {
        file[b + i] = std::byte{static_cast<unsigned char>(engine())};
      }
      set_size(type, file.data() + b);
    }
    pack_panels(type, file.data(), rows, columns, 0, (rows + 15) / 16, at(0));
    for (std::size_t i = 1; i < copies_; ++i) std::memcpy(at(i), at(0), bytes_);
  }
  std::byte* at(std::size_t copy) {
    return reinterpret_cast<std::byte*>(lines_.data()) + copy * bytes_;
  }
  [[nodiscard]] std::size_t copies() const { return copies_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  struct alignas(64) Line {
    std::byte bytes[64];
  };

  // The exponent of the block's scale (and minimum), or of the element.
  static void set_size(gguf::TensorType type, std::byte* block) {
    using enum gguf::TensorType;
    const auto exponent = [block](std::size_t at, int value) {
      block[at + 1] = std::byte{static_cast<unsigned char>(value)};
    };
    switch (type) {
      case kF32:
        return exponent(2, 0x3C);
      case kBF16:
        return exponent(0, 0x3C);
      case kF16:
      case kQ8_0:
      case kQ4_0:
      case kQ5_0:
        return exponent(0, 0x20);
      case kQ4_1:
      case kQ5_1:
        exponent(2, 0x20);
        return exponent(0, 0x20);
      case kQ2_K:
        exponent(82, 0x10);
        return exponent(80, 0x10);
      case kQ3_K:
        return exponent(108, 0x10);
      case kQ4_K:
      case kQ5_K:
        exponent(2, 0x08);
        return exponent(0, 0x08);
      case kQ6_K:
        return exponent(208, 0x04);
    }
  }

  std::size_t bytes_;
  std::size_t copies_;
  std::vector<Line> lines_;
};

inline void time_product(benchmark::State& state, const Kernels& table, gguf::TensorType type) {
  const auto rows = static_cast<std::size_t>(state.range(0));
  const auto columns = static_cast<std::size_t>(state.range(1));
  const auto tokens = static_cast<std::size_t>(state.range(2));
  Weights weights(type, rows, columns);
  const std::vector<float> x = normal_floats(tokens * columns);
  std::vector<QuantizedBlock> blocks(x.size() / kBlock);
  table.quantize(x.data(), x.size(), blocks.data());
  std::vector<float> y(tokens * round_up(rows, kPanelRows));

  MatmulArgs args{};
  args.panel_end = (rows + kPanelRows - 1) / kPanelRows;
  args.columns = columns;
  args.tokens = tokens;
  args.x = is_quantized(type) ? static_cast<const void*>(blocks.data()) : x.data();
  args.y = y.data();
  args.y_stride = round_up(rows, kPanelRows);
  const auto product = table.matmul(type);
  std::size_t copy = 0;
  for (auto step : state) {
    args.panels = weights.at(copy);
    copy = copy + 1 == weights.copies() ? 0 : copy + 1;
    product(args);
    benchmark::ClobberMemory();
  }
  count(state, rows * columns * tokens, weights.bytes());  // items are multiply-adds
}

/// Square, and the down projection of a 135M model; one token, a few, a batch of a prompt.
inline bool register_products(const std::string& name, gguf::TensorType type) {
  return for_every_table(
      name,
      [type](benchmark::State& state, const Kernels& table) { time_product(state, table, type); },
      [](benchmark::internal::Benchmark* b) {
        for (const int tokens : {1, 8, 128}) {
          b->Args({2048, 2048, tokens});
          b->Args({576, 1536, tokens});
        }
        b->ArgNames({"rows", "columns", "tokens"})->Unit(benchmark::kMicrosecond);
      });
}

}  // namespace prumo::bench
