// Attention's checks for verify: keys, values and queries of every kind of cache.
#pragma once

#include <cmath>
#include <cstring>

#include "base/half.h"
#include "cli/verify_inputs.h"
#include "kernels/pack.h"

namespace prumo::cli {

using Tables = std::span<const Kernels* const>;
using AttentionKernel = void (*Kernels::*)(const AttentionArgs&);

inline Difference attention_difference(Tables tables, const AttentionArgs& args,
                                       AttentionKernel kernel) {
  const std::size_t rows = args.tokens * args.heads;
  return first_difference(
      tables,
      [&] {
        return fmt::format("{} tokens, {} heads, head size {}, {} keys", args.tokens, args.heads,
                           args.head_dim, args.n_keys);
      },
      [&](const Kernels& k) {
        Answer answer{Floats(rows * (2 + args.value_stride)), {}};
        AttentionArgs own = args;
        own.max = answer.floats.data();
        own.sum = own.max + rows;
        own.out = own.sum + rows;
        (k.*kernel)(own);
        return answer;
      });
}

/// Attention over keys and values of Element: std::uint16_t for f16.
template <class Element>
Difference check_attention(Tables tables, Draw& draw, AttentionKernel kernel) {
  AttentionArgs args{};
  args.heads = draw.from(1, 8);
  args.tokens = draw.one_in(2) ? 1 : draw.from(1, 14);
  args.head_dim = 2 * draw.from(1, 64);
  args.value_stride = round_up(args.head_dim, kPanelRows);
  args.n_keys = draw.one_in(3) ? draw.from(1, kKeyRange) : draw.from(1, 40);
  args.scale = 1 / std::sqrt(static_cast<float>(args.head_dim));
  const Kind kind = draw.one_in(4) ? Kind::kSpecial : Kind::kOrdinary;
  const auto element = [&] {
    const float x = make_float(draw, kind);
    if constexpr (sizeof(Element) == 2)
      return float_to_half(x);
    else
      return x;
  };
  const std::size_t rows = args.tokens * args.heads;
  const std::size_t all_keys = args.keys_of(rows - 1);
  args.q_stride = args.heads * args.head_dim;
  const auto q = make_floats(draw, args.tokens * args.q_stride, kind);
  GuardedVector<Element> keys(round_up(all_keys, kPanelRows) * args.head_dim);
  for (Element& key : keys) key = element();
  GuardedVector<Element> values(all_keys * args.value_stride);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i % args.value_stride < args.head_dim) values[i] = element();
  }
  Floats scores(rows * kKeyRange);
  args.q = q.data();
  args.keys = reinterpret_cast<const std::byte*>(keys.data());
  args.values = reinterpret_cast<const std::byte*>(values.data());
  args.scores = scores.data();
  return attention_difference(tables, args, kernel);
}

/// Attention over a Q8_0 cache: bytes of every value, and scales that are f16 of any kind.
inline Difference check_attention_q8_0(Tables tables, Draw& draw) {
  AttentionArgs args{};
  args.heads = draw.from(1, 8);
  args.tokens = draw.one_in(2) ? 1 : draw.from(1, 14);
  args.head_dim = args.value_stride = kBlock * draw.from(1, 4);
  args.n_keys = draw.one_in(3) ? draw.from(1, kKeyRange) : draw.from(1, 40);
  args.scale = 1 / std::sqrt(static_cast<float>(args.head_dim));
  const Kind kind = draw.one_in(4) ? Kind::kSpecial : Kind::kOrdinary;
  const std::size_t rows = args.tokens * args.heads;
  const PanelLayout at = panel_layout(gguf::TensorType::kQ8_0);
  const std::size_t panel_bytes = at.bytes(args.head_dim / kBlock);
  const std::size_t panels = round_up(args.keys_of(rows - 1), kPanelRows) / kPanelRows;
  const auto cache = [&](bool values) {
    GuardedVector<std::byte> bytes(panels * panel_bytes);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(draw.from(values ? 0 : 1, 255));
    for (std::size_t p = 0; p < panels; ++p) {
      for (std::size_t i = 0; i < args.head_dim / kBlock * kPanelRows; ++i) {
        const std::uint16_t scale = float_to_half(make_float(draw, kind));
        std::memcpy(&bytes[p * panel_bytes + at.scales_at(i / kPanelRows) + i % kPanelRows * 2],
                    &scale, sizeof scale);
      }
    }
    return bytes;
  };
  const auto keys = cache(false);
  const auto values = cache(true);
  const auto q = make_floats(draw, rows * args.head_dim, kind);
  GuardedVector<QuantizedBlock> blocks(q.size() / kBlock);
  tables.front()->quantize(q.data(), q.size(), blocks.data());
  Floats scores(rows * kKeyRange);
  args.q_blocks = blocks.data();
  args.keys = keys.data();
  args.values = values.data();
  args.scores = scores.data();
  return attention_difference(tables, args, &Kernels::attention_q8_0);
}

}  // namespace prumo::cli
