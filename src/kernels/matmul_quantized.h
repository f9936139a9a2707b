// What the products of quantized matrices share: the walk over panels and tokens, loads, and the
// one fma that joins a block to its row. The files of the types give it the inside of a block.
#pragma once

#include <cstring>

#include "kernels/declarations.h"
#include "kernels/pack.h"

namespace prumo::scalar {

inline std::uint16_t load_u16(const std::byte* at) {
  std::uint16_t out;
  std::memcpy(&out, at, sizeof out);
  return out;
}

/// y[t][row] = row_times(panel, row in the panel, activations of token t) for all that `a` asks
/// for.
template <class RowTimes>
void for_each_row(const MatmulArgs& a, std::size_t stride, RowTimes&& row_times) {
  const auto* x = static_cast<const QuantizedBlock*>(a.x);
  for (std::size_t p = a.panel_begin; p < a.panel_end; ++p) {
    for (std::size_t t = 0; t < a.tokens; ++t) {
      for (std::size_t r = 0; r < kPanelRows; ++r) {
        a.y[t * a.y_stride + p * kPanelRows + r] =
            row_times(a.panels + p * stride, r, x + t * (a.columns / kBlock));
      }
    }
  }
}

}  // namespace prumo::scalar

#if PRUMO_X86
PRUMO_AVX2_BEGIN
namespace prumo::avx2 {

inline __m256i load(const std::byte* at) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
}

/// 8 f16 scales, one a row.
inline __m256 load_scales(const std::byte* at) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
}

/// Four activations in every lane.
inline __m256i broadcast4(const std::int8_t* q) {
  std::int32_t word;
  std::memcpy(&word, q, sizeof word);
  return _mm256_set1_epi32(word);
}

/// fma(w_scale * x_scale, dot, sum)
inline __m256 join(__m256 w_scale, float x_scale, __m256i dot, __m256 sum) {
  return _mm256_fmadd_ps(_mm256_mul_ps(w_scale, _mm256_set1_ps(x_scale)), _mm256_cvtepi32_ps(dot),
                         sum);
}

template <class Weights, std::size_t kTokens>
void matmul_quantized_tile(const MatmulArgs& a, const PanelLayout& layout, std::size_t p,
                           std::size_t t) {
  const std::byte* panel = a.panels + p * layout.stride;
  for (std::size_t half = 0; half < 2; ++half) {
    __m256 sum[kTokens];
    for (auto& s : sum) s = _mm256_setzero_ps();
    Weights::template tile<kTokens>(a, panel, layout, half, t, sum);
    for (std::size_t j = 0; j < kTokens; ++j) {
      _mm256_storeu_ps(a.y + (t + j) * a.y_stride + p * kPanelRows + half * 8, sum[j]);
    }
  }
}

/// Weights: kType, kMaxTokens (4), tile<kTokens>.
template <class Weights>
void matmul_quantized(const MatmulArgs& a) {
  static_assert(Weights::kMaxTokens == 4);
  const PanelLayout layout = panel_layout(Weights::kType, a.columns);
  for (std::size_t p = a.panel_begin; p < a.panel_end; ++p) {
    std::size_t t = 0;
    for (; t + 4 <= a.tokens; t += 4) matmul_quantized_tile<Weights, 4>(a, layout, p, t);
    switch (a.tokens - t) {
      case 3:
        matmul_quantized_tile<Weights, 3>(a, layout, p, t);
        break;
      case 2:
        matmul_quantized_tile<Weights, 2>(a, layout, p, t);
        break;
      case 1:
        matmul_quantized_tile<Weights, 1>(a, layout, p, t);
        break;
      default:
        break;
    }
  }
}

}  // namespace prumo::avx2
PRUMO_ISA_END

PRUMO_AVX512_BEGIN
namespace prumo::avx512 {

/// How far ahead a single token's product asks for weights: a page, which the hardware would stop
/// at.
inline constexpr std::size_t kPrefetch = 4096;

template <std::size_t kLines>
inline void prefetch(const std::byte* at) {
  for (std::size_t i = 0; i < kLines; ++i) {
    _mm_prefetch(reinterpret_cast<const char*>(at) + i * 64, _MM_HINT_T0);
  }
}

inline __m512i load(const std::byte* at) {
  return _mm512_loadu_si512(at);
}

/// 16 f16 scales, one a row.
inline __m512 load_scales(const std::byte* at) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
}

/// Four activations in every lane.
inline __m512i broadcast4(const std::int8_t* q) {
  std::int32_t word;
  std::memcpy(&word, q, sizeof word);
  return _mm512_set1_epi32(word);
}

/// fma(w_scale * x_scale, dot, sum)
inline __m512 join(__m512 w_scale, float x_scale, __m512i dot, __m512 sum) {
  return _mm512_fmadd_ps(_mm512_mul_ps(w_scale, _mm512_set1_ps(x_scale)), _mm512_cvtepi32_ps(dot),
                         sum);
}

template <class Weights, std::size_t kTokens>
void matmul_quantized_tile(const MatmulArgs& a, const PanelLayout& layout, std::size_t p,
                           std::size_t t) {
  __m512 sum[kTokens];
  for (auto& s : sum) s = _mm512_setzero_ps();
  Weights::template tile<kTokens>(a, a.panels + p * layout.stride, layout, t, sum);
  for (std::size_t j = 0; j < kTokens; ++j) {
    _mm512_storeu_ps(a.y + (t + j) * a.y_stride + p * kPanelRows, sum[j]);
  }
}

/// Weights: kType, kMaxTokens (8), tile<kTokens>. Tokens are dealt out in tiles of nearly equal
/// size.
template <class Weights>
void matmul_quantized(const MatmulArgs& a) {
  static_assert(Weights::kMaxTokens == 8);
  const PanelLayout layout = panel_layout(Weights::kType, a.columns);
  const std::size_t tiles = (a.tokens + 7) / 8;
  for (std::size_t p = a.panel_begin; p < a.panel_end; ++p) {
    for (std::size_t i = 0; i < tiles; ++i) {
      const std::size_t t = a.tokens * i / tiles;
      switch (a.tokens * (i + 1) / tiles - t) {
        case 8:
          matmul_quantized_tile<Weights, 8>(a, layout, p, t);
          break;
        case 7:
          matmul_quantized_tile<Weights, 7>(a, layout, p, t);
          break;
        case 6:
          matmul_quantized_tile<Weights, 6>(a, layout, p, t);
          break;
        case 5:
          matmul_quantized_tile<Weights, 5>(a, layout, p, t);
          break;
        case 4:
          matmul_quantized_tile<Weights, 4>(a, layout, p, t);
          break;
        case 3:
          matmul_quantized_tile<Weights, 3>(a, layout, p, t);
          break;
        case 2:
          matmul_quantized_tile<Weights, 2>(a, layout, p, t);
          break;
        default:
          matmul_quantized_tile<Weights, 1>(a, layout, p, t);
          break;
      }
    }
  }
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
