// Matrix product, BF16 weights. Activations are rounded to BF16, so every product of two is exact
// in float. A row is not a lane here: its elements run in 16 lanes by pairs, as processors with
// BF16 dot products take them, and its panel holds the rows end to end.
#include <cmath>
#include <cstring>

#include "base/half.h"
#include "kernels/declarations.h"
#include "kernels/lanes.h"
#include "kernels/pack.h"

namespace prumo {
namespace {

constexpr std::size_t kStep = 32;  // elements of a row at a time: a pair a lane

struct Rows {
  const std::uint16_t* first;  // the panel's first row
  std::size_t columns;
  const std::uint16_t* operator[](std::size_t r) const { return first + r * columns; }
};

Rows rows_of(const MatmulArgs& a, std::size_t panel) {
  const std::size_t stride = panel_bytes(gguf::TensorType::kBF16, a.columns);
  return {reinterpret_cast<const std::uint16_t*>(a.panels + panel * stride), a.columns};
}

// Up to 32 activations rounded to BF16, zeros behind them: evens in [0, 16), odds in [16, 32), as
// the lanes want them.
void split(const float* x, std::size_t n, float* even_odd) {
  std::memset(even_odd, 0, kStep * sizeof(float));
  for (std::size_t i = 0; i < n; ++i) {
    even_odd[i % 2 * 16 + i / 2] = bf16_to_float(float_to_bf16(x[i]));
  }
}

}  // namespace
}  // namespace prumo

namespace prumo::scalar {

void matmul_bf16(const MatmulArgs& a) {
  const auto* x = static_cast<const float*>(a.x);
  for (std::size_t p = a.panel_begin; p < a.panel_end; ++p) {
    const Rows rows = rows_of(a, p);
    for (std::size_t t = 0; t < a.tokens; ++t) {
      for (std::size_t r = 0; r < kPanelRows; ++r) {
        float lane[16] = {};
        for (std::size_t k = 0; k < round_up(a.columns, kStep); ++k) {
          const bool real = k < a.columns;  // a zero product still makes +0 of a lane that is -0
          const float xk = real ? bf16_to_float(float_to_bf16(x[t * a.columns + k])) : 0.0f;
          float& sum = lane[k % kStep / 2];
          sum = std::fma(real ? bf16_to_float(rows[r][k]) : 0.0f, xk, sum);
        }
        a.y[t * a.y_stride + p * kPanelRows + r] = reduce16(lane);
      }
    }
  }
}

}  // namespace prumo::scalar

// Tiles of four rows. A pair of weights is one 32-bit word: its high half is the odd one as a float
// already, its low half, shifted up, the even one. The last step of a row that is no multiple of 32
// goes through a zeroed copy.
#if PRUMO_X86
PRUMO_AVX2_BEGIN
namespace prumo::avx2 {
namespace {

// Lanes 0-7 are pairs 0-7 of the step, lanes 8-15 pairs 8-15.
struct Lanes {
  __m256 low;
  __m256 high;
};

inline void add_pairs(const std::uint16_t* w, const float* even_odd, Lanes& sum) {
  const __m256i odd_mask = _mm256_set1_epi32(static_cast<int>(0xFFFF0000u));
  const __m256i w0 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w));
  const __m256i w1 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w + 16));
  const __m256 even0 = _mm256_castsi256_ps(_mm256_slli_epi32(w0, 16));
  const __m256 even1 = _mm256_castsi256_ps(_mm256_slli_epi32(w1, 16));
  const __m256 odd0 = _mm256_castsi256_ps(_mm256_and_si256(w0, odd_mask));
  const __m256 odd1 = _mm256_castsi256_ps(_mm256_and_si256(w1, odd_mask));
  sum.low = _mm256_fmadd_ps(even0, _mm256_loadu_ps(even_odd), sum.low);
  sum.high = _mm256_fmadd_ps(even1, _mm256_loadu_ps(even_odd + 8), sum.high);
  sum.low = _mm256_fmadd_ps(odd0, _mm256_loadu_ps(even_odd + 16), sum.low);
  sum.high = _mm256_fmadd_ps(odd1, _mm256_loadu_ps(even_odd + 24), sum.high);
}

void tile(const MatmulArgs& a, const Rows& rows, std::size_t r, std::size_t t, float* y) {
  const float* x = static_cast<const float*>(a.x) + t * a.columns;
  Lanes sum[4];
  for (Lanes& s : sum) s = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  float even_odd[kStep];
  std::size_t k = 0;
  for (; k + kStep <= a.columns; k += kStep) {
    split(x + k, kStep, even_odd);
    for (std::size_t i = 0; i < 4; ++i) add_pairs(rows[r + i] + k, even_odd, sum[i]);
  }
  if (k < a.columns) {
    split(x + k, a.columns - k, even_odd);
    for (std::size_t i = 0; i < 4; ++i) {
      std::uint16_t rest[kStep] = {};
      std::memcpy(rest, rows[r + i] + k, (a.columns - k) * sizeof rest[0]);
      add_pairs(rest, even_odd, sum[i]);
    }
  }
  for (std::size_t i = 0; i < 4; ++i) y[i] = reduce16(sum[i].low, sum[i].high);
}

}  // namespace

void matmul_bf16(const MatmulArgs& a) {
  for (std::size_t p = a.panel_begin; p < a.panel_end; ++p) {
    const Rows rows = rows_of(a, p);
    for (std::size_t t = 0; t < a.tokens; ++t) {
      for (std::size_t r = 0; r < kPanelRows; r += 4) {
        tile(a, rows, r, t, a.y + t * a.y_stride + p * kPanelRows + r);
      }
    }
  }
}

}  // namespace prumo::avx2
PRUMO_ISA_END

PRUMO_AVX512_BEGIN
namespace prumo::avx512 {
namespace {

// Rounds 16 floats to BF16, to nearest even; NaN stays NaN, quiet.
inline __m512 round_bf16(__m512 x) {
  const __m512i bits = _mm512_castps_si512(x);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i half = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF));
  const __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
  __m512i up = _mm512_add_epi32(bits, half);
  up = _mm512_mask_or_epi32(up, nan, bits, _mm512_set1_epi32(0x400000));
  return _mm512_castsi512_ps(
      _mm512_and_si512(up, _mm512_set1_epi32(static_cast<int>(0xFFFF0000u))));
}

// The next 32 activations, evens and odds; `low` and `high` say which of either 16 there are.
inline void split(const float* x, __mmask16 low, __mmask16 high, __m512& even, __m512& odd) {
  const __m512i evens =
      _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odds = _mm512_add_epi32(evens, _mm512_set1_epi32(1));
  const __m512 x0 = round_bf16(_mm512_maskz_loadu_ps(low, x));
  const __m512 x1 = round_bf16(_mm512_maskz_loadu_ps(high, x + 16));
  even = _mm512_permutex2var_ps(x0, evens, x1);
  odd = _mm512_permutex2var_ps(x0, odds, x1);
}

template <std::size_t kTokens>
void tile(const MatmulArgs& a, const Rows& rows, std::size_t r, std::size_t t, std::size_t panel) {
  const float* x = static_cast<const float*>(a.x) + t * a.columns;
  __m512 sum[4][kTokens];
  for (auto& row : sum) {
    for (auto& s : row) s = _mm512_setzero_ps();
  }
  for (std::size_t k = 0; k < a.columns; k += kStep) {
    const std::size_t left = a.columns - k;
    const __mmask16 low = first_lanes(left);
    const __mmask16 high = first_lanes(left > 16 ? left - 16 : 0);
    __m512 even[kTokens];
    __m512 odd[kTokens];
    for (std::size_t j = 0; j < kTokens; ++j)
      split(x + j * a.columns + k, low, high, even[j], odd[j]);
    const __mmask32 lanes = left >= kStep ? ~__mmask32{0} : (__mmask32{1} << left) - 1;
    for (std::size_t i = 0; i < 4; ++i) {
      const __m512i w = _mm512_maskz_loadu_epi16(lanes, rows[r + i] + k);
      const __m512 w_even = _mm512_castsi512_ps(_mm512_slli_epi32(w, 16));
      const __m512 w_odd = _mm512_castsi512_ps(
          _mm512_and_si512(w, _mm512_set1_epi32(static_cast<int>(0xFFFF0000u))));
      for (std::size_t j = 0; j < kTokens; ++j) {
        sum[i][j] = _mm512_fmadd_ps(w_even, even[j], sum[i][j]);
        sum[i][j] = _mm512_fmadd_ps(w_odd, odd[j], sum[i][j]);
      }
    }
  }
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 0; j < kTokens; ++j) {
      a.y[(t + j) * a.y_stride + panel * kPanelRows + r + i] = reduce16(sum[i][j]);
    }
  }
}

}  // namespace

void matmul_bf16(const MatmulArgs& a) {
  for (std::size_t p = a.panel_begin; p < a.panel_end; ++p) {
    const Rows rows = rows_of(a, p);
    for (std::size_t r = 0; r < kPanelRows; r += 4) {
      std::size_t t = 0;
      for (; t + 4 <= a.tokens; t += 4) tile<4>(a, rows, r, t, p);
      for (; t < a.tokens; ++t) tile<1>(a, rows, r, t, p);
    }
  }
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
