// Attention over one key range of one KV head, for all the query heads that share it: scores,
// softmax, values. Keys lie in panels of 16, so that a lane is a key and a score is one running
// sum; values lie in rows, so that a lane is an output element and its sum runs over the keys in
// order.
#include <cmath>
#include <cstring>

#include "base/half.h"
#include "kernels/declarations.h"
#include "kernels/lanes.h"

namespace prumo {
namespace {

constexpr std::size_t kLanes = 16;

// The two element types of a KV cache.
struct HalfCache {
  using Element = std::uint16_t;
  static float widen(Element e) { return half_to_float(e); }
};
struct FloatCache {
  using Element = float;
  static float widen(Element e) { return e; }
};

template <class Cache>
const typename Cache::Element* elements(const std::byte* at) {
  return reinterpret_cast<const typename Cache::Element*>(at);
}

}  // namespace
}  // namespace prumo

namespace prumo::scalar {
namespace {

template <class Cache>
void attention(const AttentionArgs& a) {
  const auto* keys = elements<Cache>(a.keys);
  const auto* values = elements<Cache>(a.values);
  for (std::size_t h = 0; h < a.heads; ++h) {
    const float* q = a.q + h * a.head_dim;
    float* p = a.scores + h * kKeyRange;
    for (std::size_t key = 0; key < a.n_keys; ++key) {
      const auto* k = keys + key / kLanes * kLanes * a.head_dim + key % kLanes;
      float score = 0.0f;
      for (std::size_t d = 0; d < a.head_dim; ++d) {
        score = std::fma(Cache::widen(k[d * kLanes]), q[d], score);
      }
      p[key] = score;
    }
    const SoftmaxResult s = softmax(p, a.n_keys, a.scale, p);
    a.max[h] = s.max;
    a.sum[h] = s.sum;
    for (std::size_t d = 0; d < a.value_stride; ++d) {
      float out = 0.0f;
      for (std::size_t key = 0; key < a.n_keys; ++key) {
        out = std::fma(p[key], Cache::widen(values[key * a.value_stride + d]), out);
      }
      a.out[h * a.value_stride + d] = out;
    }
  }
}

}  // namespace

void attention_f16(const AttentionArgs& args) {
  attention<HalfCache>(args);
}
void attention_f32(const AttentionArgs& args) {
  attention<FloatCache>(args);
}

}  // namespace prumo::scalar

// The vector versions do the same in tiles: `kHeads` query heads share each key and value that is
// loaded, and enough running sums are open to hide the latency of an fma.
#if PRUMO_X86
PRUMO_AVX2_BEGIN
namespace prumo::avx2 {
namespace {

inline __m256 load8(const std::uint16_t* at) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
}
inline __m256 load8(const float* at) {
  return _mm256_loadu_ps(at);
}

template <class Cache, std::size_t kHeads>
void scores(const AttentionArgs& a, std::size_t h, std::size_t first_key) {
  const auto* k = elements<Cache>(a.keys) + first_key * a.head_dim;
  const float* q = a.q + h * a.head_dim;
  __m256 low[kHeads];
  __m256 high[kHeads];
  for (std::size_t i = 0; i < kHeads; ++i) low[i] = high[i] = _mm256_setzero_ps();
  for (std::size_t d = 0; d < a.head_dim; ++d, k += kLanes) {
    const __m256 k0 = load8(k);
    const __m256 k1 = load8(k + 8);
    for (std::size_t i = 0; i < kHeads; ++i) {
      const __m256 qd = _mm256_broadcast_ss(q + i * a.head_dim + d);
      low[i] = _mm256_fmadd_ps(k0, qd, low[i]);
      high[i] = _mm256_fmadd_ps(k1, qd, high[i]);
    }
  }
  for (std::size_t i = 0; i < kHeads; ++i) {
    float* to = a.scores + (h + i) * kKeyRange + first_key;
    _mm256_storeu_ps(to, low[i]);
    _mm256_storeu_ps(to + 8, high[i]);
  }
}

template <class Cache, std::size_t kHeads>
void values(const AttentionArgs& a, std::size_t h, std::size_t d) {
  const auto* v = elements<Cache>(a.values) + d;
  const float* p = a.scores + h * kKeyRange;
  __m256 low[kHeads];
  __m256 high[kHeads];
  for (std::size_t i = 0; i < kHeads; ++i) low[i] = high[i] = _mm256_setzero_ps();
  for (std::size_t key = 0; key < a.n_keys; ++key, v += a.value_stride) {
    const __m256 v0 = load8(v);
    const __m256 v1 = load8(v + 8);
    for (std::size_t i = 0; i < kHeads; ++i) {
      const __m256 weight = _mm256_broadcast_ss(p + i * kKeyRange + key);
      low[i] = _mm256_fmadd_ps(weight, v0, low[i]);
      high[i] = _mm256_fmadd_ps(weight, v1, high[i]);
    }
  }
  for (std::size_t i = 0; i < kHeads; ++i) {
    float* to = a.out + (h + i) * a.value_stride + d;
    _mm256_storeu_ps(to, low[i]);
    _mm256_storeu_ps(to + 8, high[i]);
  }
}

template <class Cache, std::size_t kHeads>
void heads(const AttentionArgs& a, std::size_t h) {
  for (std::size_t key = 0; key < a.n_keys; key += kLanes) scores<Cache, kHeads>(a, h, key);
  for (std::size_t i = h; i < h + kHeads; ++i) {
    float* p = a.scores + i * kKeyRange;
    const SoftmaxResult s = softmax(p, a.n_keys, a.scale, p);
    a.max[i] = s.max;
    a.sum[i] = s.sum;
  }
  for (std::size_t d = 0; d < a.value_stride; d += kLanes) values<Cache, kHeads>(a, h, d);
}

template <class Cache>
void attention(const AttentionArgs& a) {
  std::size_t h = 0;
  for (; h + 4 <= a.heads; h += 4) heads<Cache, 4>(a, h);
  for (; h + 2 <= a.heads; h += 2) heads<Cache, 2>(a, h);
  for (; h < a.heads; ++h) heads<Cache, 1>(a, h);
}

}  // namespace

void attention_f16(const AttentionArgs& args) {
  attention<HalfCache>(args);
}
void attention_f32(const AttentionArgs& args) {
  attention<FloatCache>(args);
}

}  // namespace prumo::avx2
PRUMO_ISA_END

PRUMO_AVX512_BEGIN
namespace prumo::avx512 {
namespace {

inline __m512 load16(const std::uint16_t* at) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
}
inline __m512 load16(const float* at) {
  return _mm512_loadu_ps(at);
}

// kPanels panels of keys against kHeads heads: kPanels * kHeads running sums.
template <class Cache, std::size_t kHeads, std::size_t kPanels>
void scores(const AttentionArgs& a, std::size_t h, std::size_t first_key) {
  const auto* k = elements<Cache>(a.keys) + first_key * a.head_dim;
  const float* q = a.q + h * a.head_dim;
  __m512 sum[kPanels][kHeads];
  for (auto& row : sum) {
    for (auto& s : row) s = _mm512_setzero_ps();
  }
  for (std::size_t d = 0; d < a.head_dim; ++d) {
    __m512 qd[kHeads];
    for (std::size_t i = 0; i < kHeads; ++i) qd[i] = _mm512_set1_ps(q[i * a.head_dim + d]);
    for (std::size_t j = 0; j < kPanels; ++j) {
      const __m512 kd = load16(k + (j * a.head_dim + d) * kLanes);
      for (std::size_t i = 0; i < kHeads; ++i) sum[j][i] = _mm512_fmadd_ps(kd, qd[i], sum[j][i]);
    }
  }
  for (std::size_t j = 0; j < kPanels; ++j) {
    for (std::size_t i = 0; i < kHeads; ++i) {
      _mm512_storeu_ps(a.scores + (h + i) * kKeyRange + first_key + j * kLanes, sum[j][i]);
    }
  }
}

// kVectors * 16 output elements of kHeads heads.
template <class Cache, std::size_t kHeads, std::size_t kVectors>
void values(const AttentionArgs& a, std::size_t h, std::size_t d) {
  const auto* v = elements<Cache>(a.values) + d;
  const float* p = a.scores + h * kKeyRange;
  __m512 sum[kVectors][kHeads];
  for (auto& row : sum) {
    for (auto& s : row) s = _mm512_setzero_ps();
  }
  for (std::size_t key = 0; key < a.n_keys; ++key, v += a.value_stride) {
    __m512 weight[kHeads];
    for (std::size_t i = 0; i < kHeads; ++i) weight[i] = _mm512_set1_ps(p[i * kKeyRange + key]);
    for (std::size_t j = 0; j < kVectors; ++j) {
      const __m512 vd = load16(v + j * kLanes);
      for (std::size_t i = 0; i < kHeads; ++i)
        sum[j][i] = _mm512_fmadd_ps(weight[i], vd, sum[j][i]);
    }
  }
  for (std::size_t j = 0; j < kVectors; ++j) {
    for (std::size_t i = 0; i < kHeads; ++i) {
      _mm512_storeu_ps(a.out + (h + i) * a.value_stride + d + j * kLanes, sum[j][i]);
    }
  }
}

template <class Cache, std::size_t kHeads>
void heads(const AttentionArgs& a, std::size_t h) {
  constexpr std::size_t kWide = kHeads == 4 ? 2 : 4;
  std::size_t key = 0;
  for (; key + kWide * kLanes <= round_up(a.n_keys, kLanes); key += kWide * kLanes) {
    scores<Cache, kHeads, kWide>(a, h, key);
  }
  for (; key < a.n_keys; key += kLanes) scores<Cache, kHeads, 1>(a, h, key);
  for (std::size_t i = h; i < h + kHeads; ++i) {
    float* p = a.scores + i * kKeyRange;
    const SoftmaxResult s = softmax(p, a.n_keys, a.scale, p);
    a.max[i] = s.max;
    a.sum[i] = s.sum;
  }
  std::size_t d = 0;
  for (; d + 4 * kLanes <= a.value_stride; d += 4 * kLanes) values<Cache, kHeads, 4>(a, h, d);
  for (; d < a.value_stride; d += kLanes) values<Cache, kHeads, 1>(a, h, d);
}

template <class Cache>
void attention(const AttentionArgs& a) {
  std::size_t h = 0;
  for (; h + 4 <= a.heads; h += 4) heads<Cache, 4>(a, h);
  for (; h + 2 <= a.heads; h += 2) heads<Cache, 2>(a, h);
  for (; h < a.heads; ++h) heads<Cache, 1>(a, h);
}

}  // namespace

void attention_f16(const AttentionArgs& args) {
  attention<HalfCache>(args);
}
void attention_f32(const AttentionArgs& args) {
  attention<FloatCache>(args);
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
