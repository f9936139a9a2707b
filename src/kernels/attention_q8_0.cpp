// Attention over one key range of a Q8_0 cache: scores are a product of quantized rows, keys being
// the rows of a matrix and queries its activations; values join as floats, a weight times a block's
// scale first.
#include <cmath>

#include "kernels/matmul_quantized.h"

namespace prumo {
namespace {

constexpr std::size_t kLanes = kPanelRows;

// The scores of all rows with all panels that the last row looks into.
MatmulArgs products(const AttentionArgs& a) {
  const std::size_t rows = a.tokens * a.heads;
  const std::size_t keys = rows == 0 ? 0 : a.keys_of(rows - 1);
  return {a.keys,   0,        round_up(keys, kLanes) / kLanes, a.head_dim, rows, a.q_blocks,
          a.scores, kKeyRange};
}

// A panel of 16 values: laid out as a packed matrix, but a block is [16][32] bytes.
struct ValuePanel {
  static constexpr PanelLayout kAt = panel_layout(gguf::TensorType::kQ8_0);
  const std::byte* at;

  ValuePanel(const AttentionArgs& a, std::size_t key)
      : at(a.values + key / kLanes * kAt.bytes(a.head_dim / kBlock)) {}
  [[nodiscard]] const std::byte* scales(std::size_t b) const { return at + kAt.scales_at(b); }
  [[nodiscard]] const std::int8_t* quants(std::size_t b) const {
    return reinterpret_cast<const std::int8_t*>(at + kAt.block_at(b));
  }
};

}  // namespace
}  // namespace prumo

namespace prumo::scalar {

void attention_q8_0(const AttentionArgs& a) {
  matmul_q8_0(products(a));
  for (std::size_t r = 0; r < a.tokens * a.heads; ++r) {
    const std::size_t n_keys = a.keys_of(r);
    float* p = a.scores + r * kKeyRange;
    const SoftmaxResult s = softmax(p, n_keys, a.scale, p);
    a.max[r] = s.max;
    a.sum[r] = s.sum;
    for (std::size_t d = 0; d < a.head_dim; ++d) {
      float out = 0.0f;
      for (std::size_t key = 0; key < n_keys; ++key) {
        const ValuePanel panel(a, key);
        const std::size_t b = d / kBlock;
        const float scale = load_half(panel.scales(b) + key % kLanes * 2);
        const std::int8_t q = panel.quants(b)[key % kLanes * kBlock + d % kBlock];
        out = std::fma(p[key] * scale, static_cast<float>(q), out);
      }
      a.out[r * a.value_stride + d] = out;
    }
  }
}

}  // namespace prumo::scalar

// The vector versions take the values of a panel for `kRows` rows at a time, each value that is
// loaded and widened once; the weights of the panel's 16 keys are multiplied by their scales
// before.
#if PRUMO_X86
PRUMO_AVX2_BEGIN
namespace prumo::avx2 {
namespace {

inline __m256 widened(const std::int8_t* at) {
  return _mm256_cvtepi32_ps(
      _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(at))));
}

// 16 output elements, from d on.
template <std::size_t kRows>
void values(const AttentionArgs& a, std::size_t first, std::size_t d) {
  alignas(32) float weights[kRows][kLanes];
  __m256 low[kRows];
  __m256 high[kRows];
  for (std::size_t i = 0; i < kRows; ++i) low[i] = high[i] = _mm256_setzero_ps();
  const std::size_t shared = a.keys_of(first);
  const std::size_t end = a.keys_of(first + kRows - 1);
  for (std::size_t panel_key = 0; panel_key < end; panel_key += kLanes) {
    const ValuePanel panel(a, panel_key);
    const std::byte* scales = panel.scales(d / kBlock);
    const __m256 scale0 = load_halves(scales);
    const __m256 scale1 = load_halves(scales + kLanes);
    for (std::size_t i = 0; i < kRows; ++i) {
      const float* p = a.scores + (first + i) * kKeyRange + panel_key;
      _mm256_store_ps(weights[i], _mm256_mul_ps(_mm256_loadu_ps(p), scale0));
      _mm256_store_ps(weights[i] + 8, _mm256_mul_ps(_mm256_loadu_ps(p + 8), scale1));
    }
    const std::size_t n = std::min(kLanes, end - panel_key);
    const std::int8_t* q = panel.quants(d / kBlock) + d % kBlock;
    for (std::size_t key = 0; key < n; ++key, q += kBlock) {
      const __m256 v0 = widened(q);
      const __m256 v1 = widened(q + 8);
      for (std::size_t i = 0; i < kRows; ++i) {
        if (panel_key + key >= shared && panel_key + key >= a.keys_of(first + i)) continue;
        const __m256 weight = _mm256_broadcast_ss(&weights[i][key]);
        low[i] = _mm256_fmadd_ps(weight, v0, low[i]);
        high[i] = _mm256_fmadd_ps(weight, v1, high[i]);
      }
    }
  }
  for (std::size_t i = 0; i < kRows; ++i) {
    float* to = a.out + (first + i) * a.value_stride + d;
    _mm256_storeu_ps(to, low[i]);
    _mm256_storeu_ps(to + 8, high[i]);
  }
}

template <std::size_t kRows>
void rows(const AttentionArgs& a, std::size_t first) {
  for (std::size_t i = first; i < first + kRows; ++i) {
    float* p = a.scores + i * kKeyRange;
    const SoftmaxResult s = softmax(p, a.keys_of(i), a.scale, p);
    a.max[i] = s.max;
    a.sum[i] = s.sum;
  }
  for (std::size_t d = 0; d < a.head_dim; d += kLanes) values<kRows>(a, first, d);
}

}  // namespace

void attention_q8_0(const AttentionArgs& a) {
  matmul_q8_0(products(a));
  const std::size_t n = a.tokens * a.heads;
  std::size_t r = 0;
  for (; r + 6 <= n; r += 6) rows<6>(a, r);
  for (; r + 4 <= n; r += 4) rows<4>(a, r);
  for (; r + 3 <= n; r += 3) rows<3>(a, r);
  for (; r + 2 <= n; r += 2) rows<2>(a, r);
  for (; r < n; ++r) rows<1>(a, r);
}

}  // namespace prumo::avx2
PRUMO_ISA_END

PRUMO_AVX512_BEGIN
namespace prumo::avx512 {
namespace {

inline __m512 widened(const std::int8_t* at) {
  return _mm512_cvtepi32_ps(
      _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at))));
}

// kBlocks * 32 output elements, from d on.
template <std::size_t kRows, std::size_t kBlocks>
void values(const AttentionArgs& a, std::size_t first, std::size_t d) {
  alignas(64) float weights[kBlocks][kRows][kLanes];
  __m512 sum[kBlocks][2][kRows];
  for (auto& block : sum) {
    for (auto& half : block) {
      for (auto& s : half) s = _mm512_setzero_ps();
    }
  }
  const auto add = [&](const ValuePanel& panel, std::size_t key, std::size_t i_begin) {
    for (std::size_t b = 0; b < kBlocks; ++b) {
      const std::int8_t* q = panel.quants(d / kBlock + b) + key * kBlock;
      const __m512 v0 = widened(q);
      const __m512 v1 = widened(q + kLanes);
      for (std::size_t i = 0; i < kRows; ++i) {
        if (i < i_begin) continue;
        const __m512 weight = _mm512_set1_ps(weights[b][i][key]);
        sum[b][0][i] = _mm512_fmadd_ps(weight, v0, sum[b][0][i]);
        sum[b][1][i] = _mm512_fmadd_ps(weight, v1, sum[b][1][i]);
      }
    }
  };
  const std::size_t shared = a.keys_of(first);
  const std::size_t end = a.keys_of(first + kRows - 1);
  for (std::size_t panel_key = 0; panel_key < end; panel_key += kLanes) {
    const ValuePanel panel(a, panel_key);
    for (std::size_t b = 0; b < kBlocks; ++b) {
      const __m512 scale = load_halves(panel.scales(d / kBlock + b));
      for (std::size_t i = 0; i < kRows; ++i) {
        const float* p = a.scores + (first + i) * kKeyRange + panel_key;
        _mm512_store_ps(weights[b][i], _mm512_mul_ps(_mm512_loadu_ps(p), scale));
      }
    }
    if (panel_key + kLanes <= shared) {
      for (std::size_t key = 0; key < kLanes; ++key) add(panel, key, 0);
      continue;
    }
    const std::size_t n = std::min(kLanes, end - panel_key);
    for (std::size_t key = 0; key < n; ++key) {
      std::size_t sees = 0;  // the first row that does: later ones see more
      while (panel_key + key >= a.keys_of(first + sees)) ++sees;
      add(panel, key, sees);
    }
  }
  for (std::size_t b = 0; b < kBlocks; ++b) {
    for (std::size_t i = 0; i < kRows; ++i) {
      float* to = a.out + (first + i) * a.value_stride + d + b * kBlock;
      _mm512_storeu_ps(to, sum[b][0][i]);
      _mm512_storeu_ps(to + kLanes, sum[b][1][i]);
    }
  }
}

template <std::size_t kRows>
void rows(const AttentionArgs& a, std::size_t first) {
  for (std::size_t i = first; i < first + kRows; ++i) {
    float* p = a.scores + i * kKeyRange;
    const SoftmaxResult s = softmax(p, a.keys_of(i), a.scale, p);
    a.max[i] = s.max;
    a.sum[i] = s.sum;
  }
  constexpr std::size_t kWide = kRows > 6 ? 1 : 2;
  std::size_t d = 0;
  for (; d + kWide * kBlock <= a.head_dim; d += kWide * kBlock) {
    values<kRows, kWide>(a, first, d);
  }
  for (; d < a.head_dim; d += kBlock) values<kRows, 1>(a, first, d);
}

}  // namespace

void attention_q8_0(const AttentionArgs& a) {
  matmul_q8_0(products(a));
  const std::size_t n = a.tokens * a.heads;
  std::size_t r = 0;
  for (; r + 12 <= n; r += 12) rows<12>(a, r);
  for (; r + 8 <= n; r += 8) rows<8>(a, r);
  for (; r + 4 <= n; r += 4) rows<4>(a, r);
  for (; r + 3 <= n; r += 3) rows<3>(a, r);
  for (; r + 2 <= n; r += 2) rows<2>(a, r);
  for (; r < n; ++r) rows<1>(a, r);
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
