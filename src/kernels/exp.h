// exp as a fixed sequence of operations, the same for every instruction set: within about one ulp.
// Reduction x = n ln 2 + r with ln 2 in two parts, then the degree-6 polynomial of the Cephes
// library (S. Moshier), then an exact multiplication by 2^n.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "kernels/isa.h"

namespace prumo::exp_constants {
inline constexpr float kMin = -87.33f;  // below: 0. The result stays a normal number above it.
inline constexpr float kMax = 88.37f;   // above: infinity. Up to it n is at most 127.
inline constexpr float kLog2e = 1.44269504088896341f;
inline constexpr float kLn2High = 0.693359375f;  // 9 bits, so that n * kLn2High is exact
inline constexpr float kLn2Low = -2.12194440e-4f;
inline constexpr float kRound =
    12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer held in the low bits
inline constexpr float kC5 = 1.9875691500e-4f;
inline constexpr float kC4 = 1.3981999507e-3f;
inline constexpr float kC3 = 8.3334519073e-3f;
inline constexpr float kC2 = 4.1665795894e-2f;
inline constexpr float kC1 = 1.6666665459e-1f;
inline constexpr float kC0 = 5.0000001201e-1f;
}  // namespace prumo::exp_constants

namespace prumo::scalar {

/// e^x; 0 below -87.33, infinity above 88.37, NaN for NaN.
inline float exp(float x) {
  using namespace exp_constants;
  const float t = std::fma(x, kLog2e, kRound);
  const float n = t - kRound;
  float r = std::fma(n, -kLn2High, x);
  r = std::fma(n, -kLn2Low, r);
  float p = kC5;
  p = std::fma(p, r, kC4);
  p = std::fma(p, r, kC3);
  p = std::fma(p, r, kC2);
  p = std::fma(p, r, kC1);
  p = std::fma(p, r, kC0);
  p = std::fma(p, r * r, r) + 1.0f;
  const std::uint32_t power =
      (std::bit_cast<std::uint32_t>(t) - std::bit_cast<std::uint32_t>(kRound) + 127u) << 23;
  const float y = p * std::bit_cast<float>(power);
  if (x < kMin) return 0.0f;
  if (x > kMax) return std::numeric_limits<float>::infinity();
  return y;
}

}  // namespace prumo::scalar

#if PRUMO_X86
PRUMO_AVX2_BEGIN
namespace prumo::avx2 {

inline __m256 exp(__m256 x) {
  using namespace exp_constants;
  const __m256 round = _mm256_set1_ps(kRound);
  const __m256 t = _mm256_fmadd_ps(x, _mm256_set1_ps(kLog2e), round);
  const __m256 n = _mm256_sub_ps(t, round);
  __m256 r = _mm256_fmadd_ps(n, _mm256_set1_ps(-kLn2High), x);
  r = _mm256_fmadd_ps(n, _mm256_set1_ps(-kLn2Low), r);
  __m256 p = _mm256_set1_ps(kC5);
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(kC4));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(kC3));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(kC2));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(kC1));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(kC0));
  p = _mm256_add_ps(_mm256_fmadd_ps(p, _mm256_mul_ps(r, r), r), _mm256_set1_ps(1.0f));
  const __m256i steps = _mm256_sub_epi32(_mm256_castps_si256(t), _mm256_castps_si256(round));
  const __m256i power = _mm256_slli_epi32(_mm256_add_epi32(steps, _mm256_set1_epi32(127)), 23);
  __m256 y = _mm256_mul_ps(p, _mm256_castsi256_ps(power));
  y = _mm256_andnot_ps(_mm256_cmp_ps(x, _mm256_set1_ps(kMin), _CMP_LT_OQ), y);
  const __m256 infinity = _mm256_set1_ps(std::numeric_limits<float>::infinity());
  return _mm256_blendv_ps(y, infinity, _mm256_cmp_ps(x, _mm256_set1_ps(kMax), _CMP_GT_OQ));
}

}  // namespace prumo::avx2
PRUMO_ISA_END

PRUMO_AVX512_BEGIN
namespace prumo::avx512 {

inline __m512 exp(__m512 x) {
  using namespace exp_constants;
  const __m512 round = _mm512_set1_ps(kRound);
  const __m512 t = _mm512_fmadd_ps(x, _mm512_set1_ps(kLog2e), round);
  const __m512 n = _mm512_sub_ps(t, round);
  __m512 r = _mm512_fmadd_ps(n, _mm512_set1_ps(-kLn2High), x);
  r = _mm512_fmadd_ps(n, _mm512_set1_ps(-kLn2Low), r);
  __m512 p = _mm512_set1_ps(kC5);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(kC4));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(kC3));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(kC2));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(kC1));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(kC0));
  p = _mm512_add_ps(_mm512_fmadd_ps(p, _mm512_mul_ps(r, r), r), _mm512_set1_ps(1.0f));
  const __m512i steps = _mm512_sub_epi32(_mm512_castps_si512(t), _mm512_castps_si512(round));
  const __m512i power = _mm512_slli_epi32(_mm512_add_epi32(steps, _mm512_set1_epi32(127)), 23);
  const __m512 y = _mm512_mul_ps(p, _mm512_castsi512_ps(power));
  const __mmask16 not_low = _mm512_cmp_ps_mask(x, _mm512_set1_ps(kMin), _CMP_NLT_UQ);
  const __mmask16 high = _mm512_cmp_ps_mask(x, _mm512_set1_ps(kMax), _CMP_GT_OQ);
  const __m512 infinity = _mm512_set1_ps(std::numeric_limits<float>::infinity());
  return _mm512_mask_mov_ps(_mm512_maskz_mov_ps(not_low, y), high, infinity);
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
