// Activations to int8, a block of 32 at a time. Each token is quantized by itself, so a batch
// changes nothing.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/declarations.h"
#include "kernels/lanes.h"

namespace prumo {
namespace {

constexpr std::uint32_t kMagnitude = 0x7FFFFFFFu;
constexpr float kTiny =
    0x1p-100f;  // a block no larger than this is zero; its inverse could overflow
constexpr float kLarge = 0x1p100f;         // the bias of a larger one could overflow
constexpr float kFloatBase = 12582912.0f;  // 3 * 2^22
constexpr float kRange = 127.0f;

// To 11 significant bits, ties to even: the precision of binary16, in which other engines keep this
// scale, with the range of float. x is positive, finite and normal.
inline float round_to_11_bits(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  return std::bit_cast<float>((bits + 0xFFFu + ((bits >> 13) & 1u)) & ~0x1FFFu);
}

// The scale of a block and its inverse from the bits of its largest magnitude.
struct Scales {
  float scale;
  float inverse;
};

inline Scales scales_of(std::uint32_t largest) {
  const float max = std::bit_cast<float>(largest);
  if (!(max <= kLarge)) return {std::numeric_limits<float>::quiet_NaN(), 0.0f};
  if (max <= kTiny) return {0.0f, 0.0f};
  return {round_to_11_bits(max / kRange), kRange / max};
}

// What 128 more in each of 16 quants adds to their sum: vectors sum them as unsigned bytes.
[[maybe_unused]] constexpr std::int32_t kSumOffset = 16 * 128;

inline void finish(QuantizedBlock& block, float scale, std::int32_t sum_low,
                   std::int32_t sum_high) {
  block.scale = scale;
  block.bias = -kFloatBase * scale;
  block.scaled_sum = scale * static_cast<float>(sum_low + sum_high);
  block.base = kFloatOfZero - 128 * (sum_low + sum_high);
  block.base_of_half[0] = kFloatOfZero - 128 * sum_low;
  block.base_of_half[1] = kFloatOfZero - 128 * sum_high;
  block.half_sum[0] = static_cast<std::int16_t>(sum_low);
  block.half_sum[1] = static_cast<std::int16_t>(sum_high);
  block.unused = 0;
}

}  // namespace
}  // namespace prumo

namespace prumo::scalar {

void quantize(const float* x, std::size_t n, QuantizedBlock* out) {
  for (std::size_t b = 0; b < n / kBlock; ++b, x += kBlock) {
    std::uint32_t largest = 0;
    for (std::size_t i = 0; i < kBlock; ++i) {
      largest = std::max(largest, std::bit_cast<std::uint32_t>(x[i]) & kMagnitude);
    }
    const Scales s = scales_of(largest);
    std::int32_t sum[2] = {0, 0};
    for (std::size_t i = 0; i < kBlock; ++i) {
      const float q = s.inverse == 0.0f ? 0.0f : std::nearbyint(x[i] * s.inverse);
      out[b].q[i] = static_cast<std::int8_t>(q);
      sum[i / 16] += out[b].q[i];
    }
    finish(out[b], s.scale, sum[0], sum[1]);
  }
}

}  // namespace prumo::scalar

#if PRUMO_X86
PRUMO_AVX2_BEGIN
namespace prumo::avx2 {

static std::uint32_t largest_magnitude(const float* x) {
  const __m256i magnitude = _mm256_set1_epi32(static_cast<int>(kMagnitude));
  __m256i m = _mm256_setzero_si256();
  for (std::size_t i = 0; i < kBlock; i += 8) {
    const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i));
    m = _mm256_max_epu32(m, _mm256_and_si256(bits, magnitude));
  }
  __m128i s = _mm_max_epu32(_mm256_castsi256_si128(m), _mm256_extracti128_si256(m, 1));
  s = _mm_max_epu32(s, _mm_shuffle_epi32(s, 0x4E));
  s = _mm_max_epu32(s, _mm_shuffle_epi32(s, 0xB1));
  return static_cast<std::uint32_t>(_mm_cvtsi128_si32(s));
}

void quantize(const float* x, std::size_t n, QuantizedBlock* out) {
  // The packs work within 128-bit halves; this puts their 4-byte groups back in order.
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  const __m256i sign = _mm256_set1_epi8(static_cast<char>(0x80));
  for (std::size_t b = 0; b < n / kBlock; ++b, x += kBlock) {
    const Scales s = scales_of(largest_magnitude(x));
    const __m256 inverse = _mm256_set1_ps(s.inverse);
    __m256i q[4];
    for (std::size_t i = 0; i < 4; ++i) {
      q[i] = s.inverse == 0.0f
                 ? _mm256_setzero_si256()
                 : _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + 8 * i), inverse));
    }
    const __m256i packed =
        _mm256_packs_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
    const __m256i bytes = _mm256_permutevar8x32_epi32(packed, order);
    _mm256_store_si256(reinterpret_cast<__m256i*>(out[b].q), bytes);
    const __m256i of_eight = _mm256_sad_epu8(_mm256_xor_si256(bytes, sign), _mm256_setzero_si256());
    const __m256i sums = _mm256_add_epi64(of_eight, _mm256_unpackhi_epi64(of_eight, of_eight));
    finish(out[b], s.scale, _mm256_extract_epi32(sums, 0) - kSumOffset,
           _mm256_extract_epi32(sums, 4) - kSumOffset);
  }
}

}  // namespace prumo::avx2
PRUMO_ISA_END

PRUMO_AVX512_BEGIN
namespace prumo::avx512 {

void quantize(const float* x, std::size_t n, QuantizedBlock* out) {
  const __m512i magnitude = _mm512_set1_epi32(static_cast<int>(kMagnitude));
  const __m256i sign = _mm256_set1_epi8(static_cast<char>(0x80));
  for (std::size_t b = 0; b < n / kBlock; ++b, x += kBlock) {
    const __m512 low = _mm512_loadu_ps(x);
    const __m512 high = _mm512_loadu_ps(x + 16);
    const __m512i larger = _mm512_max_epu32(_mm512_and_si512(_mm512_castps_si512(low), magnitude),
                                            _mm512_and_si512(_mm512_castps_si512(high), magnitude));
    const Scales s = scales_of(_mm512_reduce_max_epu32(larger));
    const __mmask16 all = s.inverse == 0.0f ? 0 : 0xFFFF;
    const __m512 inverse = _mm512_set1_ps(s.inverse);
    const __m512i q0 = _mm512_maskz_cvtps_epi32(all, _mm512_mul_ps(low, inverse));
    const __m512i q1 = _mm512_maskz_cvtps_epi32(all, _mm512_mul_ps(high, inverse));
    const __m256i bytes = _mm256_set_m128i(_mm512_cvtepi32_epi8(q1), _mm512_cvtepi32_epi8(q0));
    _mm256_store_si256(reinterpret_cast<__m256i*>(out[b].q), bytes);
    const __m256i of_eight = _mm256_sad_epu8(_mm256_xor_si256(bytes, sign), _mm256_setzero_si256());
    const __m256i sums = _mm256_add_epi64(of_eight, _mm256_unpackhi_epi64(of_eight, of_eight));
    finish(out[b], s.scale, _mm256_extract_epi32(sums, 0) - kSumOffset,
           _mm256_extract_epi32(sums, 4) - kSumOffset);
  }
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
