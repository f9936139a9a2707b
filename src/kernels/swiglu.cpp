// SwiGLU: silu(gate) * up (Shazeer, 2020).
#include "kernels/declarations.h"
#include "kernels/exp.h"
#include "kernels/lanes.h"

namespace prumo::scalar {

void swiglu(const float* gate, const float* up, std::size_t n, float* y) {
  for (std::size_t i = 0; i < n; ++i) {
    const float silu = gate[i] / (1.0f + exp(-gate[i]));
    y[i] = silu * up[i];
  }
}

}  // namespace prumo::scalar

#if PRUMO_X86
PRUMO_AVX2_BEGIN
namespace prumo::avx2 {

void swiglu(const float* gate, const float* up, std::size_t n, float* y) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  const __m256 one = _mm256_set1_ps(1.0f);
  for (std::size_t i = 0; i < n; i += 8) {
    const __m256i lanes = first_lanes(n - i);
    const __m256 g = _mm256_maskload_ps(gate + i, lanes);
    const __m256 silu = _mm256_div_ps(g, _mm256_add_ps(one, exp(_mm256_xor_ps(g, sign))));
    _mm256_maskstore_ps(y + i, lanes, _mm256_mul_ps(silu, _mm256_maskload_ps(up + i, lanes)));
  }
}

}  // namespace prumo::avx2
PRUMO_ISA_END

PRUMO_AVX512_BEGIN
namespace prumo::avx512 {

void swiglu(const float* gate, const float* up, std::size_t n, float* y) {
  const __m512 sign = _mm512_set1_ps(-0.0f);
  const __m512 one = _mm512_set1_ps(1.0f);
  for (std::size_t i = 0; i < n; i += 16) {
    const __mmask16 lanes = first_lanes(n - i);
    const __m512 g = _mm512_maskz_loadu_ps(lanes, gate + i);
    const __m512 silu = _mm512_div_ps(g, _mm512_add_ps(one, exp(_mm512_xor_ps(g, sign))));
    _mm512_mask_storeu_ps(y + i, lanes, _mm512_mul_ps(silu, _mm512_maskz_loadu_ps(lanes, up + i)));
  }
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
