// The 16 virtual lanes of a float reduction, and masked ends of vectors.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/isa.h"

namespace prumo::scalar {

/// The halving tree 16 -> 8 -> 4 -> 2 -> 1 over lane[16]. Overwrites it.
inline float reduce16(float* lane) {
  for (std::size_t half = 8; half != 0; half /= 2) {
    for (std::size_t j = 0; j < half; ++j) lane[j] += lane[j + half];
  }
  return lane[0];
}

}  // namespace prumo::scalar

#if PRUMO_X86
PRUMO_AVX2_BEGIN
namespace prumo::avx2 {

// The tree from 8 lanes down.
inline float reduce8(__m256 v) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}

/// The tree over lanes 0-7 in low and 8-15 in high.
inline float reduce16(__m256 low, __m256 high) {
  return reduce8(_mm256_add_ps(low, high));
}

/// The largest element; there must be no NaN.
inline float max8(__m256 v) {
  __m128 s = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_max_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_max_ss(s, _mm_shuffle_ps(s, s, 1)));
}

inline constexpr std::int32_t kMask[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

/// A maskload mask for the first n lanes of 8; every lane from n = 8 on.
inline __m256i first_lanes(std::size_t n) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kMask + 8 - (n < 8 ? n : 8)));
}

}  // namespace prumo::avx2
PRUMO_ISA_END

PRUMO_AVX512_BEGIN
namespace prumo::avx512 {

inline float reduce16(__m512 v) {
  return avx2::reduce8(_mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1)));
}

/// The largest element; there must be no NaN.
inline float max16(__m512 v) {
  return avx2::max8(_mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1)));
}

/// A mask for the first n lanes of 16; every lane from n = 16 on.
inline __mmask16 first_lanes(std::size_t n) {
  return n >= 16 ? static_cast<__mmask16>(0xFFFF) : static_cast<__mmask16>((1u << n) - 1);
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
