// Root-mean-square normalization (Zhang and Sennrich, 2019).
#include <cmath>

#include "kernels/declarations.h"
#include "kernels/lanes.h"

namespace prumo::scalar {

void rmsnorm(const float* x, const float* weight, std::size_t n, float eps, float* y) {
  float lane[16] = {};
  for (std::size_t i = 0; i < n; ++i) lane[i % 16] = std::fma(x[i], x[i], lane[i % 16]);
  const float mean = reduce16(lane) / static_cast<float>(n);
  const float r = 1.0f / std::sqrt(mean + eps);
  for (std::size_t i = 0; i < n; ++i) y[i] = (x[i] * r) * weight[i];
}

}  // namespace prumo::scalar

#if PRUMO_X86
PRUMO_AVX2_BEGIN
namespace prumo::avx2 {

void rmsnorm(const float* x, const float* weight, std::size_t n, float eps, float* y) {
  __m256 low = _mm256_setzero_ps();
  __m256 high = _mm256_setzero_ps();
  for (std::size_t i = 0; i < n; i += 16) {
    const __m256 a = _mm256_maskload_ps(x + i, first_lanes(n - i));
    low = _mm256_fmadd_ps(a, a, low);
    if (n - i > 8) {
      const __m256 b = _mm256_maskload_ps(x + i + 8, first_lanes(n - i - 8));
      high = _mm256_fmadd_ps(b, b, high);
    }
  }
  const float mean = reduce16(low, high) / static_cast<float>(n);
  const __m256 r = _mm256_set1_ps(1.0f / std::sqrt(mean + eps));
  for (std::size_t i = 0; i < n; i += 8) {
    const __m256i lanes = first_lanes(n - i);
    const __m256 scaled = _mm256_mul_ps(_mm256_maskload_ps(x + i, lanes), r);
    _mm256_maskstore_ps(y + i, lanes, _mm256_mul_ps(scaled, _mm256_maskload_ps(weight + i, lanes)));
  }
}

}  // namespace prumo::avx2
PRUMO_ISA_END

PRUMO_AVX512_BEGIN
namespace prumo::avx512 {

void rmsnorm(const float* x, const float* weight, std::size_t n, float eps, float* y) {
  __m512 sum = _mm512_setzero_ps();
  for (std::size_t i = 0; i < n; i += 16) {
    const __m512 a = _mm512_maskz_loadu_ps(first_lanes(n - i), x + i);
    sum = _mm512_fmadd_ps(a, a, sum);
  }
  const float mean = reduce16(sum) / static_cast<float>(n);
  const __m512 r = _mm512_set1_ps(1.0f / std::sqrt(mean + eps));
  for (std::size_t i = 0; i < n; i += 16) {
    const __mmask16 lanes = first_lanes(n - i);
    const __m512 scaled = _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, x + i), r);
    _mm512_mask_storeu_ps(y + i, lanes,
                          _mm512_mul_ps(scaled, _mm512_maskz_loadu_ps(lanes, weight + i)));
  }
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
