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
  for_each_row<gguf::TensorType::kQ2_K>(
      a, [&](const auto& panel, std::size_t r, const QuantizedBlock* x) {
        float acc = 0.0f;
        for (std::size_t b = 0; b < a.columns / kBlock; ++b) {
          const std::byte* quants = panel.quants(b);
          const std::byte* scales = panel.scales(b) + r * 2;
          const std::byte* sub = panel.sub_scales(b) + b % 8 * 2 * kPanelRows + r;
          const int sub_scale[2] = {std::to_integer<int>(sub[0]) & 15,
                                    std::to_integer<int>(sub[kPanelRows]) & 15};
          const int sub_min[2] = {std::to_integer<int>(sub[0]) >> 4,
                                  std::to_integer<int>(sub[kPanelRows]) >> 4};
          const std::int32_t sum = dot(x[b], 0, kBlock, [&](std::size_t i) {
            return sub_scale[i / 16] * pair(quants, r, i);
          });
          const std::int32_t minima = sub_min[0] * x[b].half_sum[0] + sub_min[1] * x[b].half_sum[1];
          acc = std::fma(load_half(scales), x[b].scale * static_cast<float>(sum), acc);
          acc = std::fma(-load_half(scales + kScaleSection),
                         x[b].scale * static_cast<float>(minima), acc);
        }
        return acc;
      });
}

}  // namespace prumo::scalar

#if PRUMO_X86
PRUMO_AVX2_BEGIN
namespace prumo::avx2 {
namespace {

struct Q2_K : HalfPanel<gguf::TensorType::kQ2_K> {
  static constexpr std::size_t kParts = 1;
  static constexpr Minimum kMinimum = Minimum::kOfHalves;
  static constexpr bool kSigned = false;
  static constexpr std::size_t kGroups = 2;  // 2 * 2 * 45 * 127 < 2^15
  static constexpr int kUnit = 1;

  using HalfPanel::HalfPanel;

  template <std::size_t g>
  [[nodiscard]] __m256i word(std::size_t b) const {
    return times(pairs<g, 0>(quants(b)), _mm256_and_si256(sub(b, g / 4), _mm256_set1_epi32(15)));
  }
  template <std::size_t>
  [[nodiscard]] __m256 scale(std::size_t b) const {
    return load_halves(scales(b));
  }
  [[nodiscard]] __m256 minimum(std::size_t b) const {
    return load_halves(scales(b) + kScaleSection);
  }
  [[nodiscard]] __m256i halves(std::size_t b) const {
    return _mm256_or_si256(_mm256_srli_epi32(sub(b, 0), 4),
                           _mm256_slli_epi32(_mm256_srli_epi32(sub(b, 1), 4), 16));
  }
  // A half of every row's block: a scale in the low nibble, a minimum in the high one.
  [[nodiscard]] __m256i sub(std::size_t b, std::size_t which) const {
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64(
        reinterpret_cast<const __m128i*>(sub_bytes(b) + (b % 8 * 2 + which) * kPanelRows)));
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

struct Q2_K : Panel<gguf::TensorType::kQ2_K> {
  static constexpr std::size_t kParts = 1;
  static constexpr Minimum kMinimum = Minimum::kOfHalves;

  using Panel::Panel;

  template <std::size_t g>
  [[nodiscard]] __m512i word(std::size_t b) const {
    return times(pairs<g, 0>(quants(b)), _mm512_and_si512(sub(b, g / 4), _mm512_set1_epi32(15)));
  }
  template <std::size_t>
  [[nodiscard]] __m512 scale(std::size_t b) const {
    return load_halves(scales(b));
  }
  [[nodiscard]] __m512 minimum(std::size_t b) const {
    return load_halves(scales(b) + kScaleSection);
  }
  [[nodiscard]] __m512i halves(std::size_t b) const {
    return _mm512_or_si512(_mm512_srli_epi32(sub(b, 0), 4),
                           _mm512_slli_epi32(_mm512_srli_epi32(sub(b, 1), 4), 16));
  }
  // A half of every row's block: a scale in the low nibble, a minimum in the high one.
  [[nodiscard]] __m512i sub(std::size_t b, std::size_t which) const {
    return _mm512_cvtepu8_epi32(_mm_loadu_si128(
        reinterpret_cast<const __m128i*>(sub_scales(b) + (b % 8 * 2 + which) * kPanelRows)));
  }
};

}  // namespace

void matmul_q2_k(const MatmulArgs& args) {
  matmul_quantized<Q2_K>(args);
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
