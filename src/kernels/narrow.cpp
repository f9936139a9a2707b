// Floats to IEEE binary16, for the KV cache.
#include "base/half.h"
#include "kernels/declarations.h"
#include "kernels/lanes.h"

namespace prumo::scalar {

void narrow(const float* x, std::size_t n, std::uint16_t* y) {
  for (std::size_t i = 0; i < n; ++i) y[i] = float_to_half(x[i]);
}

}  // namespace prumo::scalar

#if PRUMO_X86
PRUMO_AVX2_BEGIN
namespace prumo::avx2 {

void narrow(const float* x, std::size_t n, std::uint16_t* y) {
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m128i half = _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y + i), half);
  }
  if (i == n) return;
  std::uint16_t last[8];
  const __m256 rest = _mm256_maskload_ps(x + i, first_lanes(n - i));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(last),
                   _mm256_cvtps_ph(rest, _MM_FROUND_TO_NEAREST_INT));
  for (std::size_t j = 0; i < n; ++i, ++j) y[i] = last[j];
}

}  // namespace prumo::avx2
PRUMO_ISA_END

PRUMO_AVX512_BEGIN
namespace prumo::avx512 {

void narrow(const float* x, std::size_t n, std::uint16_t* y) {
  for (std::size_t i = 0; i < n; i += 16) {
    const __mmask16 lanes = first_lanes(n - i);
    const __m256i half =
        _mm512_cvtps_ph(_mm512_maskz_loadu_ps(lanes, x + i), _MM_FROUND_TO_NEAREST_INT);
    _mm256_mask_storeu_epi16(y + i, lanes, half);
  }
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
