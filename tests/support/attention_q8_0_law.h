// What attention over a Q8_0 cache owes on any input. The case keeps keys and values as plain rows
// of blocks; panels are made here, with junk where the contract says nothing may be looked at.
#pragma once

#include <string>
#include <vector>

#include "kernels/pack.h"
#include "support/attention_law.h"
#include "support/quant_oracle.h"

namespace prumo::testing {

/// One range of keys and the query heads of some tokens that share them.
struct QuantizedAttention {
  std::size_t heads = 1, head_dim = 32, n_keys = 1;  ///< keys of the first token
  std::size_t tokens = 1;
  float scale = 1.0f;
  Side side = Side::kRight;
  std::vector<QuantizedBlock> q;                        ///< [tokens][heads][head_dim / 32]
  std::vector<std::byte> keys, values;                  ///< int8, [all_keys()][head_dim]
  std::vector<std::uint16_t> key_scales, value_scales;  ///< f16, [all_keys()][head_dim / 32]

  [[nodiscard]] std::size_t rows() const { return tokens * heads; }
  [[nodiscard]] std::size_t blocks() const { return head_dim / kBlock; }
  [[nodiscard]] std::size_t keys_of(std::size_t t) const { return std::min(n_keys + t, kKeyRange); }
  [[nodiscard]] std::size_t all_keys() const { return keys_of(tokens - 1); }
  [[nodiscard]] std::string name() const {
    return "heads " + std::to_string(heads) + ", head_dim " + std::to_string(head_dim) +
           ", n_keys " + std::to_string(n_keys) + ", tokens " + std::to_string(tokens);
  }
  static int byte(std::byte b) { return static_cast<std::int8_t>(std::to_integer<int>(b)); }
  static float half(std::uint16_t h) { return static_cast<float>(half_value(h)); }
};

inline std::string source(const QuantizedAttention& a) {
  return "{.heads = " + source(a.heads) + ", .head_dim = " + source(a.head_dim) +
         ", .n_keys = " + source(a.n_keys) + ", .tokens = " + source(a.tokens) +
         ",\n      .scale = " + source(a.scale) + ", .side = " + source(a.side) +
         ",\n      .q = " + source(a.q) + ",\n      .keys = " + source(a.keys) +
         ",\n      .values = " + source(a.values) +
         ",\n      .key_scales = " + source(a.key_scales) +
         ",\n      .value_scales = " + source(a.value_scales) + "}";
}

/// By the contract: a block's dot is an integer, its share of the score one product and one fma.
inline float score(const QuantizedAttention& a, std::size_t row, std::size_t key) {
  float sum = 0;
  for (std::size_t b = 0; b < a.blocks(); ++b) {
    const QuantizedBlock& x = a.q[row * a.blocks() + b];
    int dot = 0;
    for (std::size_t i = 0; i < kBlock; ++i) {
      dot += QuantizedAttention::byte(a.keys[key * a.head_dim + b * kBlock + i]) * x.q[i];
    }
    sum = std::fma(QuantizedAttention::half(a.key_scales[key * a.blocks() + b]),
                   x.scale * static_cast<float>(dot), sum);
  }
  return sum;
}

inline QuantizedAttention make_quantized_attention(std::size_t heads, std::size_t head_dim,
                                                   std::size_t n_keys, Values kind, Bits& bits,
                                                   std::size_t tokens = 1) {
  QuantizedAttention a;
  a.tokens = tokens;
  a.heads = heads;
  a.head_dim = head_dim;
  a.n_keys = n_keys;
  a.scale = 1.0f / std::sqrt(static_cast<float>(head_dim));
  a.side = kSides[bits.below(2)];
  a.q = make_activations(a.rows() * a.blocks(), kind, bits);
  const Values most = kind == Values::kSpecial ? Values::kOrdinary : kind;
  for (auto* v : {&a.keys, &a.values}) {
    v->resize(a.all_keys() * head_dim);
    for (std::byte& b : *v) {
      b = static_cast<std::byte>(static_cast<int>(bits.below(255)) - 127);
    }
  }
  for (auto* v : {&a.key_scales, &a.value_scales}) {
    v->resize(a.all_keys() * a.blocks());
    for (auto& h : *v) h = make_half(most, bits);
    if (kind == Values::kSpecial) (*v)[bits.below(v->size())] = make_half(kind, bits);
  }
  // Ordinary scores of every row are some units apart once scaled, so that every value counts and
  // no weight comes near the subnormal numbers.
  if (kind == Values::kOrdinary && a.rows() > 0) {
    float largest = 1;
    for (std::size_t r = 0; r < a.rows(); ++r) {
      for (std::size_t k = 0; k < a.all_keys(); ++k) {
        largest = std::max(largest, std::fabs(score(a, r, k)));
      }
    }
    a.scale = 4 / largest;
  }
  return a;
}

/// By the contract: softmax in 16 lanes; an output is one product and one fma a key, in order.
inline Attended expected_attention(const QuantizedAttention& a) {
  Attended result;
  for (std::size_t r = 0; r < a.rows(); ++r) {
    const std::size_t n_keys = a.keys_of(r / a.heads);
    std::vector<float> scores(n_keys);
    for (std::size_t k = 0; k < n_keys; ++k) scores[k] = score(a, r, k);
    const ExpectedSoftmax p = expected_softmax(scores.data(), n_keys, a.scale);
    result.max.push_back(p.max);
    result.sum.push_back(p.sum);
    for (std::size_t d = 0; d < a.head_dim; ++d) {
      float out = 0;
      for (std::size_t k = 0; k < n_keys; ++k) {
        const float scale = QuantizedAttention::half(a.value_scales[k * a.blocks() + d / kBlock]);
        const int v = QuantizedAttention::byte(a.values[k * a.head_dim + d]);
        out = std::fma(p.y[k] * scale, static_cast<float>(v), out);
      }
      result.out.push_back(out);
    }
  }
  return result;
}

/// Panels of 16 keys or values; what is beyond the last is junk with NaN scales.
inline std::vector<std::byte> quantized_panels(const QuantizedAttention& a, bool keys) {
  const PanelLayout at = panel_layout(gguf::TensorType::kQ8_0);
  std::vector<std::byte> out(round_up(a.all_keys(), 16) / 16 * at.bytes(a.blocks()),
                             std::byte{0x7E});
  for (std::size_t k = 0; k < a.all_keys(); ++k) {
    std::byte* panel = out.data() + k / 16 * at.bytes(a.blocks());
    for (std::size_t b = 0; b < a.blocks(); ++b) {
      store_u16(panel + at.scales_at(b) + k % 16 * 2,
                (keys ? a.key_scales : a.value_scales)[k * a.blocks() + b]);
    }
    for (std::size_t d = 0; d < a.head_dim; ++d) {
      if (keys) {
        panel[at.block_at(d / 32) + (d % 32 / 4 * 16 + k % 16) * 4 + d % 4] =
            a.keys[k * a.head_dim + d] ^ std::byte{0x80};
      } else {
        panel[at.block_at(d / 32) + k % 16 * 32 + d % 32] = a.values[k * a.head_dim + d];
      }
    }
  }
  return out;
}

/// Runs one table beside guard pages. `fault` becomes what it wrote that it should not have.
inline Attended attend(const Kernels& table, const QuantizedAttention& a, std::string& fault) {
  static Stage q_stage, keys_stage, values_stage;
  static Output scores_stage, max_stage, sum_stage, out_stage;
  AttentionArgs args{};
  args.q_blocks = q_stage.put(a.q.data(), a.q.size(), a.side);
  args.tokens = a.tokens;
  args.heads = a.heads;
  args.head_dim = args.value_stride = a.head_dim;
  args.n_keys = a.n_keys;
  args.scale = a.scale;
  const auto keys = quantized_panels(a, true);
  const auto values = quantized_panels(a, false);
  args.keys = keys_stage.put(keys.data(), keys.size(), a.side);
  args.values = values_stage.put(values.data(), values.size(), a.side);
  args.scores = scores_stage.room<float>(a.rows() * kKeyRange, a.side);
  args.max = max_stage.room<float>(a.rows(), a.side);
  args.sum = sum_stage.room<float>(a.rows(), a.side);
  args.out = out_stage.room<float>(a.rows() * a.head_dim, a.side);

  table.attention_q8_0(args);

  for (const Output* output : {&scores_stage, &max_stage, &sum_stage, &out_stage}) {
    if (!output->intact()) fault = "it wrote beside an output";
  }
  return {{args.max, args.max + a.rows()},
          {args.sum, args.sum + a.rows()},
          {args.out, args.out + a.rows() * a.head_dim}};
}

/// Every table gives the oracle's bits and writes nothing else; with a test to paste.
inline std::string quantized_attention_law(const QuantizedAttention& a) {
  const Attended wanted = expected_attention(a);
  for (const Kernels* table : tables()) {
    std::string fault;
    const Attended got = attend(*table, a, fault);
    if (fault.empty()) fault = difference(got, wanted);
    if (fault.empty()) continue;
    fault = std::string(table->name) + ": " + a.name() + ": " + fault;
    return ready_test(fault, "quantized_attention_law(" + source(a) + ")");
  }
  return "";
}

}  // namespace prumo::testing
