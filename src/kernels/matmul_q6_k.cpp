// Matrix product, Q6_K weights (stored as w + 32) with quantized activations. A block of 256 is
// sixteen of 16 weights, each with an int8 scale, under an f16 scale for all. So a block of 32
// joins in two halves: acc = fma(scale * sub_scale, x_scale * float(dot), acc). The product of the
// scales is exact.
#include <cmath>

#include "kernels/matmul_quantized.h"

namespace prumo::scalar {

void matmul_q6_k(const MatmulArgs& a) {
  for_each_row<gguf::TensorType::kQ6_K>(
      a, [&](const auto& panel, std::size_t r, const QuantizedBlock* x) {
        float acc = 0.0f;
        for (std::size_t b = 0; b < a.columns / kBlock; ++b) {
          const std::byte* quants = panel.quants(b);
          const std::byte* high = panel.high(b);
          const float scale = load_half(panel.scales(b) + r * 2);
          for (std::size_t half = 0; half < 2; ++half) {
            const auto sub_scale =
                static_cast<std::int8_t>(panel.sub_scales(b)[(b % 8 * 2 + half) * kPanelRows + r]);
            const std::int32_t sum = dot(x[b], half * 16, half * 16 + 16, [&](std::size_t i) {
              return nibble(quants, r, i) + 16 * pair(high, r, i) - 32;
            });
            acc = std::fma(scale * static_cast<float>(sub_scale),
                           x[b].scale * static_cast<float>(sum), acc);
          }
        }
        return acc;
      });
}

}  // namespace prumo::scalar

#if PRUMO_X86
PRUMO_AVX2_BEGIN
namespace prumo::avx2 {
namespace {

struct Q6_K : HalfPanel<gguf::TensorType::kQ6_K> {
  static constexpr std::size_t kParts = 2;
  static constexpr Minimum kMinimum = Minimum::kNone;
  static constexpr bool kSigned = false;
  static constexpr std::size_t kGroups = 2;  // 2 * 2 * 63 * 127 < 2^15
  static constexpr int kUnit = 4;

  using HalfPanel::HalfPanel;

  template <std::size_t g>
  [[nodiscard]] __m256i word(std::size_t b) const {
    return _mm256_or_si256(nibbles<g, 0>(quants(b)), pairs<g, 4>(high(b)));
  }
  template <std::size_t part>
  [[nodiscard]] __m256 scale(std::size_t b) const {
    const __m128i sub = _mm_loadl_epi64(
        reinterpret_cast<const __m128i*>(sub_bytes(b) + (b % 8 * 2 + part) * kPanelRows));
    return _mm256_mul_ps(load_halves(scales(b), 1.0f / kUnit),
                         _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(sub)));
  }
};

}  // namespace

void matmul_q6_k(const MatmulArgs& args) {
  matmul_quantized<Q6_K>(args);
}

}  // namespace prumo::avx2
PRUMO_ISA_END

PRUMO_AVX512_BEGIN
namespace prumo::avx512 {
namespace {

struct Q6_K : Panel<gguf::TensorType::kQ6_K> {
  static constexpr std::size_t kParts = 2;
  static constexpr Minimum kMinimum = Minimum::kNone;

  using Panel::Panel;

  template <std::size_t g>
  [[nodiscard]] __m512i word(std::size_t b) const {
    return _mm512_or_si512(nibbles<g, 2>(quants(b)), pairs<g, 6>(high(b)));
  }
  template <std::size_t part>
  [[nodiscard]] __m512 scale(std::size_t b) const {
    const __m128i sub = _mm_loadu_si128(
        reinterpret_cast<const __m128i*>(sub_scales(b) + (b % 8 * 2 + part) * kPanelRows));
    return _mm512_mul_ps(load_halves(scales(b), 1.0f / 4),
                         _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(sub)));
  }
};

}  // namespace

void matmul_q6_k(const MatmulArgs& args) {
  matmul_quantized<Q6_K>(args);
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
