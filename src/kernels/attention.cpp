// Attention over one key range of one KV head, for all the query heads of some tokens: scores,
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
  for (std::size_t r = 0; r < a.tokens * a.heads; ++r) {
    const float* q = a.query(r);
    const std::size_t n_keys = a.keys_of(r);
    float* p = a.scores + r * kKeyRange;
    for (std::size_t key = 0; key < n_keys; ++key) {
      const auto* k = keys + key / kLanes * kLanes * a.head_dim + key % kLanes;
      float score = 0.0f;
      for (std::size_t d = 0; d < a.head_dim; ++d) {
        score = std::fma(Cache::widen(k[d * kLanes]), q[d], score);
      }
      p[key] = score;
    }
    const SoftmaxResult s = softmax(p, n_keys, a.scale, p);
    a.max[r] = s.max;
    a.sum[r] = s.sum;
    for (std::size_t d = 0; d < a.value_stride; ++d) {
      float out = 0.0f;
      for (std::size_t key = 0; key < n_keys; ++key) {
        out = std::fma(p[key], Cache::widen(values[key * a.value_stride + d]), out);
      }
      a.out[r * a.value_stride + d] = out;
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

// The vector versions do the same in tiles: `kRows` rows share each key and value that is loaded,
// and enough running sums are open to hide the latency of an fma. Scores are made of all the keys
// that the last row sees; an earlier row leaves out those that it does not.
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

template <class Cache, std::size_t kRows>
void scores(const AttentionArgs& a, std::size_t first, std::size_t first_key) {
  const auto* k = elements<Cache>(a.keys) + first_key * a.head_dim;
  const float* q[kRows];
  __m256 low[kRows];
  __m256 high[kRows];
  for (std::size_t i = 0; i < kRows; ++i) {
    q[i] = a.query(first + i);
    low[i] = high[i] = _mm256_setzero_ps();
  }
  for (std::size_t d = 0; d < a.head_dim; ++d, k += kLanes) {
    const __m256 k0 = load8(k);
    const __m256 k1 = load8(k + 8);
    for (std::size_t i = 0; i < kRows; ++i) {
      const __m256 qd = _mm256_broadcast_ss(q[i] + d);
      low[i] = _mm256_fmadd_ps(k0, qd, low[i]);
      high[i] = _mm256_fmadd_ps(k1, qd, high[i]);
    }
  }
  for (std::size_t i = 0; i < kRows; ++i) {
    float* to = a.scores + (first + i) * kKeyRange + first_key;
    _mm256_storeu_ps(to, low[i]);
    _mm256_storeu_ps(to + 8, high[i]);
  }
}

template <class Cache, std::size_t kRows>
void values(const AttentionArgs& a, std::size_t first, std::size_t d) {
  const auto* v = elements<Cache>(a.values) + d;
  const float* p = a.scores + first * kKeyRange;
  __m256 low[kRows];
  __m256 high[kRows];
  for (std::size_t i = 0; i < kRows; ++i) low[i] = high[i] = _mm256_setzero_ps();
  const auto add = [&](std::size_t key, std::size_t i, __m256 v0, __m256 v1) {
    const __m256 weight = _mm256_broadcast_ss(p + i * kKeyRange + key);
    low[i] = _mm256_fmadd_ps(weight, v0, low[i]);
    high[i] = _mm256_fmadd_ps(weight, v1, high[i]);
  };
  const std::size_t shared = a.keys_of(first);
  const std::size_t end = a.keys_of(first + kRows - 1);
  std::size_t key = 0;
  for (; key < shared; ++key, v += a.value_stride) {
    const __m256 v0 = load8(v);
    const __m256 v1 = load8(v + 8);
    for (std::size_t i = 0; i < kRows; ++i) add(key, i, v0, v1);
  }
  for (; key < end; ++key, v += a.value_stride) {
    const __m256 v0 = load8(v);
    const __m256 v1 = load8(v + 8);
    for (std::size_t i = 0; i < kRows; ++i) {
      if (key < a.keys_of(first + i)) add(key, i, v0, v1);
    }
  }
  for (std::size_t i = 0; i < kRows; ++i) {
    float* to = a.out + (first + i) * a.value_stride + d;
    _mm256_storeu_ps(to, low[i]);
    _mm256_storeu_ps(to + 8, high[i]);
  }
}

template <class Cache, std::size_t kRows>
void rows(const AttentionArgs& a, std::size_t first) {
  const std::size_t end = a.keys_of(first + kRows - 1);
  for (std::size_t key = 0; key < end; key += kLanes) scores<Cache, kRows>(a, first, key);
  for (std::size_t i = first; i < first + kRows; ++i) {
    float* p = a.scores + i * kKeyRange;
    const SoftmaxResult s = softmax(p, a.keys_of(i), a.scale, p);
    a.max[i] = s.max;
    a.sum[i] = s.sum;
  }
  for (std::size_t d = 0; d < a.value_stride; d += kLanes) values<Cache, kRows>(a, first, d);
}

template <class Cache>
void attention(const AttentionArgs& a) {
  const std::size_t n = a.tokens * a.heads;
  std::size_t r = 0;
  for (; r + 6 <= n; r += 6) rows<Cache, 6>(a, r);
  for (; r + 4 <= n; r += 4) rows<Cache, 4>(a, r);
  for (; r + 3 <= n; r += 3) rows<Cache, 3>(a, r);
  for (; r + 2 <= n; r += 2) rows<Cache, 2>(a, r);
  for (; r < n; ++r) rows<Cache, 1>(a, r);
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

// kPanels panels of keys against kRows rows: kPanels * kRows running sums.
template <class Cache, std::size_t kRows, std::size_t kPanels>
void scores(const AttentionArgs& a, std::size_t first, std::size_t first_key) {
  const auto* k = elements<Cache>(a.keys) + first_key * a.head_dim;
  const float* q[kRows];
  for (std::size_t i = 0; i < kRows; ++i) q[i] = a.query(first + i);
  __m512 sum[kPanels][kRows];
  for (auto& row : sum) {
    for (auto& s : row) s = _mm512_setzero_ps();
  }
  for (std::size_t d = 0; d < a.head_dim; ++d) {
    __m512 kd[kPanels];
    for (std::size_t j = 0; j < kPanels; ++j) kd[j] = load16(k + (j * a.head_dim + d) * kLanes);
    for (std::size_t i = 0; i < kRows; ++i) {
      const __m512 qd = _mm512_set1_ps(q[i][d]);
      for (std::size_t j = 0; j < kPanels; ++j) sum[j][i] = _mm512_fmadd_ps(kd[j], qd, sum[j][i]);
    }
  }
  for (std::size_t j = 0; j < kPanels; ++j) {
    for (std::size_t i = 0; i < kRows; ++i) {
      _mm512_storeu_ps(a.scores + (first + i) * kKeyRange + first_key + j * kLanes, sum[j][i]);
    }
  }
}

// kVectors * 16 output elements of kRows rows.
template <class Cache, std::size_t kRows, std::size_t kVectors>
void values(const AttentionArgs& a, std::size_t first, std::size_t d) {
  const auto* v = elements<Cache>(a.values) + d;
  const float* p = a.scores + first * kKeyRange;
  __m512 sum[kVectors][kRows];
  for (auto& row : sum) {
    for (auto& s : row) s = _mm512_setzero_ps();
  }
  const auto add = [&](std::size_t key, std::size_t i, const __m512(&vd)[kVectors]) {
    const __m512 weight = _mm512_set1_ps(p[i * kKeyRange + key]);
    for (std::size_t j = 0; j < kVectors; ++j) {
      sum[j][i] = _mm512_fmadd_ps(weight, vd[j], sum[j][i]);
    }
  };
  const std::size_t shared = a.keys_of(first);
  const std::size_t end = a.keys_of(first + kRows - 1);
  __m512 vd[kVectors];
  std::size_t key = 0;
  for (; key < shared; ++key, v += a.value_stride) {
    for (std::size_t j = 0; j < kVectors; ++j) vd[j] = load16(v + j * kLanes);
    for (std::size_t i = 0; i < kRows; ++i) add(key, i, vd);
  }
  for (; key < end; ++key, v += a.value_stride) {
    for (std::size_t j = 0; j < kVectors; ++j) vd[j] = load16(v + j * kLanes);
    for (std::size_t i = 0; i < kRows; ++i) {
      if (key < a.keys_of(first + i)) add(key, i, vd);
    }
  }
  for (std::size_t j = 0; j < kVectors; ++j) {
    for (std::size_t i = 0; i < kRows; ++i) {
      _mm512_storeu_ps(a.out + (first + i) * a.value_stride + d + j * kLanes, sum[j][i]);
    }
  }
}

template <class Cache, std::size_t kRows>
void rows(const AttentionArgs& a, std::size_t first) {
  constexpr std::size_t kWide = kRows > 6 ? 2 : 4;
  const std::size_t end = a.keys_of(first + kRows - 1);
  std::size_t key = 0;
  for (; key + kWide * kLanes <= round_up(end, kLanes); key += kWide * kLanes) {
    scores<Cache, kRows, kWide>(a, first, key);
  }
  for (; key < end; key += kLanes) scores<Cache, kRows, 1>(a, first, key);
  for (std::size_t i = first; i < first + kRows; ++i) {
    float* p = a.scores + i * kKeyRange;
    const SoftmaxResult s = softmax(p, a.keys_of(i), a.scale, p);
    a.max[i] = s.max;
    a.sum[i] = s.sum;
  }
  std::size_t d = 0;
  for (; d + kWide * kLanes <= a.value_stride; d += kWide * kLanes) {
    values<Cache, kRows, kWide>(a, first, d);
  }
  for (; d < a.value_stride; d += kLanes) values<Cache, kRows, 1>(a, first, d);
}

template <class Cache>
void attention(const AttentionArgs& a) {
  const std::size_t n = a.tokens * a.heads;
  std::size_t r = 0;
  for (; r + 12 <= n; r += 12) rows<Cache, 12>(a, r);
  for (; r + 8 <= n; r += 8) rows<Cache, 8>(a, r);
  for (; r + 6 <= n; r += 6) rows<Cache, 6>(a, r);
  for (; r + 4 <= n; r += 4) rows<Cache, 4>(a, r);
  for (; r + 3 <= n; r += 3) rows<Cache, 3>(a, r);
  for (; r + 2 <= n; r += 2) rows<Cache, 2>(a, r);
  for (; r < n; ++r) rows<Cache, 1>(a, r);
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
