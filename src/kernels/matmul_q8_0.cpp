// Matrix product, Q8_0 weights (32 int8, stored here as w + 128, and an f16 scale a block) with
// quantized activations: acc = fma(scale, x_scale * float(dot), acc).
#include <cmath>

#include "kernels/matmul_quantized.h"

namespace prumo::scalar {

void matmul_q8_0(const MatmulArgs& a) {
  for_each_row<gguf::TensorType::kQ8_0>(
      a, [&](const auto& panel, std::size_t r, const QuantizedBlock* x) {
        float acc = 0.0f;
        for (std::size_t b = 0; b < a.columns / kBlock; ++b) {
          const std::byte* quants = panel.quants(b) + r * 4;
          const float scale = load_half(panel.scales(b) + r * 2);
          const std::int32_t sum = dot(x[b], 0, kBlock, [&](std::size_t i) {
            return std::to_integer<int>(quants[i / 4 * kWordBytes + i % 4]) - 128;
          });
          acc = std::fma(scale, x[b].scale * static_cast<float>(sum), acc);
        }
        return acc;
      });
}

}  // namespace prumo::scalar

#if PRUMO_X86
PRUMO_AVX2_BEGIN
namespace prumo::avx2 {
namespace {

struct Q8_0 : HalfPanel<gguf::TensorType::kQ8_0> {
  static constexpr std::size_t kParts = 1;
  static constexpr Minimum kMinimum = Minimum::kNone;
  static constexpr bool kSigned = true;
  static constexpr std::size_t kGroups = 1;  // 2 * 128 * 127 < 2^15
  static constexpr int kUnit = 1;

  using HalfPanel::HalfPanel;

  template <std::size_t g>
  [[nodiscard]] __m256i word(std::size_t b) const {
    return _mm256_xor_si256(load(quants(b) + g * kWordBytes),
                            _mm256_set1_epi8(static_cast<char>(0x80)));
  }
  template <std::size_t>
  [[nodiscard]] __m256 scale(std::size_t b) const {
    return load_halves(scales(b));
  }
};

}  // namespace

void matmul_q8_0(const MatmulArgs& args) {
  matmul_quantized<Q8_0>(args);
}

}  // namespace prumo::avx2
PRUMO_ISA_END

PRUMO_AVX512_BEGIN
namespace prumo::avx512 {
namespace {

struct Q8_0 : Panel<gguf::TensorType::kQ8_0> {
  static constexpr std::size_t kParts = 1;
  static constexpr Minimum kMinimum = Minimum::kNone;
  static constexpr std::size_t kFew = 8;
  static constexpr std::size_t kInPlace = npos;

  using Panel::Panel;

  template <std::size_t g>
  [[nodiscard]] __m512i word(std::size_t b) const {
    return load(quants(b) + g * kWordBytes);
  }
  template <std::size_t>
  [[nodiscard]] __m512 scale(std::size_t b) const {
    return load_halves(scales(b));
  }
};

}  // namespace

void matmul_q8_0(const MatmulArgs& args) {
  matmul_quantized<Q8_0>(args);
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
