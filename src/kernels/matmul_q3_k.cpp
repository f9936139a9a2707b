// Matrix product, Q3_K weights (stored as w + 4) with quantized activations. A block of 256 is
// sixteen of 16 weights, each with a scale of six bits (stored as s + 32), under an f16 scale for
// all. -s * w fits into eight bits, so a block of 32 joins whole: acc = fma(scale, x_scale *
// float(dot of the s * w), acc). The SIMD kernels turn both signs.
#include <cmath>

#include "kernels/matmul_quantized.h"

namespace prumo::scalar {

void matmul_q3_k(const MatmulArgs& a) {
  for_each_row<gguf::TensorType::kQ3_K>(
      a, [&](const auto& panel, std::size_t r, const QuantizedBlock* x) {
        float acc = 0.0f;
        for (std::size_t b = 0; b < a.columns / kBlock; ++b) {
          const std::byte* quants = panel.quants(b);
          const std::byte* high = panel.high(b);
          const std::byte* sub_scales = panel.sub_scales(b);
          const float scale = load_half(panel.scales(b) + r * 2);
          const std::int32_t sum = dot(x[b], 0, kBlock, [&](std::size_t i) {
            const int sub_scale = six_bits(sub_scales, r, b % 8 * 2 + i / 16) - 32;
            return sub_scale * (pair(quants, r, i) + 4 * bit(high, r, i) - 4);
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

struct Q3_K : HalfPanel<gguf::TensorType::kQ3_K> {
  static constexpr std::size_t kParts = 1;
  static constexpr Minimum kMinimum = Minimum::kNone;
  static constexpr bool kSigned = true;
  static constexpr std::size_t kGroups = 1;  // 2 * 128 * 127 < 2^15
  static constexpr int kUnit = 1;

  using HalfPanel::HalfPanel;

  template <std::size_t g>
  [[nodiscard]] __m256i word(std::size_t b) const {
    const __m256i w = _mm256_sub_epi8(_mm256_set1_epi8(4),
                                      _mm256_or_si256(pairs<g, 0>(quants(b)), bits<g, 2>(high(b))));
    const __m256i s = six_bits(sub_words(b), b % 8 * 2 + g / 4);
    return times(w, _mm256_sub_epi32(s, _mm256_set1_epi32(32)));
  }
  template <std::size_t>
  [[nodiscard]] __m256 scale(std::size_t b) const {
    return negated(load_halves(scales(b)));
  }
};

}  // namespace

void matmul_q3_k(const MatmulArgs& args) {
  matmul_quantized<Q3_K>(args);
}

}  // namespace prumo::avx2
PRUMO_ISA_END

PRUMO_AVX512_BEGIN
namespace prumo::avx512 {
namespace {

struct Q3_K : Panel<gguf::TensorType::kQ3_K> {
  static constexpr std::size_t kParts = 1;
  static constexpr Minimum kMinimum = Minimum::kNone;

  using Panel::Panel;

  template <std::size_t g>
  [[nodiscard]] __m512i word(std::size_t b) const {
    const __m512i w = _mm512_sub_epi8(_mm512_set1_epi8(4),
                                      _mm512_or_si512(pairs<g, 0>(quants(b)), bits<g, 2>(high(b))));
    const __m512i s = six_bits(sub_scales(b), b % 8 * 2 + g / 4);
    return _mm512_xor_si512(times(w, _mm512_sub_epi32(s, _mm512_set1_epi32(32))),
                            _mm512_set1_epi8(static_cast<char>(0x80)));
  }
  template <std::size_t>
  [[nodiscard]] __m512 scale(std::size_t b) const {
    return load_halves(scales(b), -1.0f);
  }
};

}  // namespace

void matmul_q3_k(const MatmulArgs& args) {
  matmul_quantized<Q3_K>(args);
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
