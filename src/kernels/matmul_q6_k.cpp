// Matrix product, Q6_K weights with quantized activations. A block of 256 is two halves of four
// runs of 32 columns; a run is a low or high nibble of one of two groups of bytes, with two of the
// bits of a shared byte on top, and has an int8 sub-scale for either 16 columns. A run of weights
// meets one block of activations: acc = fma(scale * x_scale, float(s0 * dot0 + s1 * dot1), acc),
// all of it exact in int32 (and below 2^24).
#include <cmath>

#include "base/half.h"
#include "kernels/matmul_quantized.h"

namespace prumo {
namespace {

constexpr std::size_t kSuper = 256;
constexpr std::size_t kQuantBytes = 3072;  // of 16 rows: 32 words of low nibbles, 16 of high pairs
constexpr std::size_t kHighBytes = 2048;   // where the high pairs begin
constexpr std::size_t kWordBytes = 64;     // a word of 16 rows
constexpr std::size_t kSubScaleBytes = 256;  // of 16 rows: 16 sub-scales

// Where run `run` (0..3) of half `half` finds its words.
constexpr std::size_t low_word(std::size_t half, std::size_t run) {
  return half * 16 + run % 2 * 8;
}
constexpr std::size_t high_word(std::size_t half) {
  return half * 8;
}

}  // namespace
}  // namespace prumo

namespace prumo::scalar {

void matmul_q6_k(const MatmulArgs& a) {
  const PanelLayout layout = panel_layout(gguf::TensorType::kQ6_K, a.columns);
  const std::size_t blocks = a.columns / kBlock;
  for_each_row(
      a, layout.stride, [&](const std::byte* panel, std::size_t r, const QuantizedBlock* x) {
        float acc = 0.0f;
        for (std::size_t b = 0; b < blocks; ++b) {
          const std::size_t super = b / 8;
          const std::size_t half = b % 8 / 4;
          const std::size_t run = b % 4;
          const std::byte* quants = panel + layout.quants + super * kQuantBytes + r * 4;
          const std::byte* low = quants + low_word(half, run) * kWordBytes;
          const std::byte* high = quants + kHighBytes + high_word(half) * kWordBytes;
          std::int32_t dot[2] = {0, 0};
          for (std::size_t i = 0; i < kBlock; ++i) {
            const std::size_t at = i / 4 * kWordBytes + i % 4;
            const int nibble = std::to_integer<int>(low[at]) >> (run < 2 ? 0 : 4) & 15;
            const int pair = std::to_integer<int>(high[at]) >> (2 * run) & 3;
            dot[i / 16] += ((nibble | pair << 4) - 32) * x[b].q[i];
          }
          const std::byte* sub =
              panel + layout.sub_scales + super * kSubScaleBytes + b % 8 * 32 + r;
          const std::int32_t total = static_cast<std::int8_t>(sub[0]) * dot[0] +
                                     static_cast<std::int8_t>(sub[kPanelRows]) * dot[1];
          const float scale = half_to_float(load_u16(panel + layout.scales + super * 32 + r * 2));
          acc = std::fma(scale * x[b].scale, static_cast<float>(total), acc);
        }
        return acc;
      });
}

}  // namespace prumo::scalar

#if PRUMO_X86
PRUMO_AVX2_BEGIN
namespace prumo::avx2 {
namespace {

struct Q6_K {
  static constexpr gguf::TensorType kType = gguf::TensorType::kQ6_K;
  static constexpr std::size_t kMaxTokens = 4;

  // Weights of run kRun, word i of its 8, as bytes 0..63.
  template <std::size_t kRun>
  static __m256i weights(const std::byte* quants, std::size_t half, std::size_t i) {
    const __m256i low = load(quants + (low_word(half, kRun) + i) * kWordBytes);
    const __m256i high = load(quants + kHighBytes + (high_word(half) + i) * kWordBytes);
    const __m256i nibble =
        _mm256_and_si256(kRun < 2 ? low : _mm256_srli_epi16(low, 4), _mm256_set1_epi8(15));
    __m256i pair;
    if constexpr (kRun < 2) {
      pair = _mm256_slli_epi16(high, 4 - 2 * kRun);
    } else {
      pair = _mm256_srli_epi16(high, 2 * kRun - 4);
    }
    return _mm256_or_si256(nibble, _mm256_and_si256(pair, _mm256_set1_epi8(0x30)));
  }

  // A pair of products is at most 2 * 63 * 127 = 16002, so two of them add up in 16 bits.
  template <std::size_t kRun, std::size_t kTokens>
  static void run(const std::byte* quants, const std::byte* sub, std::size_t half,
                  const QuantizedBlock* x, std::size_t stride, __m256 scale,
                  __m256 (&sum)[kTokens]) {
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i total[kTokens];
    for (std::size_t j = 0; j < kTokens; ++j) total[j] = _mm256_setzero_si256();
    for (std::size_t s = 0; s < 2; ++s) {
      __m256i w[4];
      for (std::size_t i = 0; i < 4; ++i) w[i] = weights<kRun>(quants, half, 4 * s + i);
      const __m256i sub_scale = _mm256_cvtepi8_epi32(
          _mm_loadl_epi64(reinterpret_cast<const __m128i*>(sub + s * kPanelRows)));
      for (std::size_t j = 0; j < kTokens; ++j) {
        const std::int8_t* q = x[j * stride].q + 16 * s;
        const __m256i first = _mm256_add_epi16(_mm256_maddubs_epi16(w[0], broadcast4(q)),
                                               _mm256_maddubs_epi16(w[1], broadcast4(q + 4)));
        const __m256i last = _mm256_add_epi16(_mm256_maddubs_epi16(w[2], broadcast4(q + 8)),
                                              _mm256_maddubs_epi16(w[3], broadcast4(q + 12)));
        __m256i dot =
            _mm256_add_epi32(_mm256_madd_epi16(first, ones), _mm256_madd_epi16(last, ones));
        dot = _mm256_add_epi32(dot, _mm256_set1_epi32(x[j * stride].offset_q6_k[s]));
        total[j] = _mm256_add_epi32(total[j], _mm256_mullo_epi32(sub_scale, dot));
      }
    }
    for (std::size_t j = 0; j < kTokens; ++j) {
      sum[j] = join(scale, x[j * stride].scale, total[j], sum[j]);
    }
  }

  template <std::size_t kTokens>
  static void tile(const MatmulArgs& a, const std::byte* panel, const PanelLayout& layout,
                   std::size_t part, std::size_t t, __m256 (&sum)[kTokens]) {
    const std::size_t blocks = a.columns / kBlock;
    const auto* x = static_cast<const QuantizedBlock*>(a.x) + t * blocks;
    for (std::size_t super = 0; super < a.columns / kSuper; ++super) {
      const std::byte* quants = panel + layout.quants + super * kQuantBytes + part * 32;
      const std::byte* sub = panel + layout.sub_scales + super * kSubScaleBytes + part * 8;
      const __m256 scale = load_scales(panel + layout.scales + super * 32 + part * 16);
      for (std::size_t half = 0; half < 2; ++half, x += 4, sub += 128) {
        run<0>(quants, sub, half, x, blocks, scale, sum);
        run<1>(quants, sub + 32, half, x + 1, blocks, scale, sum);
        run<2>(quants, sub + 64, half, x + 2, blocks, scale, sum);
        run<3>(quants, sub + 96, half, x + 3, blocks, scale, sum);
      }
    }
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

struct Q6_K {
  static constexpr gguf::TensorType kType = gguf::TensorType::kQ6_K;
  static constexpr std::size_t kMaxTokens = 8;

  // Weights of run kRun, word i of its 8, as bytes 0..63.
  template <std::size_t kRun>
  static __m512i weights(const std::byte* quants, std::size_t half, std::size_t i) {
    const __m512i low = load(quants + (low_word(half, kRun) + i) * kWordBytes);
    const __m512i high = load(quants + kHighBytes + (high_word(half) + i) * kWordBytes);
    const __m512i nibble =
        _mm512_and_si512(kRun < 2 ? low : _mm512_srli_epi16(low, 4), _mm512_set1_epi8(15));
    __m512i pair;
    if constexpr (kRun < 2) {
      pair = _mm512_slli_epi16(high, 4 - 2 * kRun);
    } else {
      pair = _mm512_srli_epi16(high, 2 * kRun - 4);
    }
    return _mm512_or_si512(nibble, _mm512_and_si512(pair, _mm512_set1_epi8(0x30)));
  }

  template <std::size_t kRun, std::size_t kTokens>
  static void run(const std::byte* quants, const std::byte* sub, std::size_t half,
                  const QuantizedBlock* x, std::size_t stride, __m512 scale,
                  __m512 (&sum)[kTokens]) {
    __m512i w[8];
    for (std::size_t i = 0; i < 8; ++i) w[i] = weights<kRun>(quants, half, i);
    __m512i sub_scale[2];
    for (std::size_t s = 0; s < 2; ++s) {
      sub_scale[s] = _mm512_cvtepi8_epi32(
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(sub + s * kPanelRows)));
    }
    for (std::size_t j = 0; j < kTokens; ++j) {
      const QuantizedBlock& xb = x[j * stride];
      __m512i dot[2];
      for (std::size_t s = 0; s < 2; ++s) {
        dot[s] = _mm512_set1_epi32(xb.offset_q6_k[s]);
        for (std::size_t i = 0; i < 4; ++i) {
          dot[s] = _mm512_dpbusd_epi32(dot[s], w[4 * s + i], broadcast4(xb.q + 16 * s + 4 * i));
        }
      }
      const __m512i total = _mm512_add_epi32(_mm512_mullo_epi32(sub_scale[0], dot[0]),
                                             _mm512_mullo_epi32(sub_scale[1], dot[1]));
      sum[j] = join(scale, xb.scale, total, sum[j]);
    }
  }

  template <std::size_t kTokens>
  static void tile(const MatmulArgs& a, const std::byte* panel, const PanelLayout& layout,
                   std::size_t t, __m512 (&sum)[kTokens]) {
    const std::size_t blocks = a.columns / kBlock;
    const auto* x = static_cast<const QuantizedBlock*>(a.x) + t * blocks;
    for (std::size_t super = 0; super < a.columns / kSuper; ++super) {
      const std::byte* quants = panel + layout.quants + super * kQuantBytes;
      const std::byte* sub = panel + layout.sub_scales + super * kSubScaleBytes;
      const __m512 scale = load_scales(panel + layout.scales + super * 32);
      if (kTokens == 1) prefetch<48>(quants + kPrefetch);
      for (std::size_t half = 0; half < 2; ++half, x += 4, sub += 128) {
        run<0>(quants, sub, half, x, blocks, scale, sum);
        run<1>(quants, sub + 32, half, x + 1, blocks, scale, sum);
        run<2>(quants, sub + 64, half, x + 2, blocks, scale, sum);
        run<3>(quants, sub + 96, half, x + 3, blocks, scale, sum);
      }
    }
  }
};

}  // namespace

void matmul_q6_k(const MatmulArgs& args) {
  matmul_quantized<Q6_K>(args);
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
