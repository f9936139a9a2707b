// Kernels with one thing wrong: a bit of what they give, or a byte that they read beyond an
// argument's end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/kernels.h"
#include "kernels/pack.h"

namespace prumo::testing {

/// Of one call: a byte with the lowest bit of each thing that it gives (null where this call does
/// not give it), and the ends of what it may touch.
struct Places {
  std::vector<std::byte*> given;
  std::vector<const std::byte*> ends;
};

template <class T>
std::byte* low_byte(T& x) {
  return reinterpret_cast<std::byte*>(&x);  // the least significant one comes first here
}
template <class T>
std::byte* last_of(T* x, std::size_t n) {
  return n == 0 ? nullptr : low_byte(x[n - 1]);
}
template <class T>
const std::byte* end_of(const T* x, std::size_t n) {
  return reinterpret_cast<const std::byte*>(x + n);
}

/// PlacesOf<&Kernels::f>::of(what f returned, arguments).
template <auto Pointer>
struct PlacesOf;

template <>
struct PlacesOf<&Kernels::argmax> {
  static Places of(ArgmaxResult& r, const float* x, std::size_t n) {
    return {{low_byte(r.index), low_byte(r.has_nan)}, {end_of(x, n)}};
  }
};
template <>
struct PlacesOf<&Kernels::tile_max> {
  static Places of(const float* x, std::size_t n, float* tiles) {
    const std::size_t n_tiles = (n + kTile - 1) / kTile;
    return {{last_of(tiles, n_tiles)}, {end_of(x, n), end_of(tiles, n_tiles)}};
  }
};
template <>
struct PlacesOf<&Kernels::tile_weight> {
  static Places of(const float* x, std::size_t n, float, float, std::uint64_t* tiles) {
    const std::size_t n_tiles = (n + kTile - 1) / kTile;
    return {{last_of(tiles, n_tiles)}, {end_of(x, n), end_of(tiles, n_tiles)}};
  }
};
template <>
struct PlacesOf<&Kernels::collect> {
  static Places of(std::size_t& count, const float* x, std::size_t n, float, std::uint32_t,
                   std::uint32_t* ids) {
    return {{low_byte(count), last_of(ids, count)}, {end_of(x, n), end_of(ids, n)}};
  }
};
template <>
struct PlacesOf<&Kernels::quantize> {
  static Places of(const float* x, std::size_t n, QuantizedBlock* out) {
    QuantizedBlock& last = out[n / kBlock - 1];
    return {{low_byte(last.q[0]), low_byte(last.q[kBlock - 1]), low_byte(last.scale),
             low_byte(last.bias), low_byte(last.scaled_sum), low_byte(last.base),
             low_byte(last.base_of_half[0]), low_byte(last.base_of_half[1]),
             low_byte(last.half_sum[0]), low_byte(last.half_sum[1]), low_byte(last.unused)},
            {end_of(x, n), end_of(out, n / kBlock)}};
  }
};
template <>
struct PlacesOf<&Kernels::rmsnorm> {
  static Places of(const float* x, const float* weight, std::size_t n, float, float* y) {
    return {{last_of(y, n)}, {end_of(x, n), end_of(weight, n), end_of(y, n)}};
  }
};
template <>
struct PlacesOf<&Kernels::rope> {
  static Places of(float* x, const float* table, std::size_t pairs) {
    return {{last_of(x, 2 * pairs), last_of(x, 2 * pairs - 1)},
            {end_of(x, 2 * pairs), end_of(table, 2 * pairs)}};
  }
};
template <>
struct PlacesOf<&Kernels::softmax> {
  static Places of(SoftmaxResult& r, const float* x, std::size_t n, float, float* y) {
    return {{low_byte(r.max), low_byte(r.sum), last_of(y, n)}, {end_of(x, n), end_of(y, n)}};
  }
};
template <>
struct PlacesOf<&Kernels::swiglu> {
  static Places of(const float* gate, const float* up, std::size_t n, float* y) {
    return {{last_of(y, n)}, {end_of(gate, n), end_of(up, n), end_of(y, n)}};
  }
};
template <>
struct PlacesOf<&Kernels::add> {
  static Places of(const float* x, std::size_t n, float* y) {
    return {{last_of(y, n)}, {end_of(x, n), end_of(y, n)}};
  }
};
template <>
struct PlacesOf<&Kernels::narrow> {
  static Places of(const float* x, std::size_t n, std::uint16_t* y) {
    return {{last_of(y, n)}, {end_of(x, n), end_of(y, n)}};
  }
};
template <>
struct PlacesOf<&Kernels::merge> {
  static Places of(const MergeArgs& a) {
    const std::size_t heads = a.ranges * a.stride;
    return {{last_of(a.y, a.head_dim)},
            {end_of(a.max, heads), end_of(a.sum, heads), end_of(a.out, heads * a.value_stride),
             end_of(a.y, a.head_dim)}};
  }
};

/// What every attention gives, and its scratch.
inline Places places_of_attention(const AttentionArgs& a) {
  const std::size_t rows = a.tokens * a.heads;
  return {{last_of(a.max, rows), last_of(a.sum, rows),
           last_of(a.out, (rows - 1) * a.value_stride + a.head_dim)},
          {end_of(a.scores, rows * kKeyRange), end_of(a.out, rows * a.value_stride)}};
}

template <std::size_t ElementBytes>
struct PlacesOfAttention {
  static Places of(const AttentionArgs& a) {
    Places places = places_of_attention(a);
    const std::size_t keys = a.keys_of(a.tokens * a.heads - 1);
    places.ends.push_back(end_of(a.q, a.tokens * a.q_stride));
    places.ends.push_back(a.keys + round_up(keys, kPanelRows) * a.head_dim * ElementBytes);
    places.ends.push_back(a.values + keys * a.value_stride * ElementBytes);
    return places;
  }
};
template <>
struct PlacesOf<&Kernels::attention_f16> : PlacesOfAttention<2> {};
template <>
struct PlacesOf<&Kernels::attention_f32> : PlacesOfAttention<4> {};
template <>
struct PlacesOf<&Kernels::attention_q8_0> {
  static Places of(const AttentionArgs& a) {
    Places places = places_of_attention(a);
    const std::size_t rows = a.tokens * a.heads;
    const std::size_t bytes = packed_bytes(gguf::TensorType::kQ8_0,
                                           round_up(a.keys_of(rows - 1), kPanelRows), a.head_dim);
    places.ends.push_back(end_of(a.q_blocks, rows * a.head_dim / kBlock));
    places.ends.push_back(a.keys + bytes);
    places.ends.push_back(a.values + bytes);
    return places;
  }
};

/// A product gives its own columns of y, and leaves those beside them.
template <gguf::TensorType Type>
struct PlacesOfMatmul {
  static Places of(const MatmulArgs& a) {
    const std::size_t begin = a.panel_begin * kPanelRows;
    const std::size_t end = a.panel_end * kPanelRows;
    float* const row = a.y + (a.tokens - 1) * a.y_stride;
    const std::size_t x_bytes = is_quantized(Type) ? a.columns / kBlock * sizeof(QuantizedBlock)
                                                   : a.columns * sizeof(float);
    return {{low_byte(row[begin]), low_byte(row[end - 1]), begin == 0 ? nullptr : low_byte(row[0]),
             end == a.y_stride ? nullptr : low_byte(row[end])},
            {a.panels + packed_bytes(Type, end, a.columns),
             static_cast<const std::byte*>(a.x) + a.tokens * x_bytes,
             end_of(a.y, a.tokens * a.y_stride)}};
  }
};
template <>
struct PlacesOf<&Kernels::matmul_f32> : PlacesOfMatmul<gguf::TensorType::kF32> {};
template <>
struct PlacesOf<&Kernels::matmul_f16> : PlacesOfMatmul<gguf::TensorType::kF16> {};
template <>
struct PlacesOf<&Kernels::matmul_bf16> : PlacesOfMatmul<gguf::TensorType::kBF16> {};
template <>
struct PlacesOf<&Kernels::matmul_q8_0> : PlacesOfMatmul<gguf::TensorType::kQ8_0> {};
template <>
struct PlacesOf<&Kernels::matmul_q4_0> : PlacesOfMatmul<gguf::TensorType::kQ4_0> {};
template <>
struct PlacesOf<&Kernels::matmul_q4_1> : PlacesOfMatmul<gguf::TensorType::kQ4_1> {};
template <>
struct PlacesOf<&Kernels::matmul_q5_0> : PlacesOfMatmul<gguf::TensorType::kQ5_0> {};
template <>
struct PlacesOf<&Kernels::matmul_q5_1> : PlacesOfMatmul<gguf::TensorType::kQ5_1> {};
template <>
struct PlacesOf<&Kernels::matmul_q2_k> : PlacesOfMatmul<gguf::TensorType::kQ2_K> {};
template <>
struct PlacesOf<&Kernels::matmul_q3_k> : PlacesOfMatmul<gguf::TensorType::kQ3_K> {};
template <>
struct PlacesOf<&Kernels::matmul_q4_k> : PlacesOfMatmul<gguf::TensorType::kQ4_K> {};
template <>
struct PlacesOf<&Kernels::matmul_q5_k> : PlacesOfMatmul<gguf::TensorType::kQ5_K> {};
template <>
struct PlacesOf<&Kernels::matmul_q6_k> : PlacesOfMatmul<gguf::TensorType::kQ6_K> {};

/// What is wrong with a kernel.
struct Fault {
  enum { kNone, kWrongBit, kReadBeyond } kind = kNone;
  std::size_t which = 0;  ///< of Places::given, or of Places::ends
};

/// A kernel that does as the real one, and then commits its fault. Seen in passing: how many things
/// a call gives and may touch.
template <auto Pointer>
struct Faulty;
template <class R, class... Args, R (*Kernels::*Pointer)(Args...)>
struct Faulty<Pointer> {
  inline static R (*real)(Args...) = nullptr;
  inline static Fault fault;
  inline static std::size_t things_given = 0;
  inline static std::size_t ends = 0;

  static R call(Args... args) {
    if constexpr (std::is_void_v<R>) {
      real(args...);
      commit(PlacesOf<Pointer>::of(args...));
    } else {
      R result = real(args...);
      commit(PlacesOf<Pointer>::of(result, args...));
      return result;
    }
  }

  /// Takes the kernel's place in a table.
  static void plant(Kernels& table, const Fault& wanted) {
    if (table.*Pointer != &call) real = table.*Pointer;
    table.*Pointer = &call;
    fault = wanted;
  }

 private:
  static void commit(const Places& places) {
    things_given = places.given.size();
    ends = places.ends.size();
    if (fault.kind == Fault::kWrongBit && places.given[fault.which] != nullptr) {
      *places.given[fault.which] ^= std::byte{1};
    }
    if (fault.kind == Fault::kReadBeyond) {
      [[maybe_unused]] const std::byte seen =
          *const_cast<const volatile std::byte*>(places.ends[fault.which]);
    }
  }
};

}  // namespace prumo::testing
