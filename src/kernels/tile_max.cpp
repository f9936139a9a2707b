// tile_max: the largest of every 64 logits, so that the sampler looks only into tiles that matter.
#include <cmath>

#include "base/float_guard.h"
#include "kernels/declarations.h"

// The loop is a call of its own, so that no comparison can move past the change of rounding and
// denormal modes around it.
#if defined(__GNUC__)
#define PRUMO_NOINLINE __attribute__((noinline))
#else
#define PRUMO_NOINLINE
#endif

namespace prumo {
namespace {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

}  // namespace
}  // namespace prumo

namespace prumo::scalar {
namespace {

PRUMO_NOINLINE void run(const float* x, std::size_t n, float* tiles) {
  for (std::size_t begin = 0; begin < n; begin += kTile) {
    const std::size_t end = n - begin < kTile ? n : begin + kTile;
    float max = kMinusInfinity;
    for (std::size_t i = begin; i < end; ++i) {
      if (!std::isnan(x[i]) && x[i] > max) max = x[i];
    }
    tiles[begin / kTile] = max + 0.0f;  // -0 + 0 is +0; nothing else changes
  }
}

}  // namespace

void tile_max(const float* x, std::size_t n, float* tiles) {
  const FloatGuard guard;
  run(x, n, tiles);
}

}  // namespace prumo::scalar

#if PRUMO_X86

PRUMO_AVX2_BEGIN
namespace prumo::avx2 {
namespace {

constexpr std::size_t kLanes = 8;

inline float reduce_max(__m256 v) {
  __m128 w = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  w = _mm_max_ps(w, _mm_movehl_ps(w, w));
  return _mm_cvtss_f32(_mm_max_ss(w, _mm_movehdup_ps(w)));
}

// The first n lanes of x, n < 8; -inf in the others.
inline __m256 load_part(const float* x, std::size_t n) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), lane);
  return _mm256_blendv_ps(_mm256_set1_ps(kMinusInfinity), _mm256_maskload_ps(x, mask),
                          _mm256_castsi256_ps(mask));
}

// maxps returns its second operand when either is NaN: a NaN in x never enters a maximum that
// stands there.
PRUMO_NOINLINE void run(const float* x, std::size_t n, float* tiles) {
  const __m256 nothing = _mm256_set1_ps(kMinusInfinity);
  std::size_t i = 0;
  for (; n - i >= kTile; i += kTile, ++tiles) {
    __m256 even = nothing;
    __m256 odd = nothing;
    for (std::size_t j = 0; j < kTile; j += 2 * kLanes) {
      even = _mm256_max_ps(_mm256_loadu_ps(x + i + j), even);
      odd = _mm256_max_ps(_mm256_loadu_ps(x + i + j + kLanes), odd);
    }
    *tiles = reduce_max(_mm256_max_ps(even, odd)) + 0.0f;
  }
  if (i == n) return;
  __m256 max = nothing;
  for (; n - i >= kLanes; i += kLanes) max = _mm256_max_ps(_mm256_loadu_ps(x + i), max);
  if (i < n) max = _mm256_max_ps(load_part(x + i, n - i), max);
  *tiles = reduce_max(max) + 0.0f;
}

}  // namespace

void tile_max(const float* x, std::size_t n, float* tiles) {
  const FloatGuard guard;
  run(x, n, tiles);
}

}  // namespace prumo::avx2
PRUMO_ISA_END

PRUMO_AVX512_BEGIN
namespace prumo::avx512 {
namespace {

constexpr std::size_t kLanes = 16;
static_assert(kTile == 4 * kLanes);

// vmaxps returns its second operand when either is NaN: a NaN in x never enters a maximum that
// stands there.
PRUMO_NOINLINE void run(const float* x, std::size_t n, float* tiles) {
  const __m512 nothing = _mm512_set1_ps(kMinusInfinity);
  std::size_t i = 0;
  for (; n - i >= kTile; i += kTile, ++tiles) {
    const __m512 a = _mm512_max_ps(_mm512_loadu_ps(x + i), nothing);
    const __m512 b = _mm512_max_ps(_mm512_loadu_ps(x + i + kLanes), nothing);
    const __m512 c = _mm512_max_ps(_mm512_loadu_ps(x + i + 2 * kLanes), a);
    const __m512 d = _mm512_max_ps(_mm512_loadu_ps(x + i + 3 * kLanes), b);
    *tiles = _mm512_reduce_max_ps(_mm512_max_ps(c, d)) + 0.0f;
  }
  if (i == n) return;
  __m512 max = nothing;
  for (; n - i >= kLanes; i += kLanes) max = _mm512_max_ps(_mm512_loadu_ps(x + i), max);
  const auto rest = static_cast<__mmask16>((1u << (n - i)) - 1);
  max = _mm512_max_ps(_mm512_mask_loadu_ps(nothing, rest, x + i), max);
  *tiles = _mm512_reduce_max_ps(max) + 0.0f;
}

}  // namespace

void tile_max(const float* x, std::size_t n, float* tiles) {
  const FloatGuard guard;
  run(x, n, tiles);
}

}  // namespace prumo::avx512
PRUMO_ISA_END

#endif
