// Matrix product, Q4_K weights with quantized activations. A block of 256 is eight of 32 nibbles,
// each with a scale and a minimum of six bits, under an f16 scale and an f16 minimum for all:
//
//   acc = fma(scale * sub_scale, x_scale * float(dot), acc)
//   acc = fma(-(min * sub_min), x_scale * sum of q, acc)
//
// a block of 32. The products of the scales are exact.
#include <cmath>

#include "kernels/matmul_quantized.h"

namespace prumo::scalar {

void matmul_q4_k(const MatmulArgs& a) {
  for_each_row<gguf::TensorType::kQ4_K>(
      a, [&](const auto& panel, std::size_t r, const QuantizedBlock* x) {
        float acc = 0.0f;
        for (std::size_t b = 0; b < a.columns / kBlock; ++b) {
          const std::byte* quants = panel.quants(b);
          const std::byte* scales = panel.scales(b) + r * 2;
          const std::byte* sub_scales = panel.sub_scales(b);
          const auto sub_scale = static_cast<float>(six_bits(sub_scales, r, b % 8));
          const auto sub_min = static_cast<float>(six_bits(sub_scales, r, 8 + b % 8));
          const std::int32_t sum =
              dot(x[b], 0, kBlock, [&](std::size_t i) { return nibble(quants, r, i); });
          acc = std::fma(load_half(scales) * sub_scale, x[b].scale * static_cast<float>(sum), acc);
          acc = std::fma(-(load_half(scales + kScaleSection) * sub_min), x[b].scaled_sum, acc);
        }
        return acc;
      });
}

}  // namespace prumo::scalar

#if PRUMO_X86
PRUMO_AVX2_BEGIN
namespace prumo::avx2 {
namespace {

struct Q4_K : HalfPanel<gguf::TensorType::kQ4_K> {
  static constexpr std::size_t kParts = 1;
  static constexpr Minimum kMinimum = Minimum::kSubtracted;
  static constexpr bool kSigned = false;
  static constexpr std::size_t kGroups = 8;  // 8 * 2 * 15 * 127 < 2^15
  static constexpr int kUnit = 1;

  using HalfPanel::HalfPanel;

  template <std::size_t g>
  [[nodiscard]] __m256i word(std::size_t b) const {
    return nibbles<g, 0>(quants(b));
  }
  template <std::size_t>
  [[nodiscard]] __m256 scale(std::size_t b) const {
    return _mm256_mul_ps(load_halves(scales(b)), _mm256_cvtepi32_ps(six_bits(sub_words(b), b % 8)));
  }
  [[nodiscard]] __m256 minimum(std::size_t b) const {
    return _mm256_mul_ps(load_halves(scales(b) + kScaleSection),
                         _mm256_cvtepi32_ps(six_bits(sub_words(b), 8 + b % 8)));
  }
};

}  // namespace

void matmul_q4_k(const MatmulArgs& args) {
  matmul_quantized<Q4_K>(args);
}

}  // namespace prumo::avx2
PRUMO_ISA_END

PRUMO_AVX512_BEGIN
namespace prumo::avx512 {
namespace {

struct Q4_K : Panel<gguf::TensorType::kQ4_K> {
  static constexpr std::size_t kParts = 1;
  static constexpr Minimum kMinimum = Minimum::kSubtracted;
  static constexpr std::size_t kInPlace = 16;

  using Panel::Panel;

  template <std::size_t g>
  [[nodiscard]] __m512i word(std::size_t b) const {
    return nibbles<g, 0>(quants(b));
  }
  template <std::size_t>
  [[nodiscard]] __m512 scale(std::size_t b) const {
    return _mm512_mul_ps(load_halves(scales(b)),
                         _mm512_cvtepi32_ps(six_bits(sub_scales(b), b % 8)));
  }
  [[nodiscard]] __m512 minimum(std::size_t b) const {
    return _mm512_mul_ps(load_halves(scales(b) + kScaleSection),
                         _mm512_cvtepi32_ps(six_bits(sub_scales(b), 8 + b % 8)));
  }
};

}  // namespace

void matmul_q4_k(const MatmulArgs& args) {
  matmul_quantized<Q4_K>(args);
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
