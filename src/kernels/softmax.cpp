// The numerator of a softmax, its maximum and its sum; the division is the caller's.
#include <cmath>
#include <limits>

#include "kernels/declarations.h"
#include "kernels/exp.h"
#include "kernels/lanes.h"

namespace prumo {
namespace {
constexpr float kNone = -std::numeric_limits<float>::infinity();
}
}  // namespace prumo

namespace prumo::scalar {

SoftmaxResult softmax(const float* x, std::size_t n, float scale, float* y) {
  float max = kNone;
  for (std::size_t i = 0; i < n; ++i) max = x[i] > max ? x[i] : max;
  max += 0.0f;  // which of two zeros came first must not show
  float lane[16] = {};
  for (std::size_t i = 0; i < n; ++i) {
    y[i] = exp((x[i] - max) * scale);
    lane[i % 16] += y[i];
  }
  return {max, reduce16(lane)};
}

}  // namespace prumo::scalar

// max(x, m) gives m when x is NaN, so a NaN never enters the maximum. Lanes beyond n add +0 to a
// sum that is never -0, which changes nothing.
#if PRUMO_X86
PRUMO_AVX2_BEGIN
namespace prumo::avx2 {

static float max_of(const float* x, std::size_t n) {
  __m256 m[4];
  for (auto& v : m) v = _mm256_set1_ps(kNone);
  std::size_t i = 0;
  for (; i + 32 <= n; i += 32) {
    for (std::size_t j = 0; j < 4; ++j) m[j] = _mm256_max_ps(_mm256_loadu_ps(x + i + 8 * j), m[j]);
  }
  for (; i < n; i += 8) {
    const __m256i lanes = first_lanes(n - i);
    const __m256 v = _mm256_blendv_ps(_mm256_set1_ps(kNone), _mm256_maskload_ps(x + i, lanes),
                                      _mm256_castsi256_ps(lanes));
    m[0] = _mm256_max_ps(v, m[0]);
  }
  return max8(_mm256_max_ps(_mm256_max_ps(m[0], m[1]), _mm256_max_ps(m[2], m[3])));
}

static __m256 exp_lanes(const float* x, __m256i lanes, __m256 max, __m256 scale, float* y) {
  const __m256 v = _mm256_mul_ps(_mm256_sub_ps(_mm256_maskload_ps(x, lanes), max), scale);
  const __m256 e = exp(v);
  _mm256_maskstore_ps(y, lanes, e);
  return _mm256_and_ps(e, _mm256_castsi256_ps(lanes));
}

SoftmaxResult softmax(const float* x, std::size_t n, float scale, float* y) {
  const float max = max_of(x, n) + 0.0f;
  const __m256 m = _mm256_set1_ps(max);
  const __m256 s = _mm256_set1_ps(scale);
  __m256 low = _mm256_setzero_ps();
  __m256 high = _mm256_setzero_ps();
  for (std::size_t i = 0; i < n; i += 16) {
    low = _mm256_add_ps(low, exp_lanes(x + i, first_lanes(n - i), m, s, y + i));
    if (n - i > 8) {
      high = _mm256_add_ps(high, exp_lanes(x + i + 8, first_lanes(n - i - 8), m, s, y + i + 8));
    }
  }
  return {max, reduce16(low, high)};
}

}  // namespace prumo::avx2
PRUMO_ISA_END

PRUMO_AVX512_BEGIN
namespace prumo::avx512 {

static float max_of(const float* x, std::size_t n) {
  __m512 m[4];
  for (auto& v : m) v = _mm512_set1_ps(kNone);
  std::size_t i = 0;
  for (; i + 64 <= n; i += 64) {
    for (std::size_t j = 0; j < 4; ++j) m[j] = _mm512_max_ps(_mm512_loadu_ps(x + i + 16 * j), m[j]);
  }
  for (; i < n; i += 16) {
    m[0] =
        _mm512_max_ps(_mm512_mask_loadu_ps(_mm512_set1_ps(kNone), first_lanes(n - i), x + i), m[0]);
  }
  return max16(_mm512_max_ps(_mm512_max_ps(m[0], m[1]), _mm512_max_ps(m[2], m[3])));
}

SoftmaxResult softmax(const float* x, std::size_t n, float scale, float* y) {
  const float max = max_of(x, n) + 0.0f;
  const __m512 m = _mm512_set1_ps(max);
  const __m512 s = _mm512_set1_ps(scale);
  __m512 sum = _mm512_setzero_ps();
  for (std::size_t i = 0; i < n; i += 16) {
    const __mmask16 lanes = first_lanes(n - i);
    const __m512 v = _mm512_maskz_loadu_ps(lanes, x + i);
    const __m512 e = exp(_mm512_mul_ps(_mm512_sub_ps(v, m), s));
    _mm512_mask_storeu_ps(y + i, lanes, e);
    sum = _mm512_mask_add_ps(sum, lanes, sum, e);
  }
  return {max, reduce16(sum)};
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
