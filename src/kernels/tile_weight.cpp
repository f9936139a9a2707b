// tile_weight: the integer weights of every 64 logits, summed, so that the sampler can walk to a
// draw by tiles. Integers have no rounding, so any order of addition gives the same sum.
#include "kernels/declarations.h"
#include "kernels/exp.h"
#include "kernels/lanes.h"

namespace prumo::scalar {

void tile_weight(const float* x, std::size_t n, float max, float scale, std::uint64_t* tiles) {
  for (std::size_t begin = 0; begin < n; begin += kTile) {
    const std::size_t end = n - begin < kTile ? n : begin + kTile;
    std::uint64_t sum = 0;
    for (std::size_t i = begin; i < end; ++i) {
      sum += static_cast<std::uint64_t>(exp((x[i] - max) * scale) * 0x1p32f);
    }
    tiles[begin / kTile] = sum;
  }
}

}  // namespace prumo::scalar

// The same steps as exp.h, for arguments that are never above 0. They are first raised to -30,
// where the weight is already 0, so that no power of two leaves the range of normal numbers; it can
// then be added to the exponent's bits, and with it the 2^32 or 2^16 of the fixed point.
#if PRUMO_X86
PRUMO_AVX2_BEGIN
namespace prumo::avx2 {
namespace {

constexpr float kLeast = -30.0f;

// e^max(x, -30) * 2^16, for x <= 0.
inline __m256 exp_times_2_16(__m256 x) {
  using namespace exp_constants;
  x = _mm256_max_ps(x, _mm256_set1_ps(kLeast));
  const __m256 round = _mm256_set1_ps(kRound);
  const __m256 t = _mm256_fmadd_ps(x, _mm256_set1_ps(kLog2e), round);
  const __m256 n = _mm256_sub_ps(t, round);
  __m256 r = _mm256_fmadd_ps(n, _mm256_set1_ps(-kLn2High), x);
  r = _mm256_fmadd_ps(n, _mm256_set1_ps(-kLn2Low), r);
  __m256 p = _mm256_set1_ps(kC5);
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(kC4));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(kC3));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(kC2));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(kC1));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(kC0));
  p = _mm256_add_ps(_mm256_fmadd_ps(p, _mm256_mul_ps(r, r), r), _mm256_set1_ps(1.0f));
  // The low bits of t hold n; the rest of it leaves on the left.
  const __m256i power = _mm256_slli_epi32(_mm256_castps_si256(t), 23);
  const __m256i scaled = _mm256_add_epi32(_mm256_castps_si256(p), power);
  return _mm256_castsi256_ps(_mm256_add_epi32(scaled, _mm256_set1_epi32(16 << 23)));
}

inline std::uint64_t sum8(__m256i v) {
  __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4E));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xB1));
  return static_cast<std::uint32_t>(_mm_cvtsi128_si32(s));
}

// Sums of the weights' upper and lower 16 bits, 32 bits a lane: a tile has 8 elements a lane, so
// that nothing overflows.
struct Halves {
  __m256i high;
  __m256i low;
};

inline Halves zero() {
  return {_mm256_setzero_si256(), _mm256_setzero_si256()};
}

inline Halves weigh(Halves sum, __m256 x, __m256 max, __m256 scale) {
  const __m256 w = exp_times_2_16(_mm256_mul_ps(_mm256_sub_ps(x, max), scale));
  const __m256i whole = _mm256_cvttps_epi32(w);
  const __m256 rest = _mm256_mul_ps(_mm256_sub_ps(w, _mm256_cvtepi32_ps(whole)),  // both exact
                                    _mm256_set1_ps(0x1p16f));
  return {_mm256_add_epi32(sum.high, whole), _mm256_add_epi32(sum.low, _mm256_cvttps_epi32(rest))};
}

inline std::uint64_t total(Halves sum) {
  return (sum8(sum.high) << 16) + sum8(sum.low);
}

}  // namespace

void tile_weight(const float* x, std::size_t n, float max, float scale, std::uint64_t* tiles) {
  const __m256 m = _mm256_set1_ps(max);
  const __m256 s = _mm256_set1_ps(scale);
  std::size_t i = 0;
  for (; n - i >= kTile; i += kTile, ++tiles) {
    Halves sum = zero();
    for (std::size_t j = 0; j < kTile; j += 8) sum = weigh(sum, _mm256_loadu_ps(x + i + j), m, s);
    *tiles = total(sum);
  }
  if (i == n) return;
  const __m256 nothing = _mm256_set1_ps(-std::numeric_limits<float>::infinity());
  Halves sum = zero();
  for (; i < n; i += 8) {
    const __m256i lanes = first_lanes(n - i);
    const __m256 v =
        _mm256_blendv_ps(nothing, _mm256_maskload_ps(x + i, lanes), _mm256_castsi256_ps(lanes));
    sum = weigh(sum, v, m, s);
  }
  *tiles = total(sum);
}

}  // namespace prumo::avx2
PRUMO_ISA_END

PRUMO_AVX512_BEGIN
namespace prumo::avx512 {
namespace {

constexpr float kLeast = -30.0f;
constexpr float kRound32 = exp_constants::kRound + 32.0f;  // adds 32 to n: rounds alike, both even

// e^max(x, -30) * 2^32, for x <= 0.
inline __m512 exp_times_2_32(__m512 x) {
  using namespace exp_constants;
  x = _mm512_max_ps(x, _mm512_set1_ps(kLeast));
  const __m512 round = _mm512_set1_ps(kRound32);
  const __m512 t = _mm512_fmadd_ps(x, _mm512_set1_ps(kLog2e), round);
  const __m512 n = _mm512_sub_ps(t, round);
  __m512 r = _mm512_fmadd_ps(n, _mm512_set1_ps(-kLn2High), x);
  r = _mm512_fmadd_ps(n, _mm512_set1_ps(-kLn2Low), r);
  __m512 p = _mm512_set1_ps(kC5);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(kC4));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(kC3));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(kC2));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(kC1));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(kC0));
  p = _mm512_add_ps(_mm512_fmadd_ps(p, _mm512_mul_ps(r, r), r), _mm512_set1_ps(1.0f));
  // The low bits of t hold n + 32; the rest of it leaves on the left.
  const __m512i power = _mm512_slli_epi32(_mm512_castps_si512(t), 23);
  return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(p), power));
}

inline __m512i weigh(__m512i sum, __m512 x, __m512 max, __m512 scale) {
  const __m512 w = exp_times_2_32(_mm512_mul_ps(_mm512_sub_ps(x, max), scale));
  const __m512i low = _mm512_cvttps_epu64(_mm512_castps512_ps256(w));
  const __m512i high = _mm512_cvttps_epu64(_mm512_extractf32x8_ps(w, 1));
  return _mm512_add_epi64(sum, _mm512_add_epi64(low, high));
}

inline std::uint64_t sum8(__m512i v) {
  return static_cast<std::uint64_t>(_mm512_reduce_add_epi64(v));
}

}  // namespace

void tile_weight(const float* x, std::size_t n, float max, float scale, std::uint64_t* tiles) {
  const __m512 m = _mm512_set1_ps(max);
  const __m512 s = _mm512_set1_ps(scale);
  std::size_t i = 0;
  for (; n - i >= kTile; i += kTile, ++tiles) {
    __m512i sum = _mm512_setzero_si512();
    for (std::size_t j = 0; j < kTile; j += 16) sum = weigh(sum, _mm512_loadu_ps(x + i + j), m, s);
    *tiles = sum8(sum);
  }
  if (i == n) return;
  const __m512 nothing = _mm512_set1_ps(-std::numeric_limits<float>::infinity());
  __m512i sum = _mm512_setzero_si512();
  for (; i < n; i += 16) {
    sum = weigh(sum, _mm512_mask_loadu_ps(nothing, first_lanes(n - i), x + i), m, s);
  }
  *tiles = sum8(sum);
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
