// Rotary position embedding of adjacent pairs (Su et al., 2021).
#include <cmath>

#include "kernels/declarations.h"
#include "kernels/lanes.h"

namespace prumo::scalar {

void rope(float* x, const float* table, std::size_t pairs) {
  for (std::size_t i = 0; i < 2 * pairs; i += 2) {
    const float a = x[i];
    const float b = x[i + 1];
    const float c = table[i];
    const float s = table[i + 1];
    x[i] = std::fma(a, c, -(b * s));
    x[i + 1] = std::fma(a, s, b * c);
  }
}

}  // namespace prumo::scalar

// With a and b spread over both lanes of a pair: fmaddsub(a, (c, s), b * (s, c)).
#if PRUMO_X86
PRUMO_AVX2_BEGIN
namespace prumo::avx2 {

void rope(float* x, const float* table, std::size_t pairs) {
  for (std::size_t i = 0; i < 2 * pairs; i += 8) {
    const __m256i lanes = first_lanes(2 * pairs - i);
    const __m256 v = _mm256_maskload_ps(x + i, lanes);
    const __m256 cs = _mm256_maskload_ps(table + i, lanes);
    const __m256 sc = _mm256_permute_ps(cs, 0xB1);
    const __m256 b = _mm256_mul_ps(_mm256_movehdup_ps(v), sc);
    _mm256_maskstore_ps(x + i, lanes, _mm256_fmaddsub_ps(_mm256_moveldup_ps(v), cs, b));
  }
}

}  // namespace prumo::avx2
PRUMO_ISA_END

PRUMO_AVX512_BEGIN
namespace prumo::avx512 {

void rope(float* x, const float* table, std::size_t pairs) {
  for (std::size_t i = 0; i < 2 * pairs; i += 16) {
    const __mmask16 lanes = first_lanes(2 * pairs - i);
    const __m512 v = _mm512_maskz_loadu_ps(lanes, x + i);
    const __m512 cs = _mm512_maskz_loadu_ps(lanes, table + i);
    const __m512 sc = _mm512_permute_ps(cs, 0xB1);
    const __m512 b = _mm512_mul_ps(_mm512_movehdup_ps(v), sc);
    _mm512_mask_storeu_ps(x + i, lanes, _mm512_fmaddsub_ps(_mm512_moveldup_ps(v), cs, b));
  }
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
