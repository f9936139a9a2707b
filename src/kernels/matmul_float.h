// The product of a float matrix and float activations, for any element type that widens to float
// exactly: a row is a lane, and acc = fma(w[k], x[k], acc) for k rising. The three float matmul
// files give it their loads.
#pragma once

#include <cmath>

#include "kernels/declarations.h"
#include "kernels/pack.h"

namespace prumo::scalar {

/// Weights: Element, widen(Element) -> float, kType.
template <class Weights>
void matmul_float(const MatmulArgs& a) {
  const std::size_t stride = panel_bytes(Weights::kType, a.columns);
  const auto* x = static_cast<const float*>(a.x);
  for (std::size_t p = a.panel_begin; p < a.panel_end; ++p) {
    const auto* w = reinterpret_cast<const typename Weights::Element*>(a.panels + p * stride);
    for (std::size_t t = 0; t < a.tokens; ++t) {
      for (std::size_t r = 0; r < kPanelRows; ++r) {
        float acc = 0.0f;
        for (std::size_t k = 0; k < a.columns; ++k) {
          acc = std::fma(Weights::widen(w[k * kPanelRows + r]), x[t * a.columns + k], acc);
        }
        a.y[t * a.y_stride + p * kPanelRows + r] = acc;
      }
    }
  }
}

}  // namespace prumo::scalar

// The vector versions work on tiles of kPanels panels by kTokens tokens, a running sum each.
#if PRUMO_X86
PRUMO_AVX2_BEGIN
namespace prumo::avx2 {

/// Weights: Element, load8(const Element*) -> __m256, kType.
template <class Weights, std::size_t kPanels, std::size_t kTokens>
void matmul_float_tile(const MatmulArgs& a, std::size_t stride, std::size_t p, std::size_t t) {
  const float* x = static_cast<const float*>(a.x) + t * a.columns;
  const std::byte* panel = a.panels + p * stride;
  __m256 sum[kPanels][2][kTokens];
  for (auto& panel_sum : sum) {
    for (auto& half : panel_sum) {
      for (auto& s : half) s = _mm256_setzero_ps();
    }
  }
  for (std::size_t k = 0; k < a.columns; ++k) {
    for (std::size_t i = 0; i < kPanels; ++i) {
      const auto* w =
          reinterpret_cast<const typename Weights::Element*>(panel + i * stride) + k * kPanelRows;
      const __m256 w0 = Weights::load8(w);
      const __m256 w1 = Weights::load8(w + 8);
      for (std::size_t j = 0; j < kTokens; ++j) {
        const __m256 xk = _mm256_broadcast_ss(x + j * a.columns + k);
        sum[i][0][j] = _mm256_fmadd_ps(w0, xk, sum[i][0][j]);
        sum[i][1][j] = _mm256_fmadd_ps(w1, xk, sum[i][1][j]);
      }
    }
  }
  for (std::size_t i = 0; i < kPanels; ++i) {
    for (std::size_t j = 0; j < kTokens; ++j) {
      float* y = a.y + (t + j) * a.y_stride + (p + i) * kPanelRows;
      _mm256_storeu_ps(y, sum[i][0][j]);
      _mm256_storeu_ps(y + 8, sum[i][1][j]);
    }
  }
}

template <class Weights>
void matmul_float(const MatmulArgs& a) {
  const std::size_t stride = panel_bytes(Weights::kType, a.columns);
  std::size_t p = a.panel_begin;
  for (; p + 4 <= a.panel_end && a.tokens == 1; p += 4) {
    matmul_float_tile<Weights, 4, 1>(a, stride, p, 0);
  }
  for (; p < a.panel_end; ++p) {
    std::size_t t = 0;
    for (; t + 4 <= a.tokens; t += 4) matmul_float_tile<Weights, 1, 4>(a, stride, p, t);
    for (; t < a.tokens; ++t) matmul_float_tile<Weights, 1, 1>(a, stride, p, t);
  }
}

}  // namespace prumo::avx2
PRUMO_ISA_END

PRUMO_AVX512_BEGIN
namespace prumo::avx512 {

/// Weights: Element, load16(const Element*) -> __m512.
template <class Weights, std::size_t kPanels, std::size_t kTokens>
void matmul_float_tile(const MatmulArgs& a, std::size_t stride, std::size_t p, std::size_t t) {
  const float* x = static_cast<const float*>(a.x) + t * a.columns;
  const std::byte* panel = a.panels + p * stride;
  __m512 sum[kPanels][kTokens];
  for (auto& panel_sum : sum) {
    for (auto& s : panel_sum) s = _mm512_setzero_ps();
  }
  for (std::size_t k = 0; k < a.columns; ++k) {
    __m512 w[kPanels];
    for (std::size_t i = 0; i < kPanels; ++i) {
      const auto* row = reinterpret_cast<const typename Weights::Element*>(panel + i * stride);
      w[i] = Weights::load16(row + k * kPanelRows);
    }
    for (std::size_t j = 0; j < kTokens; ++j) {
      const __m512 xk = _mm512_set1_ps(x[j * a.columns + k]);
      for (std::size_t i = 0; i < kPanels; ++i) sum[i][j] = _mm512_fmadd_ps(w[i], xk, sum[i][j]);
    }
  }
  for (std::size_t i = 0; i < kPanels; ++i) {
    for (std::size_t j = 0; j < kTokens; ++j) {
      _mm512_storeu_ps(a.y + (t + j) * a.y_stride + (p + i) * kPanelRows, sum[i][j]);
    }
  }
}

template <class Weights, std::size_t kPanels>
void matmul_float_panels(const MatmulArgs& a, std::size_t stride, std::size_t p) {
  std::size_t t = 0;
  for (; t + 6 <= a.tokens; t += 6) matmul_float_tile<Weights, kPanels, 6>(a, stride, p, t);
  for (; t + 2 <= a.tokens; t += 2) matmul_float_tile<Weights, kPanels, 2>(a, stride, p, t);
  for (; t < a.tokens; ++t) matmul_float_tile<Weights, kPanels, 1>(a, stride, p, t);
}

template <class Weights>
void matmul_float(const MatmulArgs& a) {
  const std::size_t stride = panel_bytes(Weights::kType, a.columns);
  std::size_t p = a.panel_begin;
  for (; p + 4 <= a.panel_end; p += 4) matmul_float_panels<Weights, 4>(a, stride, p);
  for (; p < a.panel_end; ++p) matmul_float_panels<Weights, 1>(a, stride, p);
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
