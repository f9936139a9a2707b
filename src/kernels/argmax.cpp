// argmax: the scalar loop is the definition. The others find the maximum in blocks of 512, remember
// which block raised each lane first, and search that one block for the element.
#include <cassert>
#include <cmath>

#include "base/float_guard.h"
#include "kernels/declarations.h"

// The search is a call of its own, so that no comparison can move past the change of rounding and
// denormal modes around it.
#if defined(__GNUC__)
#define PRUMO_NOINLINE __attribute__((noinline))
#else
#define PRUMO_NOINLINE
#endif

namespace prumo::scalar {
namespace {

PRUMO_NOINLINE ArgmaxResult search(const float* x, std::size_t n) {
  ArgmaxResult out{npos, false};
  for (std::size_t i = 0; i < n; ++i) {
    if (std::isnan(x[i])) {
      out.has_nan = true;
    } else if (out.index == npos || x[i] > x[out.index]) {
      out.index = i;
    }
  }
  return out;
}

}  // namespace

ArgmaxResult argmax(const float* x, std::size_t n) {
  const FloatGuard guard;
  return search(x, n);
}

}  // namespace prumo::scalar

#if PRUMO_X86

namespace prumo {
namespace {

// Floats in a block. Small enough that the final search costs little, large enough that closing a
// block does. Block numbers are 32 bits wide: good for 8 TiB of floats.
constexpr std::size_t kSpan = 512;
constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

[[maybe_unused]] constexpr bool countable(std::size_t n) {
  return n / kSpan <= std::numeric_limits<std::uint32_t>::max();
}

}  // namespace
}  // namespace prumo

PRUMO_AVX2_BEGIN
namespace prumo::avx2 {
namespace {

constexpr std::size_t kLanes = 8;

// maxps returns its second operand when either is NaN: a NaN in x never enters a maximum that
// stands there. The mask of a NaN pair is all ones, which is kept with an or.
inline void take(const float* x, __m256& max0, __m256& max1, __m256& nan) {
  const __m256 a = _mm256_loadu_ps(x);
  const __m256 b = _mm256_loadu_ps(x + kLanes);
  nan = _mm256_or_ps(nan, _mm256_cmp_ps(a, b, _CMP_UNORD_Q));
  max0 = _mm256_max_ps(a, max0);
  max1 = _mm256_max_ps(b, max1);
}

// The first n lanes of x, n < 8; -inf in the others.
inline __m256 load_part(const float* x, std::size_t n) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), lane);
  return _mm256_blendv_ps(_mm256_set1_ps(kMinusInfinity), _mm256_maskload_ps(x, mask),
                          _mm256_castsi256_ps(mask));
}

inline float reduce_max(__m256 v) {
  __m128 w = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  w = _mm_max_ps(w, _mm_movehl_ps(w, w));
  return _mm_cvtss_f32(_mm_max_ss(w, _mm_movehdup_ps(w)));
}

inline std::uint32_t reduce_min(__m256i v) {
  __m128i w = _mm_min_epu32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  w = _mm_min_epu32(w, _mm_shuffle_epi32(w, 0x4E));
  w = _mm_min_epu32(w, _mm_shuffle_epi32(w, 0xB1));
  return static_cast<std::uint32_t>(_mm_cvtsi128_si32(w));
}

// The first i >= from with x[i] == value, or npos.
std::size_t find(const float* x, std::size_t from, std::size_t n, float value) {
  const __m256 wanted = _mm256_set1_ps(value);
  std::size_t i = from;
  for (; i + kLanes <= n; i += kLanes) {
    const __m256 equal = _mm256_cmp_ps(_mm256_loadu_ps(x + i), wanted, _CMP_EQ_OQ);
    const auto bits = static_cast<unsigned>(_mm256_movemask_ps(equal));
    if (bits != 0) return i + static_cast<unsigned>(__builtin_ctz(bits));
  }
  for (; i < n; ++i) {
    if (x[i] == value) return i;
  }
  return npos;
}

PRUMO_NOINLINE ArgmaxResult search(const float* x, std::size_t n) {
  __m256 best = _mm256_set1_ps(kMinusInfinity);
  __m256i best_block = _mm256_setzero_si256();
  __m256i block = _mm256_setzero_si256();
  __m256 m0 = best, m1 = best, m2 = best, m3 = best, m4 = best, m5 = best, m6 = best, m7 = best;
  __m256 nan0 = _mm256_setzero_ps();
  __m256 nan1 = nan0;

  std::size_t i = 0;
  for (;;) {
    const bool last = n - i < kSpan;
    if (!last) {
      for (const std::size_t end = i + kSpan; i < end; i += 8 * kLanes) {
        take(x + i, m0, m1, nan0);
        take(x + i + 2 * kLanes, m2, m3, nan1);
        take(x + i + 4 * kLanes, m4, m5, nan0);
        take(x + i + 6 * kLanes, m6, m7, nan1);
      }
    } else {
      for (; n - i >= 2 * kLanes; i += 2 * kLanes) take(x + i, m0, m1, nan0);
      for (; i < n; i += kLanes) {
        const __m256 v = n - i < kLanes ? load_part(x + i, n - i) : _mm256_loadu_ps(x + i);
        nan0 = _mm256_or_ps(nan0, _mm256_cmp_ps(v, v, _CMP_UNORD_Q));
        m0 = _mm256_max_ps(v, m0);
        if (n - i < kLanes) break;
      }
    }
    // The maxima run on from block to block, so a lane that rose here has its maximum here.
    const __m256 m01 = _mm256_max_ps(_mm256_max_ps(m0, m1), _mm256_max_ps(m2, m3));
    const __m256 m23 = _mm256_max_ps(_mm256_max_ps(m4, m5), _mm256_max_ps(m6, m7));
    const __m256 now = _mm256_max_ps(m01, m23);
    const __m256 rose = _mm256_cmp_ps(now, best, _CMP_GT_OQ);
    best_block = _mm256_blendv_epi8(best_block, block, _mm256_castps_si256(rose));
    best = now;
    if (last) break;
    block = _mm256_add_epi32(block, _mm256_set1_epi32(1));
  }

  const float max = reduce_max(best);
  const __m256 top = _mm256_cmp_ps(best, _mm256_set1_ps(max), _CMP_EQ_OQ);
  const __m256i blocks = _mm256_or_si256(
      best_block, _mm256_andnot_si256(_mm256_castps_si256(top), _mm256_set1_epi32(-1)));
  const bool has_nan = _mm256_movemask_ps(_mm256_or_ps(nan0, nan1)) != 0;
  return {find(x, std::size_t{reduce_min(blocks)} * kSpan, n, max), has_nan};
}

}  // namespace

ArgmaxResult argmax(const float* x, std::size_t n) {
  assert(countable(n));
  const FloatGuard guard;
  return search(x, n);
}

}  // namespace prumo::avx2
PRUMO_ISA_END

PRUMO_AVX512_BEGIN
namespace prumo::avx512 {
namespace {

constexpr std::size_t kLanes = 16;

// vmaxps returns its second operand when either is NaN: a NaN in x never enters a maximum that
// stands there. A compare under its own mask is an and: `ordered` keeps a bit until a NaN clears
// it.
inline void take(const float* x, __m512& max0, __m512& max1, __mmask16& ordered) {
  const __m512 a = _mm512_loadu_ps(x);
  const __m512 b = _mm512_loadu_ps(x + kLanes);
  ordered = _mm512_mask_cmp_ps_mask(ordered, a, b, _CMP_ORD_Q);
  max0 = _mm512_max_ps(a, max0);
  max1 = _mm512_max_ps(b, max1);
}

// The first min(n, 16) lanes of x.
inline __mmask16 part(std::size_t n) {
  return n >= kLanes ? static_cast<__mmask16>(0xFFFF) : static_cast<__mmask16>((1u << n) - 1);
}

// The first i >= from with x[i] == value, or npos.
std::size_t find(const float* x, std::size_t from, std::size_t n, float value) {
  const __m512 wanted = _mm512_set1_ps(value);
  for (std::size_t i = from; i < n; i += kLanes) {
    const __mmask16 in = part(n - i);
    const __m512 v = _mm512_maskz_loadu_ps(in, x + i);
    const __mmask16 equal = _mm512_mask_cmp_ps_mask(in, v, wanted, _CMP_EQ_OQ);
    if (equal != 0) return i + static_cast<unsigned>(__builtin_ctz(equal));
    if (n - i <= kLanes) break;
  }
  return npos;
}

PRUMO_NOINLINE ArgmaxResult search(const float* x, std::size_t n) {
  const __m512 nothing = _mm512_set1_ps(kMinusInfinity);
  __m512 best = nothing;
  __m512i best_block = _mm512_setzero_si512();
  __m512i block = _mm512_setzero_si512();
  __m512 m0 = best, m1 = best, m2 = best, m3 = best, m4 = best, m5 = best, m6 = best, m7 = best;
  __mmask16 ordered0 = 0xFFFF;
  __mmask16 ordered1 = 0xFFFF;
  __mmask16 ordered2 = 0xFFFF;
  __mmask16 ordered3 = 0xFFFF;

  std::size_t i = 0;
  for (;;) {
    const bool last = n - i < kSpan;
    if (!last) {
      for (const std::size_t end = i + kSpan; i < end; i += 8 * kLanes) {
        take(x + i, m0, m1, ordered0);
        take(x + i + 2 * kLanes, m2, m3, ordered1);
        take(x + i + 4 * kLanes, m4, m5, ordered2);
        take(x + i + 6 * kLanes, m6, m7, ordered3);
      }
    } else {
      for (; n - i >= 2 * kLanes; i += 2 * kLanes) take(x + i, m0, m1, ordered0);
      if (n - i >= kLanes) {
        const __m512 v = _mm512_loadu_ps(x + i);
        ordered1 = _mm512_mask_cmp_ps_mask(ordered1, v, v, _CMP_ORD_Q);
        m1 = _mm512_max_ps(v, m1);
        i += kLanes;
      }
      if (i < n) {
        const __m512 v = _mm512_mask_loadu_ps(nothing, part(n - i), x + i);
        ordered2 = _mm512_mask_cmp_ps_mask(ordered2, v, v, _CMP_ORD_Q);
        m2 = _mm512_max_ps(v, m2);
      }
    }
    // The maxima run on from block to block, so a lane that rose here has its maximum here.
    const __m512 m01 = _mm512_max_ps(_mm512_max_ps(m0, m1), _mm512_max_ps(m2, m3));
    const __m512 m23 = _mm512_max_ps(_mm512_max_ps(m4, m5), _mm512_max_ps(m6, m7));
    const __m512 now = _mm512_max_ps(m01, m23);
    const __mmask16 rose = _mm512_cmp_ps_mask(now, best, _CMP_GT_OQ);
    best_block = _mm512_mask_mov_epi32(best_block, rose, block);
    best = now;
    if (last) break;
    block = _mm512_add_epi32(block, _mm512_set1_epi32(1));
  }

  const float max = _mm512_reduce_max_ps(best);
  const __mmask16 top = _mm512_cmp_ps_mask(best, _mm512_set1_ps(max), _CMP_EQ_OQ);
  const std::size_t first = _mm512_mask_reduce_min_epu32(top, best_block);
  const bool has_nan = (ordered0 & ordered1 & ordered2 & ordered3) != 0xFFFF;
  return {find(x, first * kSpan, n, max), has_nan};
}

}  // namespace

ArgmaxResult argmax(const float* x, std::size_t n) {
  assert(countable(n));
  const FloatGuard guard;
  return search(x, n);
}

}  // namespace prumo::avx512
PRUMO_ISA_END

#endif
