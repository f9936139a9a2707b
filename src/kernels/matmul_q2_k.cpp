// Matrix product, Q2_K weights with quantized activations. A block of 256 is sixteen of 16 weights
// of two bits, each with a scale and a minimum of four bits, under an f16 scale and an f16 minimum
// for all. scale * weight fits into eight bits and the minima of a block of 32 make one integer:
//
//   acc = fma(scale, x_scale * float(dot of the sub_scale * w), acc)
//   acc = fma(-min, x_scale * float(sub_min[0] * half_sum[0] + sub_min[1] * half_sum[1]), acc)
#include <cmath>

#include "kernels/matmul_quantized.h"

namespace prumo::scalar {

void matmul_q2_k(const MatmulArgs& a) {
  const PanelLayout at = panel_layout(gguf::TensorType::kQ2_K, a.columns);
  for_each_row(a, at.stride, [&](const std::byte* panel, std::size_t r, const QuantizedBlock* x) {
    float acc = 0.0f;
    for (std::size_t b = 0; b < a.columns / kBlock; ++b) {
      const std::byte* quants = panel + at.quants + b * kPairSection;
      const std::byte* scales = panel + at.scales + b / 8 * 2 * kScaleSection + r * 2;
      const std::byte* sub = panel + at.sub_scales + 2 * b * kPanelRows + r;
      const int sub_scale[2] = {std::to_integer<int>(sub[0]) & 15,
                                std::to_integer<int>(sub[kPanelRows]) & 15};
      const int sub_min[2] = {std::to_integer<int>(sub[0]) >> 4,
                              std::to_integer<int>(sub[kPanelRows]) >> 4};
      const std::int32_t sum = dot(
          x[b], 0, kBlock, [&](std::size_t i) { return sub_scale[i / 16] * pair(quants, r, i); });
      const std::int32_t minima = sub_min[0] * x[b].half_sum[0] + sub_min[1] * x[b].half_sum[1];
      acc = std::fma(load_half(scales), x[b].scale * static_cast<float>(sum), acc);
      acc = std::fma(-load_half(scales + kScaleSection), x[b].scale * static_cast<float>(minima),
                     acc);
    }
    return acc;
  });
}

}  // namespace prumo::scalar

#if PRUMO_X86
PRUMO_AVX2_BEGIN
namespace prumo::avx2 {
namespace {

struct Q2_K {
  static constexpr gguf::TensorType kType = gguf::TensorType::kQ2_K;
  static constexpr std::size_t kParts = 1;
  static constexpr Minimum kMinimum = Minimum::kOfHalves;
  static constexpr bool kSigned = false;
  static constexpr std::size_t kGroups = 2;  // 2 * 2 * 45 * 127 < 2^15
  static constexpr int kUnit = 1;

  const std::byte* scales;
  const std::byte* sub_scales;
  const std::byte* quants;
  Q2_K(const std::byte* panel, const PanelLayout& at, std::size_t half)
      : scales(panel + at.scales + half * 16),
        sub_scales(panel + at.sub_scales + half * 8),
        quants(panel + at.quants + half * 32) {}

  template <std::size_t g>
  [[nodiscard]] __m256i word(std::size_t b) const {
    return times(pairs<g, 0>(quants + b * kPairSection),
                 _mm256_and_si256(sub(2 * b + g / 4), _mm256_set1_epi32(15)));
  }
  template <std::size_t>
  [[nodiscard]] __m256 scale(std::size_t b) const {
    return load_halves(scales + 2 * (b / 8) * kScaleSection);
  }
  [[nodiscard]] __m256 minimum(std::size_t b) const {
    return load_halves(scales + (2 * (b / 8) + 1) * kScaleSection);
  }
  [[nodiscard]] __m256i halves(std::size_t b) const {
    return _mm256_or_si256(_mm256_srli_epi32(sub(2 * b), 4),
                           _mm256_slli_epi32(_mm256_srli_epi32(sub(2 * b + 1), 4), 16));
  }
  // Sub-block i of every row: a scale in the low nibble, a minimum in the high one.
  [[nodiscard]] __m256i sub(std::size_t i) const {
    return _mm256_cvtepu8_epi32(
        _mm_loadl_epi64(reinterpret_cast<const __m128i*>(sub_scales + i * kPanelRows)));
  }
};

}  // namespace

void matmul_q2_k(const MatmulArgs& args) {
  matmul_quantized<Q2_K>(args);
}

}  // namespace prumo::avx2
PRUMO_ISA_END

PRUMO_AVX512_BEGIN
namespace prumo::avx512 {
namespace {

struct Q2_K {
  static constexpr gguf::TensorType kType = gguf::TensorType::kQ2_K;
  static constexpr bool kInMemory = true;
  static constexpr std::size_t kParts = 1;
  static constexpr Minimum kMinimum = Minimum::kOfHalves;

  const std::byte* scales;
  const std::byte* sub_scales;
  const std::byte* quants;
  Q2_K(const std::byte* panel, const PanelLayout& at)
      : scales(panel + at.scales), sub_scales(panel + at.sub_scales), quants(panel + at.quants) {}

  template <std::size_t g>
  [[nodiscard]] __m512i word(std::size_t b) const {
    return times(pairs<g, 0>(quants + b * kPairSection),
                 _mm512_and_si512(sub(2 * b + g / 4), _mm512_set1_epi32(15)));
  }
  template <std::size_t>
  [[nodiscard]] __m512 scale(std::size_t b) const {
    return load_halves(scales + 2 * (b / 8) * kScaleSection);
  }
  [[nodiscard]] __m512 minimum(std::size_t b) const {
    return load_halves(scales + (2 * (b / 8) + 1) * kScaleSection);
  }
  [[nodiscard]] __m512i halves(std::size_t b) const {
    return _mm512_or_si512(_mm512_srli_epi32(sub(2 * b), 4),
                           _mm512_slli_epi32(_mm512_srli_epi32(sub(2 * b + 1), 4), 16));
  }
  // Sub-block i of every row: a scale in the low nibble, a minimum in the high one.
  [[nodiscard]] __m512i sub(std::size_t i) const {
    return _mm512_cvtepu8_epi32(
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(sub_scales + i * kPanelRows)));
  }
  void prefetch_ahead(std::size_t b) const { prefetch<2>(quants + b * kPairSection + kPrefetch); }
};

}  // namespace

void matmul_q2_k(const MatmulArgs& args) {
  matmul_quantized<Q2_K>(args);
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
