// argmax: the scalar loop is the definition. The others find the maximum in blocks of 512, remember
// which block raised each lane last, and search the first such block for the element.
#include <cassert>
#include <cmath>

#include "base/float_guard.h"
#include "kernels/declarations.h"

// The search is a call of its own, so that no comparison can move past the change of rounding and
// denormal modes around it.
#if defined(__GNUC__)
#define PRUMO_NOINLINE __attribute__((noinline))
#define PRUMO_INLINE inline __attribute__((always_inline))
// The compiler may not reorder this point of the program, or look into the value. Without it the
// schedulers load lines out of order, or twice, which costs up to a third of the bandwidth.
#define PRUMO_IN_ORDER(register_class, value) __asm__ volatile("" : register_class(value))
// The compiler may not look into the value. Without it clang packs masks into bits to combine them.
#define PRUMO_AS_IT_IS(register_class, value) __asm__("" : register_class(value))
#else
#define PRUMO_NOINLINE
#define PRUMO_INLINE inline
#define PRUMO_IN_ORDER(register_class, value) (void)0
#define PRUMO_AS_IT_IS(register_class, value) (void)0
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

// What a pass keeps: four running maxima, whether a lane met a NaN, and for each lane the maximum
// with the number of the block that raised it last.
struct Pass {
  __m256 max[4];
  __m256 nan;
  __m256 best;
  __m256i best_block;
  __m256i block;
};

// Takes two vectors. maxps returns its second operand when either is NaN: no NaN enters a maximum
// that stands there, and `pair` is NaN where b is, so that one compare sees a NaN in either vector.
// But there `pair` has lost what a holds: with `careful`, each vector is taken by itself, which
// costs a tenth.
PRUMO_INLINE void take(const float* x, __m256& max, __m256& nan, bool careful) {
  __m256 a = _mm256_loadu_ps(x);
  PRUMO_IN_ORDER("+x", a);
  const __m256 b = _mm256_loadu_ps(x + kLanes);
  __m256 pair = _mm256_max_ps(a, b);
  PRUMO_IN_ORDER("+x", pair);
  __m256 unordered = _mm256_cmp_ps(a, pair, _CMP_UNORD_Q);
  PRUMO_AS_IT_IS("+x", unordered);
  nan = _mm256_or_ps(nan, unordered);
  max = careful ? _mm256_max_ps(a, _mm256_max_ps(b, max)) : _mm256_max_ps(pair, max);
}

// Takes the first n lanes of x, 1 <= n <= 8.
inline void take_part(const float* x, std::size_t n, __m256& max, __m256& nan) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), lane);
  const __m256 v = _mm256_blendv_ps(_mm256_set1_ps(kMinusInfinity), _mm256_maskload_ps(x, mask),
                                    _mm256_castsi256_ps(mask));
  nan = _mm256_or_ps(nan, _mm256_cmp_ps(v, v, _CMP_UNORD_Q));
  max = _mm256_max_ps(v, max);
}

constexpr std::size_t kStep = 8 * kLanes;

PRUMO_INLINE void take_step(const float* x, Pass& p, bool careful) {
  take(x, p.max[0], p.nan, careful);
  take(x + 2 * kLanes, p.max[1], p.nan, careful);
  take(x + 4 * kLanes, p.max[2], p.nan, careful);
  take(x + 6 * kLanes, p.max[3], p.nan, careful);
}

PRUMO_INLINE void close_block(Pass& p) {
  // The maxima run on from block to block, so a lane that rose here has its maximum here.
  const __m256 now =
      _mm256_max_ps(_mm256_max_ps(p.max[0], p.max[1]), _mm256_max_ps(p.max[2], p.max[3]));
  const __m256 rose = _mm256_cmp_ps(now, p.best, _CMP_GT_OQ);
  p.best_block = _mm256_blendv_epi8(p.best_block, p.block, _mm256_castps_si256(rose));
  p.best = now;
  p.block = _mm256_add_epi32(p.block, _mm256_set1_epi32(1));
}

// A whole block, in one straight line: a loop here costs a tenth.
PRUMO_INLINE void take_block(const float* x, Pass& p, bool careful) {
  static_assert(kSpan == 8 * kStep);
  PRUMO_IN_ORDER("+r", x);
  take_step(x, p, careful);
  take_step(x + kStep, p, careful);
  take_step(x + 2 * kStep, p, careful);
  take_step(x + 3 * kStep, p, careful);
  take_step(x + 4 * kStep, p, careful);
  take_step(x + 5 * kStep, p, careful);
  take_step(x + 6 * kStep, p, careful);
  take_step(x + 7 * kStep, p, careful);
  close_block(p);
}

// A last block of n < kSpan floats.
PRUMO_INLINE void take_rest(const float* x, std::size_t n, Pass& p, bool careful) {
  std::size_t i = 0;
  for (; n - i >= kStep; i += kStep) take_step(x + i, p, careful);
  for (; n - i >= kLanes; i += kLanes) take_part(x + i, kLanes, p.max[0], p.nan);
  if (i < n) take_part(x + i, n - i, p.max[0], p.nan);
  close_block(p);
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

inline unsigned equal_bits(const float* x, __m256 wanted) {
  return static_cast<unsigned>(
      _mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(x), wanted, _CMP_EQ_OQ)));
}

// The first i >= from with x[i] == value, or npos.
std::size_t find(const float* x, std::size_t from, std::size_t n, float value) {
  const __m256 wanted = _mm256_set1_ps(value);
  std::size_t i = from;
  for (; n - i >= 4 * kLanes; i += 4 * kLanes) {
    const unsigned bits = equal_bits(x + i, wanted) | equal_bits(x + i + kLanes, wanted) << 8 |
                          equal_bits(x + i + 2 * kLanes, wanted) << 16 |
                          equal_bits(x + i + 3 * kLanes, wanted) << 24;
    if (bits != 0) return i + static_cast<unsigned>(__builtin_ctz(bits));
  }
  for (; i < n; ++i) {
    if (x[i] == value) return i;
  }
  return npos;
}

PRUMO_INLINE ArgmaxResult pass(const float* x, std::size_t n, bool careful) {
  const __m256 nothing = _mm256_set1_ps(kMinusInfinity);
  const __m256i zero = _mm256_setzero_si256();
  Pass p{{nothing, nothing, nothing, nothing}, _mm256_setzero_ps(), nothing, zero, zero};
  std::size_t i = 0;
  for (; n - i >= kSpan; i += kSpan) take_block(x + i, p, careful);
  if (i != n) take_rest(x + i, n - i, p, careful);

  const float max = reduce_max(p.best);
  const __m256 lower = _mm256_cmp_ps(p.best, _mm256_set1_ps(max), _CMP_NEQ_OQ);
  const __m256i blocks = _mm256_or_si256(p.best_block, _mm256_castps_si256(lower));
  return {find(x, std::size_t{reduce_min(blocks)} * kSpan, n, max), _mm256_movemask_ps(p.nan) != 0};
}

PRUMO_NOINLINE ArgmaxResult search_carefully(const float* x, std::size_t n) {
  return pass(x, n, true);
}

// Logits with a NaN are an error to whoever asks: they may take twice the time.
PRUMO_NOINLINE ArgmaxResult search(const float* x, std::size_t n) {
  const ArgmaxResult quick = pass(x, n, false);
  return quick.has_nan ? search_carefully(x, n) : quick;
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

struct Pass {
  __m512 max[4];
  __mmask16 ordered[2];  // a bit stays until a NaN clears it
  __m512 best;
  __m512i best_block;
  __m512i block;
};

// Takes two vectors, neither of which lets a NaN in. A compare under its own mask is an and.
PRUMO_INLINE void take(const float* x, __m512& max0, __m512& max1, __mmask16& ordered) {
  __m512 a = _mm512_loadu_ps(x);
  PRUMO_IN_ORDER("+v", a);
  __m512 b = _mm512_loadu_ps(x + kLanes);
  PRUMO_IN_ORDER("+v", b);
  ordered = _mm512_mask_cmp_ps_mask(ordered, a, b, _CMP_ORD_Q);
  max0 = _mm512_max_ps(a, max0);
  max1 = _mm512_max_ps(b, max1);
}

// The first min(n, 16) lanes.
inline __mmask16 first(std::size_t n) {
  return static_cast<__mmask16>(n < kLanes ? (1u << n) - 1 : 0xFFFF);
}

constexpr std::size_t kStep = 4 * kLanes;

PRUMO_INLINE void take_step(const float* x, Pass& p) {
  take(x, p.max[0], p.max[1], p.ordered[0]);
  take(x + 2 * kLanes, p.max[2], p.max[3], p.ordered[1]);
}

PRUMO_INLINE void close_block(Pass& p) {
  const __m512 now =
      _mm512_max_ps(_mm512_max_ps(p.max[0], p.max[1]), _mm512_max_ps(p.max[2], p.max[3]));
  const __mmask16 rose = _mm512_cmp_ps_mask(now, p.best, _CMP_GT_OQ);
  p.best_block = _mm512_mask_mov_epi32(p.best_block, rose, p.block);
  p.best = now;
  p.block = _mm512_add_epi32(p.block, _mm512_set1_epi32(1));
}

PRUMO_INLINE void take_block(const float* x, Pass& p) {
  static_assert(kSpan == 8 * kStep);
  take_step(x, p);
  take_step(x + kStep, p);
  take_step(x + 2 * kStep, p);
  take_step(x + 3 * kStep, p);
  take_step(x + 4 * kStep, p);
  take_step(x + 5 * kStep, p);
  take_step(x + 6 * kStep, p);
  take_step(x + 7 * kStep, p);
  close_block(p);
}

// A last block of n < kSpan floats.
PRUMO_INLINE void take_rest(const float* x, std::size_t n, Pass& p) {
  std::size_t i = 0;
  for (; n - i >= kStep; i += kStep) take_step(x + i, p);
  for (; i < n; i += kLanes) {
    const __m512 v = _mm512_mask_loadu_ps(_mm512_set1_ps(kMinusInfinity), first(n - i), x + i);
    p.ordered[0] = _mm512_mask_cmp_ps_mask(p.ordered[0], v, v, _CMP_ORD_Q);
    p.max[0] = _mm512_max_ps(v, p.max[0]);
  }
  close_block(p);
}

inline __mmask16 equal_bits(const float* x, __m512 wanted) {
  return _mm512_cmp_ps_mask(_mm512_loadu_ps(x), wanted, _CMP_EQ_OQ);
}

// The first i >= from with x[i] == value, or npos.
std::size_t find(const float* x, std::size_t from, std::size_t n, float value) {
  const __m512 wanted = _mm512_set1_ps(value);
  std::size_t i = from;
  for (; n - i >= 4 * kLanes; i += 4 * kLanes) {
    const __mmask32 low =
        _mm512_kunpackw(equal_bits(x + i + kLanes, wanted), equal_bits(x + i, wanted));
    const __mmask32 high = _mm512_kunpackw(equal_bits(x + i + 3 * kLanes, wanted),
                                           equal_bits(x + i + 2 * kLanes, wanted));
    const __mmask64 bits = _mm512_kunpackd(high, low);
    if (bits != 0) return i + static_cast<unsigned>(__builtin_ctzll(bits));
  }
  for (; i < n; i += kLanes) {
    const __m512 v = _mm512_maskz_loadu_ps(first(n - i), x + i);
    const unsigned bits = _mm512_mask_cmp_ps_mask(first(n - i), v, wanted, _CMP_EQ_OQ);
    if (bits != 0) return i + static_cast<unsigned>(__builtin_ctz(bits));
  }
  return npos;
}

PRUMO_NOINLINE ArgmaxResult search(const float* x, std::size_t n) {
  const __m512 nothing = _mm512_set1_ps(kMinusInfinity);
  const __m512i zero = _mm512_setzero_si512();
  Pass p{{nothing, nothing, nothing, nothing}, {0xFFFF, 0xFFFF}, nothing, zero, zero};
  std::size_t i = 0;
  for (; n - i >= kSpan; i += kSpan) take_block(x + i, p);
  if (i != n) take_rest(x + i, n - i, p);

  const float max = _mm512_reduce_max_ps(p.best);
  const __mmask16 top = _mm512_cmp_ps_mask(p.best, _mm512_set1_ps(max), _CMP_EQ_OQ);
  const std::size_t block = _mm512_mask_reduce_min_epu32(top, p.best_block);
  return {find(x, block * kSpan, n, max), (p.ordered[0] & p.ordered[1]) != 0xFFFF};
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
