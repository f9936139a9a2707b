// Matrix product, Q8_0 weights (32 int8 and an f16 scale a block) with quantized activations.
#include <cmath>

#include "base/half.h"
#include "kernels/matmul_quantized.h"

namespace prumo::scalar {

void matmul_q8_0(const MatmulArgs& a) {
  const PanelLayout layout = panel_layout(gguf::TensorType::kQ8_0, a.columns);
  const std::size_t blocks = a.columns / kBlock;
  for_each_row(
      a, layout.stride, [&](const std::byte* panel, std::size_t r, const QuantizedBlock* x) {
        float acc = 0.0f;
        for (std::size_t b = 0; b < blocks; ++b) {
          const std::byte* quants = panel + layout.quants + b * 512 + r * 4;
          std::int32_t dot = 0;
          for (std::size_t i = 0; i < kBlock; ++i) {
            const int w = std::to_integer<int>(quants[i / 4 * 64 + i % 4]) - 128;
            dot += w * x[b].q[i];
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

struct Q8_0 {
  static constexpr gguf::TensorType kType = gguf::TensorType::kQ8_0;
  static constexpr std::size_t kMaxTokens = 4;

  // Signed by signed through maddubs: |w| * (x with the sign of w). Two products are at most 2 *
  // 128 * 127 < 2^15.
  template <std::size_t kTokens>
  static void tile(const MatmulArgs& a, const std::byte* panel, const PanelLayout& layout,
                   std::size_t half, std::size_t t, __m256 (&sum)[kTokens]) {
    const std::size_t blocks = a.columns / kBlock;
    const auto* x = static_cast<const QuantizedBlock*>(a.x) + t * blocks;
    const __m256i flip = _mm256_set1_epi8(static_cast<char>(0x80));
    const __m256i ones = _mm256_set1_epi16(1);
    for (std::size_t b = 0; b < blocks; ++b, ++x) {
      const std::byte* quants = panel + layout.quants + b * 512 + half * 32;
      const __m256 scale = load_scales(panel + layout.scales + b * 32 + half * 16);
      __m256i dot[kTokens];
      for (std::size_t j = 0; j < kTokens; ++j) dot[j] = _mm256_setzero_si256();
      for (std::size_t g = 0; g < 8; ++g) {
        const __m256i w = _mm256_xor_si256(load(quants + g * 64), flip);
        const __m256i magnitude = _mm256_sign_epi8(w, w);
        for (std::size_t j = 0; j < kTokens; ++j) {
          const __m256i xs = _mm256_sign_epi8(broadcast4(x[j * blocks].q + 4 * g), w);
          const __m256i pairs = _mm256_maddubs_epi16(magnitude, xs);
          dot[j] = _mm256_add_epi32(dot[j], _mm256_madd_epi16(pairs, ones));
        }
      }
      for (std::size_t j = 0; j < kTokens; ++j) {
        sum[j] = join(scale, x[j * blocks].scale, dot[j], sum[j]);
      }
    }
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

struct Q8_0 {
  static constexpr gguf::TensorType kType = gguf::TensorType::kQ8_0;
  static constexpr std::size_t kMaxTokens = 8;

  // The stored byte is w + 128; the block's offset takes 128 * sum(x) away again, before the first
  // product.
  template <std::size_t kTokens>
  static void tile(const MatmulArgs& a, const std::byte* panel, const PanelLayout& layout,
                   std::size_t t, __m512 (&sum)[kTokens]) {
    const std::size_t blocks = a.columns / kBlock;
    const auto* x = static_cast<const QuantizedBlock*>(a.x) + t * blocks;
    for (std::size_t b = 0; b < blocks; ++b, ++x) {
      const std::byte* quants = panel + layout.quants + b * 512;
      const __m512 scale = load_scales(panel + layout.scales + b * 32);
      if (kTokens == 1) prefetch<8>(quants + kPrefetch);
      __m512i w[8];
      for (std::size_t g = 0; g < 8; ++g) w[g] = load(quants + g * 64);
      for (std::size_t j = 0; j < kTokens; ++j) {
        const QuantizedBlock& xb = x[j * blocks];
        __m512i even = _mm512_set1_epi32(xb.offset_q8_0);
        __m512i odd = _mm512_setzero_si512();
        for (std::size_t g = 0; g < 8; g += 2) {
          even = _mm512_dpbusd_epi32(even, w[g], broadcast4(xb.q + 4 * g));
          odd = _mm512_dpbusd_epi32(odd, w[g + 1], broadcast4(xb.q + 4 * g + 4));
        }
        sum[j] = join(scale, xb.scale, _mm512_add_epi32(even, odd), sum[j]);
      }
    }
  }
};

}  // namespace

void matmul_q8_0(const MatmulArgs& args) {
  matmul_quantized<Q8_0>(args);
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
