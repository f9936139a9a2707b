// One check a kernel: makes arguments that the contract in kernels.h allows, and compares what
// every table makes of them. A kernel of the table without a check here does not compile.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/half.h"
#include "cli/verify_attention.h"
#include "cli/verify_inputs.h"
#include "kernels/pack.h"

namespace prumo::cli {

/// How an input of some floats is described.
inline auto length_of(const Floats& x) {
  return [n = x.size()] { return fmt::format("{} floats", n); };
}

/// Flushes denormals while it lives, if asked to: some kernels answer for any mode of the caller's.
class Flush {
 public:
#if PRUMO_X86
  explicit Flush(bool on) : saved_(_mm_getcsr()) {
    if (on) _mm_setcsr(saved_ | 0x8040u);
  }
  ~Flush() {
    _mm_setcsr(saved_);
  }
#else
  explicit Flush(bool) {}
#endif
  Flush(const Flush&) = delete;
  Flush& operator=(const Flush&) = delete;

 private:
#if PRUMO_X86
  unsigned saved_;
#endif
};

/// Check<&Kernels::f>::run(tables, draw) tries one input; the result is first_difference's.
template <auto Pointer>
struct Check;

template <>
struct Check<&Kernels::argmax> {
  static Difference run(Tables tables, Draw& draw) {
    auto x = make_floats(draw, draw.length(5000) - 1, any_kind(draw));
    if (!x.empty() && draw.one_in(4)) {  // the largest, and a NaN some lanes away
      const std::size_t at = draw.below(x.size());
      x[at] = 1e30f;
      x[(at + 8 * draw.below(9)) % x.size()] = std::numeric_limits<float>::quiet_NaN();
    }
    const bool flushed = draw.one_in(4);
    return first_difference(tables, length_of(x), [&](const Kernels& k) {
      const Flush flush(flushed);
      const ArgmaxResult r = k.argmax(x.data(), x.size());
      return Answer{{}, {r.index, r.has_nan ? 1u : 0u}};
    });
  }
};

template <>
struct Check<&Kernels::tile_max> {
  static Difference run(Tables tables, Draw& draw) {
    const auto x = make_floats(draw, draw.length(5000), any_kind(draw));
    const bool flushed = draw.one_in(4);
    return first_difference(tables, length_of(x), [&](const Kernels& k) {
      Answer answer{Floats((x.size() + kTile - 1) / kTile), {}};
      const Flush flush(flushed);
      k.tile_max(x.data(), x.size(), answer.floats.data());
      return answer;
    });
  }
};

template <>
struct Check<&Kernels::tile_weight> {
  static Difference run(Tables tables, Draw& draw) {
    auto x = make_floats(draw, draw.length(5000), draw.one_in(3) ? Kind::kWide : Kind::kOrdinary);
    if (draw.one_in(4)) x[draw.below(x.size())] = -std::numeric_limits<float>::infinity();
    float max = -8;
    for (const float v : x) max = std::max(max, v);
    const float scale = std::ldexp(1.5f + draw.unit() / 2, static_cast<int>(draw.below(12)) - 6);
    return first_difference(
        tables, [&] { return fmt::format("{} floats, max {}, scale {}", x.size(), max, scale); },
        [&](const Kernels& k) {
          Answer answer{{}, GuardedVector<std::uint64_t>((x.size() + kTile - 1) / kTile)};
          k.tile_weight(x.data(), x.size(), max, scale, answer.words.data());
          return answer;
        });
  }
};

template <>
struct Check<&Kernels::collect> {
  static Difference run(Tables tables, Draw& draw) {
    const Kind kind = any_kind(draw);
    const auto x = make_floats(draw, draw.length(5000), kind);
    const float least = make_float(draw, kind == Kind::kSpecial ? Kind::kOrdinary : kind);
    const auto first = static_cast<std::uint32_t>(draw.below(1u << 30));
    return first_difference(
        tables, [&] { return fmt::format("{} floats, least {}", x.size(), least); },
        [&](const Kernels& k) {
          GuardedVector<std::uint32_t> ids(x.size());
          ids.resize(k.collect(x.data(), x.size(), least, first, ids.data()));
          return Answer{{}, {ids.begin(), ids.end()}};
        });
  }
};

template <>
struct Check<&Kernels::quantize> {
  static Difference run(Tables tables, Draw& draw) {
    const auto x = make_floats(draw, kBlock * draw.from(1, 40), any_kind(draw));
    return first_difference(tables, length_of(x), [&](const Kernels& k) {
      GuardedVector<QuantizedBlock> blocks(x.size() / kBlock);
      k.quantize(x.data(), x.size(), blocks.data());
      Answer answer;
      for (QuantizedBlock& block : blocks) {
        for (float* part : {&block.scale, &block.bias, &block.scaled_sum}) {
          answer.floats.push_back(*part);
          *part = 0;
        }
        const auto words = std::bit_cast<std::array<std::uint64_t, 8>>(block);
        answer.words.insert(answer.words.end(), words.begin(), words.end());
      }
      return answer;
    });
  }
};

template <>
struct Check<&Kernels::rmsnorm> {
  static Difference run(Tables tables, Draw& draw) {
    const std::size_t n = draw.length(3000);
    const auto x = make_floats(draw, n, any_kind(draw));
    const auto weight = make_floats(draw, n, any_kind(draw));
    return first_difference(tables, length_of(x), [&](const Kernels& k) {
      Answer answer{Floats(n), {}};
      k.rmsnorm(x.data(), weight.data(), n, 1e-5f, answer.floats.data());
      return answer;
    });
  }
};

template <>
struct Check<&Kernels::rope> {
  static Difference run(Tables tables, Draw& draw) {
    const std::size_t pairs = draw.from(1, 130);
    const auto x = make_floats(draw, 2 * pairs, any_kind(draw));
    auto table = make_floats(draw, 2 * pairs, any_kind(draw));
    return first_difference(
        tables, [&] { return fmt::format("{} pairs", pairs); },
        [&](const Kernels& k) {
          Answer answer{x, {}};
          k.rope(answer.floats.data(), table.data(), pairs);
          return answer;
        });
  }
};

template <>
struct Check<&Kernels::softmax> {
  static Difference run(Tables tables, Draw& draw) {
    const auto x = make_floats(draw, draw.length(3000) - 1, any_kind(draw));
    const float scale = std::ldexp(1.5f + draw.unit() / 2, static_cast<int>(draw.below(12)) - 6);
    return first_difference(
        tables, [&] { return fmt::format("{} floats, scale {}", x.size(), scale); },
        [&](const Kernels& k) {
          Answer answer{Floats(x.size()), {}};
          const SoftmaxResult r = k.softmax(x.data(), x.size(), scale, answer.floats.data());
          answer.floats.insert(answer.floats.end(), {r.max, r.sum});
          return answer;
        });
  }
};

template <>
struct Check<&Kernels::swiglu> {
  static Difference run(Tables tables, Draw& draw) {
    const std::size_t n = draw.length(3000);
    const auto gate = make_floats(draw, n, any_kind(draw));
    const auto up = make_floats(draw, n, any_kind(draw));
    return first_difference(tables, length_of(gate), [&](const Kernels& k) {
      Answer answer{Floats(n), {}};
      k.swiglu(gate.data(), up.data(), n, answer.floats.data());
      return answer;
    });
  }
};

template <>
struct Check<&Kernels::add> {
  static Difference run(Tables tables, Draw& draw) {
    const std::size_t n = draw.length(3000);
    const auto x = make_floats(draw, n, any_kind(draw));
    const auto y = make_floats(draw, n, any_kind(draw));
    return first_difference(tables, length_of(x), [&](const Kernels& k) {
      Answer answer{y, {}};
      k.add(x.data(), n, answer.floats.data());
      return answer;
    });
  }
};

template <>
struct Check<&Kernels::narrow> {
  static Difference run(Tables tables, Draw& draw) {
    const auto x = make_floats(draw, draw.length(3000), any_kind(draw));
    return first_difference(tables, length_of(x), [&](const Kernels& k) {
      GuardedVector<std::uint16_t> y(x.size());
      k.narrow(x.data(), x.size(), y.data());
      Answer answer;
      for (const std::uint16_t h : y) answer.floats.push_back(half_to_float(h));
      return answer;
    });
  }
};

template <>
struct Check<&Kernels::merge> {
  static Difference run(Tables tables, Draw& draw) {
    MergeArgs args{};
    args.ranges = draw.from(1, 9);
    args.stride = draw.from(1, 4);
    args.head_dim = 2 * draw.from(1, 80);
    args.value_stride = round_up(args.head_dim, kPanelRows);
    args.scale = 1 / std::sqrt(static_cast<float>(args.head_dim));
    const Kind kind = any_kind(draw);
    const std::size_t heads = args.ranges * args.stride;
    const auto max = make_floats(draw, heads, kind);
    const auto sum = make_floats(draw, heads, kind);
    const auto out = make_floats(draw, heads * args.value_stride, kind);
    args.max = max.data();
    args.sum = sum.data();
    args.out = out.data();
    return first_difference(
        tables,
        [&] {
          return fmt::format("{} ranges, stride {}, head size {}", args.ranges, args.stride,
                             args.head_dim);
        },
        [&](const Kernels& k) {
          Answer answer;
          answer.floats.resize(args.head_dim);
          MergeArgs own = args;
          own.y = answer.floats.data();
          k.merge(own);
          return answer;
        });
  }
};

template <>
struct Check<&Kernels::attention_f16> {
  static Difference run(Tables tables, Draw& draw) {
    return check_attention<std::uint16_t>(tables, draw, &Kernels::attention_f16);
  }
};
template <>
struct Check<&Kernels::attention_f32> {
  static Difference run(Tables tables, Draw& draw) {
    return check_attention<float>(tables, draw, &Kernels::attention_f32);
  }
};

template <>
struct Check<&Kernels::attention_q8_0> {
  static Difference run(Tables tables, Draw& draw) { return check_attention_q8_0(tables, draw); }
};

/// Where a block has its 16-bit scale and, if it has one, its minimum.
struct HalfPlaces {
  std::size_t scale, minimum;
};
constexpr HalfPlaces half_places(gguf::TensorType type) {
  using enum gguf::TensorType;
  switch (type) {
    case kQ4_1:
    case kQ5_1:
    case kQ4_K:
    case kQ5_K:
      return {0, 2};
    case kQ2_K:
      return {80, 82};
    case kQ3_K:
      return {108, 108};
    case kQ6_K:
      return {208, 208};
    default:
      return {0, 0};
  }
}

/// What a matrix product is tried on.
enum class Product : std::uint8_t {
  kOrdinary,
  kSpecial,     ///< special numbers among the weights and the activations
  kOneSpecial,  ///< one among the activations: a NaN that is lost is not hidden by another
  kExtreme,     ///< the largest sums: blocks of one byte, activations all of one magnitude
};

/// Rows as a file has them: for quantized types every byte is random but the 16-bit scales and
/// minima, which are ordinary numbers unless special ones are asked for.
inline GuardedVector<std::byte> make_rows(Draw& draw, gguf::TensorType type, std::size_t elements,
                                          Product product) {
  const Kind kind = product == Product::kSpecial ? Kind::kSpecial : Kind::kOrdinary;
  const gguf::TypeTraits& traits = gguf::type_traits(type);
  GuardedVector<std::byte> out(elements / traits.elements * traits.bytes);
  for (std::size_t block = 0; block < out.size(); block += traits.bytes) {
    if (type == gguf::TensorType::kF32) {
      const float x = make_float(draw, kind);
      std::memcpy(out.data() + block, &x, sizeof x);
      continue;
    }
    constexpr unsigned char extremes[] = {0x00, 0xFF, 0x7F, 0x80, 0x0F, 0xF0};
    const std::byte all{extremes[draw.below(std::size(extremes))]};
    for (std::size_t i = 0; i < traits.bytes; ++i) {
      out[block + i] = product == Product::kExtreme ? all : std::byte(draw.bits() & 0xFF);
    }
    const HalfPlaces at = half_places(type);
    for (const std::size_t place : {at.minimum, at.scale}) {
      const float x = make_float(draw, kind);
      const std::uint16_t half =
          type == gguf::TensorType::kBF16 ? float_to_bf16(x) : float_to_half(x);
      std::memcpy(out.data() + block + place, &half, sizeof half);
    }
  }
  return out;
}

/// Activations for it.
inline Floats make_activations(Draw& draw, std::size_t n, Product product) {
  Floats x = make_floats(draw, n, product == Product::kSpecial ? Kind::kSpecial : Kind::kOrdinary);
  if (product == Product::kOneSpecial) {
    const auto sign = static_cast<std::uint32_t>(draw.bits()) & 0x80000000u;
    const std::uint32_t nans[] = {0x7F800001u, 0x7F808000u, 0x7FFFFFFFu, 0x7FC00000u, 0x7F800000u};
    x[draw.below(n)] = std::bit_cast<float>(nans[draw.below(std::size(nans))] | sign);
  }
  if (product == Product::kExtreme) {
    const float sign = draw.one_in(2) ? -1.0f : 1.0f;
    for (float& each : x) each = draw.one_in(64) ? -sign : sign;
  }
  return x;
}

template <gguf::TensorType Type>
Difference check_matmul(Tables tables, Draw& draw) {
  const std::size_t block = gguf::type_traits(Type).elements;
  const std::size_t rows = draw.from(1, 70);
  const std::size_t columns = block == 1 ? draw.length(600) : block * draw.from(1, 1024 / block);
  constexpr Product products[] = {Product::kOrdinary, Product::kOrdinary, Product::kSpecial,
                                  Product::kOneSpecial, Product::kExtreme};
  const Product product = products[draw.below(std::size(products))];
  const auto file = make_rows(draw, Type, rows * columns, product);
  GuardedVector<std::byte> panels(packed_bytes(Type, rows, columns));
  MatmulArgs args{};
  args.panel_end = round_up(rows, kPanelRows) / kPanelRows;
  args.panel_begin = draw.below(args.panel_end);
  pack_panels(Type, file.data(), rows, columns, 0, args.panel_end, panels.data());
  args.panels = panels.data();
  args.columns = columns;
  args.tokens = draw.one_in(2) ? 1 : draw.from(1, 40);
  args.y_stride = args.panel_end * kPanelRows + draw.below(20);
  const auto x = make_activations(draw, args.tokens * columns, product);
  GuardedVector<QuantizedBlock> blocks;
  if constexpr (is_quantized(Type)) {
    blocks.resize(x.size() / kBlock);
    tables.front()->quantize(x.data(), x.size(), blocks.data());
    args.x = blocks.data();
  } else {
    args.x = x.data();
  }
  return first_difference(
      tables,
      [&] {
        return fmt::format("{} rows from panel {} on, {} columns, {} tokens, y stride {}", rows,
                           args.panel_begin, columns, args.tokens, args.y_stride);
      },
      [&](const Kernels& k) {
        Answer answer{Floats(args.tokens * args.y_stride, 12345.0f), {}};
        MatmulArgs own = args;
        own.y = answer.floats.data();
        k.matmul(Type)(own);
        return answer;
      });
}

template <gguf::TensorType Type>
struct CheckMatmul {
  static Difference run(Tables tables, Draw& draw) { return check_matmul<Type>(tables, draw); }
};
template <>
struct Check<&Kernels::matmul_f32> : CheckMatmul<gguf::TensorType::kF32> {};
template <>
struct Check<&Kernels::matmul_f16> : CheckMatmul<gguf::TensorType::kF16> {};
template <>
struct Check<&Kernels::matmul_bf16> : CheckMatmul<gguf::TensorType::kBF16> {};
template <>
struct Check<&Kernels::matmul_q8_0> : CheckMatmul<gguf::TensorType::kQ8_0> {};
template <>
struct Check<&Kernels::matmul_q4_0> : CheckMatmul<gguf::TensorType::kQ4_0> {};
template <>
struct Check<&Kernels::matmul_q4_1> : CheckMatmul<gguf::TensorType::kQ4_1> {};
template <>
struct Check<&Kernels::matmul_q5_0> : CheckMatmul<gguf::TensorType::kQ5_0> {};
template <>
struct Check<&Kernels::matmul_q5_1> : CheckMatmul<gguf::TensorType::kQ5_1> {};
template <>
struct Check<&Kernels::matmul_q2_k> : CheckMatmul<gguf::TensorType::kQ2_K> {};
template <>
struct Check<&Kernels::matmul_q3_k> : CheckMatmul<gguf::TensorType::kQ3_K> {};
template <>
struct Check<&Kernels::matmul_q4_k> : CheckMatmul<gguf::TensorType::kQ4_K> {};
template <>
struct Check<&Kernels::matmul_q5_k> : CheckMatmul<gguf::TensorType::kQ5_K> {};
template <>
struct Check<&Kernels::matmul_q6_k> : CheckMatmul<gguf::TensorType::kQ6_K> {};

}  // namespace prumo::cli
