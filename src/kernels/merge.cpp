// The key ranges of a query head made one: a softmax over parts that each had their own maximum.
#include <cmath>
#include <limits>

#include "kernels/declarations.h"
#include "kernels/exp.h"
#include "kernels/lanes.h"

namespace prumo {
namespace {

float largest_max(const MergeArgs& a) {
  float max = -std::numeric_limits<float>::infinity();
  for (std::size_t r = 0; r < a.ranges; ++r) {
    const float m = a.max[r * a.stride];
    max = m > max ? m : max;
  }
  return max;
}

}  // namespace
}  // namespace prumo

namespace prumo::scalar {

void merge(const MergeArgs& a) {
  const float max = largest_max(a);
  float s = 0.0f;
  for (std::size_t r = 0; r < a.ranges; ++r) {
    s = std::fma(exp((a.max[r * a.stride] - max) * a.scale), a.sum[r * a.stride], s);
  }
  for (std::size_t d = 0; d < a.head_dim; ++d) {
    float o = 0.0f;
    for (std::size_t r = 0; r < a.ranges; ++r) {
      const float w = exp((a.max[r * a.stride] - max) * a.scale);
      o = std::fma(w, a.out[r * a.stride * a.value_stride + d], o);
    }
    a.y[d] = o / s;
  }
}

}  // namespace prumo::scalar

// A range's weight is one number, made by the vector exp so that it has the same bits as the scalar
// one.
#if PRUMO_X86
PRUMO_AVX2_BEGIN
namespace prumo::avx2 {

static __m256 weight(const MergeArgs& a, std::size_t r, float max) {
  return exp(_mm256_set1_ps((a.max[r * a.stride] - max) * a.scale));
}

void merge(const MergeArgs& a) {
  const float max = largest_max(a);
  __m256 s = _mm256_setzero_ps();
  for (std::size_t r = 0; r < a.ranges; ++r) {
    s = _mm256_fmadd_ps(weight(a, r, max), _mm256_set1_ps(a.sum[r * a.stride]), s);
  }
  for (std::size_t d = 0; d < a.head_dim; d += 8) {
    const __m256i lanes = first_lanes(a.head_dim - d);
    __m256 o = _mm256_setzero_ps();
    for (std::size_t r = 0; r < a.ranges; ++r) {
      const float* out = a.out + r * a.stride * a.value_stride + d;
      o = _mm256_fmadd_ps(weight(a, r, max), _mm256_maskload_ps(out, lanes), o);
    }
    _mm256_maskstore_ps(a.y + d, lanes, _mm256_div_ps(o, s));
  }
}

}  // namespace prumo::avx2
PRUMO_ISA_END

PRUMO_AVX512_BEGIN
namespace prumo::avx512 {

static __m512 weight(const MergeArgs& a, std::size_t r, float max) {
  return exp(_mm512_set1_ps((a.max[r * a.stride] - max) * a.scale));
}

void merge(const MergeArgs& a) {
  const float max = largest_max(a);
  __m512 s = _mm512_setzero_ps();
  for (std::size_t r = 0; r < a.ranges; ++r) {
    s = _mm512_fmadd_ps(weight(a, r, max), _mm512_set1_ps(a.sum[r * a.stride]), s);
  }
  for (std::size_t d = 0; d < a.head_dim; d += 16) {
    const __mmask16 lanes = first_lanes(a.head_dim - d);
    __m512 o = _mm512_setzero_ps();
    for (std::size_t r = 0; r < a.ranges; ++r) {
      const float* out = a.out + r * a.stride * a.value_stride + d;
      o = _mm512_fmadd_ps(weight(a, r, max), _mm512_maskz_loadu_ps(lanes, out), o);
    }
    _mm512_mask_storeu_ps(a.y + d, lanes, _mm512_div_ps(o, s));
  }
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
