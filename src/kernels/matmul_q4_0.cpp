// Matrix product, Q4_0 weights (32 nibbles, stored as w + 8, and an f16 scale a block) with
// quantized activations.
#include <cmath>

#include "base/half.h"
#include "kernels/matmul_quantized.h"

namespace prumo::scalar {

void matmul_q4_0(const MatmulArgs& a) {
  const PanelLayout layout = panel_layout(gguf::TensorType::kQ4_0, a.columns);
  const std::size_t blocks = a.columns / kBlock;
  for_each_row(
      a, layout.stride, [&](const std::byte* panel, std::size_t r, const QuantizedBlock* x) {
        float acc = 0.0f;
        for (std::size_t b = 0; b < blocks; ++b) {
          const std::byte* quants = panel + layout.quants + b * 256 + r * 4;
          std::int32_t dot = 0;
          for (std::size_t i = 0; i < kBlock / 2; ++i) {
            const int byte = std::to_integer<int>(quants[i / 4 * 64 + i % 4]);
            dot += ((byte & 15) - 8) * x[b].q[i] + ((byte >> 4) - 8) * x[b].q[i + 16];
          }
          const float scale = half_to_float(load_u16(panel + layout.scales + b * 32 + r * 2));
          acc = std::fma(scale * x[b].scale, static_cast<float>(dot), acc);
        }
        return acc;
      });
}

}  // namespace prumo::scalar

#if PRUMO_X86
PRUMO_AVX2_BEGIN
namespace prumo::avx2 {
namespace {

struct Q4_0 {
  static constexpr gguf::TensorType kType = gguf::TensorType::kQ4_0;
  static constexpr std::size_t kMaxTokens = 4;

  // A pair is at most 2 * 15 * 127 = 3810, so all eight groups of a block add up in 16 bits: 30480.
  template <std::size_t kTokens>
  static void tile(const MatmulArgs& a, const std::byte* panel, const PanelLayout& layout,
                   std::size_t half, std::size_t t, __m256 (&sum)[kTokens]) {
    const std::size_t blocks = a.columns / kBlock;
    const auto* x = static_cast<const QuantizedBlock*>(a.x) + t * blocks;
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m256i ones = _mm256_set1_epi16(1);
    for (std::size_t b = 0; b < blocks; ++b, ++x) {
      const std::byte* quants = panel + layout.quants + b * 256 + half * 32;
      const __m256 scale = load_scales(panel + layout.scales + b * 32 + half * 16);
      __m256i pairs[kTokens];
      for (std::size_t j = 0; j < kTokens; ++j) pairs[j] = _mm256_setzero_si256();
      for (std::size_t g = 0; g < 4; ++g) {
        const __m256i both = load(quants + g * 64);
        const __m256i low = _mm256_and_si256(both, nibble);
        const __m256i high = _mm256_and_si256(_mm256_srli_epi16(both, 4), nibble);
        for (std::size_t j = 0; j < kTokens; ++j) {
          const std::int8_t* q = x[j * blocks].q + 4 * g;
          pairs[j] = _mm256_add_epi16(pairs[j], _mm256_maddubs_epi16(low, broadcast4(q)));
          pairs[j] = _mm256_add_epi16(pairs[j], _mm256_maddubs_epi16(high, broadcast4(q + 16)));
        }
      }
      for (std::size_t j = 0; j < kTokens; ++j) {
        const QuantizedBlock& xb = x[j * blocks];
        const __m256i dot =
            _mm256_add_epi32(_mm256_madd_epi16(pairs[j], ones), _mm256_set1_epi32(xb.offset_q4_0));
        sum[j] = join(scale, xb.scale, dot, sum[j]);
      }
    }
  }
};

}  // namespace

void matmul_q4_0(const MatmulArgs& args) {
  matmul_quantized<Q4_0>(args);
}

}  // namespace prumo::avx2
PRUMO_ISA_END

PRUMO_AVX512_BEGIN
namespace prumo::avx512 {
namespace {

struct Q4_0 {
  static constexpr gguf::TensorType kType = gguf::TensorType::kQ4_0;
  static constexpr std::size_t kMaxTokens = 8;

  // High nibbles are not shifted down: their dot comes out 16 times too large, exactly, and is
  // shifted once.
  template <std::size_t kTokens>
  static void tile(const MatmulArgs& a, const std::byte* panel, const PanelLayout& layout,
                   std::size_t t, __m512 (&sum)[kTokens]) {
    const std::size_t blocks = a.columns / kBlock;
    const auto* x = static_cast<const QuantizedBlock*>(a.x) + t * blocks;
    const __m512i low_nibble = _mm512_set1_epi8(0x0F);
    const __m512i high_nibble = _mm512_set1_epi8(static_cast<char>(0xF0));
    for (std::size_t b = 0; b < blocks; ++b, ++x) {
      const std::byte* quants = panel + layout.quants + b * 256;
      const __m512 scale = load_scales(panel + layout.scales + b * 32);
      if (kTokens == 1) prefetch<4>(quants + kPrefetch);
      __m512i low[4];
      __m512i high[4];
      for (std::size_t g = 0; g < 4; ++g) {
        const __m512i both = load(quants + g * 64);
        low[g] = _mm512_and_si512(both, low_nibble);
        high[g] = _mm512_and_si512(both, high_nibble);
      }
      for (std::size_t j = 0; j < kTokens; ++j) {
        const QuantizedBlock& xb = x[j * blocks];
        __m512i dot = _mm512_set1_epi32(xb.offset_q4_0);
        __m512i dot16 = _mm512_setzero_si512();
        for (std::size_t g = 0; g < 4; ++g) {
          dot = _mm512_dpbusd_epi32(dot, low[g], broadcast4(xb.q + 4 * g));
          dot16 = _mm512_dpbusd_epi32(dot16, high[g], broadcast4(xb.q + 4 * g + 16));
        }
        dot = _mm512_add_epi32(dot, _mm512_srai_epi32(dot16, 4));
        sum[j] = join(scale, xb.scale, dot, sum[j]);
      }
    }
  }
};

}  // namespace

void matmul_q4_0(const MatmulArgs& args) {
  matmul_quantized<Q4_0>(args);
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
