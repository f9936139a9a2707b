// y += x: the residual stream.
#include "kernels/declarations.h"
#include "kernels/lanes.h"

namespace prumo::scalar {

void add(const float* x, std::size_t n, float* y) {
  for (std::size_t i = 0; i < n; ++i) y[i] = y[i] + x[i];
}

}  // namespace prumo::scalar

#if PRUMO_X86
PRUMO_AVX2_BEGIN
namespace prumo::avx2 {

void add(const float* x, std::size_t n, float* y) {
  for (std::size_t i = 0; i < n; i += 8) {
    const __m256i lanes = first_lanes(n - i);
    const __m256 sum =
        _mm256_add_ps(_mm256_maskload_ps(y + i, lanes), _mm256_maskload_ps(x + i, lanes));
    _mm256_maskstore_ps(y + i, lanes, sum);
  }
}

}  // namespace prumo::avx2
PRUMO_ISA_END

PRUMO_AVX512_BEGIN
namespace prumo::avx512 {

void add(const float* x, std::size_t n, float* y) {
  for (std::size_t i = 0; i < n; i += 16) {
    const __mmask16 lanes = first_lanes(n - i);
    const __m512 sum =
        _mm512_add_ps(_mm512_maskz_loadu_ps(lanes, y + i), _mm512_maskz_loadu_ps(lanes, x + i));
    _mm512_mask_storeu_ps(y + i, lanes, sum);
  }
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
