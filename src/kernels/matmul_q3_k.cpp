// Matrix product, Q3_K weights (stored as w + 4) with quantized activations. A block of 256 is
// sixteen of 16 weights, each with a scale of six bits (stored as s + 32), under an f16 scale for
// all. -s * w fits into eight bits, so a block of 32 joins whole: acc = fma(scale, x_scale *
// float(dot of the s * w), acc). The SIMD kernels turn both signs.
#include <cmath>

#include "kernels/matmul_quantized.h"

namespace prumo::scalar {

void matmul_q3_k(const MatmulArgs& a) {
  const PanelLayout at = panel_layout(gguf::TensorType::kQ3_K, a.columns);
  for_each_row(a, at.stride, [&](const std::byte* panel, std::size_t r, const QuantizedBlock* x) {
    float acc = 0.0f;
    for (std::size_t b = 0; b < a.columns / kBlock; ++b) {
      const std::byte* quants = panel + at.quants + b * kPairSection;
      const std::byte* high = panel + at.high + b * kBitSection;
      const std::byte* sub_scales = panel + at.sub_scales + b / 8 * kSixBitSection;
      const float scale = load_half(panel + at.scales + b / 8 * kScaleSection + r * 2);
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

struct Q3_K {
  static constexpr gguf::TensorType kType = gguf::TensorType::kQ3_K;
  static constexpr std::size_t kParts = 1;
  static constexpr Minimum kMinimum = Minimum::kNone;
  static constexpr bool kSigned = true;
  static constexpr std::size_t kGroups = 1;  // 2 * 128 * 127 < 2^15
  static constexpr int kUnit = 1;

  const std::byte* scales;
  const std::byte* sub_scales;
  const std::byte* high;
  const std::byte* quants;
  Q3_K(const std::byte* panel, const PanelLayout& at, std::size_t half)
      : scales(panel + at.scales + half * 16),
        sub_scales(panel + at.sub_scales + half * 32),
        high(panel + at.high + half * 32),
        quants(panel + at.quants + half * 32) {}

  template <std::size_t g>
  [[nodiscard]] __m256i word(std::size_t b) const {
    const __m256i w =
        _mm256_sub_epi8(_mm256_set1_epi8(4), _mm256_or_si256(pairs<g, 0>(quants + b * kPairSection),
                                                             bits<g, 2>(high + b * kBitSection)));
    const __m256i s = six_bits(sub_scales + b / 8 * kSixBitSection, b % 8 * 2 + g / 4);
    return times(w, _mm256_sub_epi32(s, _mm256_set1_epi32(32)));
  }
  template <std::size_t>
  [[nodiscard]] __m256 scale(std::size_t b) const {
    return load_halves(scales + b / 8 * kScaleSection, -1.0f);
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

struct Q3_K {
  static constexpr gguf::TensorType kType = gguf::TensorType::kQ3_K;
  static constexpr bool kInMemory = true;
  static constexpr std::size_t kParts = 1;
  static constexpr Minimum kMinimum = Minimum::kNone;

  const std::byte* scales;
  const std::byte* sub_scales;
  const std::byte* high;
  const std::byte* quants;
  Q3_K(const std::byte* panel, const PanelLayout& at)
      : scales(panel + at.scales),
        sub_scales(panel + at.sub_scales),
        high(panel + at.high),
        quants(panel + at.quants) {}

  template <std::size_t g>
  [[nodiscard]] __m512i word(std::size_t b) const {
    const __m512i w =
        _mm512_sub_epi8(_mm512_set1_epi8(4), _mm512_or_si512(pairs<g, 0>(quants + b * kPairSection),
                                                             bits<g, 2>(high + b * kBitSection)));
    const __m512i s = six_bits(sub_scales + b / 8 * kSixBitSection, b % 8 * 2 + g / 4);
    return _mm512_xor_si512(times(w, _mm512_sub_epi32(s, _mm512_set1_epi32(32))),
                            _mm512_set1_epi8(static_cast<char>(0x80)));
  }
  template <std::size_t>
  [[nodiscard]] __m512 scale(std::size_t b) const {
    return load_halves(scales + b / 8 * kScaleSection, -1.0f);
  }
  void prefetch_ahead(std::size_t b) const { prefetch<2>(quants + b * kPairSection + kPrefetch); }
};

}  // namespace

void matmul_q3_k(const MatmulArgs& args) {
  matmul_quantized<Q3_K>(args);
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
