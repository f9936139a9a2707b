// Matrix product, Q5_1 weights (32 of five bits, an f16 scale and an f16 minimum a block) with
// quantized activations: acc = fma(scale, x_scale * float(dot), acc), then acc = fma(min, x_scale *
// sum of q, acc).
#include <cmath>

#include "kernels/matmul_quantized.h"

namespace prumo::scalar {

void matmul_q5_1(const MatmulArgs& a) {
  for_each_row<gguf::TensorType::kQ5_1>(
      a, [&](const auto& panel, std::size_t r, const QuantizedBlock* x) {
        float acc = 0.0f;
        for (std::size_t b = 0; b < a.columns / kBlock; ++b) {
          const std::byte* quants = panel.quants(b);
          const std::byte* high = panel.high(b);
          const std::byte* scales = panel.scales(b) + r * 2;
          const std::int32_t sum = dot(x[b], 0, kBlock, [&](std::size_t i) {
            return nibble(quants, r, i) + 16 * bit(high, r, i);
          });
          acc = std::fma(load_half(scales), x[b].scale * static_cast<float>(sum), acc);
          acc = std::fma(load_half(scales + kScaleSection), x[b].scaled_sum, acc);
        }
        return acc;
      });
}

}  // namespace prumo::scalar

#if PRUMO_X86
PRUMO_AVX2_BEGIN
namespace prumo::avx2 {
namespace {

struct Q5_1 : HalfPanel<gguf::TensorType::kQ5_1> {
  static constexpr std::size_t kParts = 1;
  static constexpr Minimum kMinimum = Minimum::kAdded;
  static constexpr bool kSigned = false;
  static constexpr std::size_t kGroups = 4;  // 4 * 2 * 31 * 127 < 2^15
  static constexpr int kUnit = 1;

  using HalfPanel::HalfPanel;

  template <std::size_t g>
  [[nodiscard]] __m256i word(std::size_t b) const {
    return _mm256_or_si256(nibbles<g, 0>(quants(b)), bits<g, 4>(high(b)));
  }
  template <std::size_t>
  [[nodiscard]] __m256 scale(std::size_t b) const {
    return load_halves(scales(b));
  }
  [[nodiscard]] __m256 minimum(std::size_t b) const {
    return load_halves(scales(b) + kScaleSection);
  }
};

}  // namespace

void matmul_q5_1(const MatmulArgs& args) {
  matmul_quantized<Q5_1>(args);
}

}  // namespace prumo::avx2
PRUMO_ISA_END

PRUMO_AVX512_BEGIN
namespace prumo::avx512 {
namespace {

struct Q5_1 : Panel<gguf::TensorType::kQ5_1> {
  static constexpr std::size_t kParts = 1;
  static constexpr Minimum kMinimum = Minimum::kAdded;
  static constexpr std::size_t kInPlace = 24;

  using Panel::Panel;

  template <std::size_t g>
  [[nodiscard]] __m512i word(std::size_t b) const {
    return _mm512_or_si512(nibbles<g, 0>(quants(b)), bits<g, 4>(high(b)));
  }
  template <std::size_t>
  [[nodiscard]] __m512 scale(std::size_t b) const {
    return load_halves(scales(b));
  }
  [[nodiscard]] __m512 minimum(std::size_t b) const {
    return load_halves(scales(b) + kScaleSection);
  }
};

}  // namespace

void matmul_q5_1(const MatmulArgs& args) {
  matmul_quantized<Q5_1>(args);
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
