// What attention over one key range owes on any input. The case keeps keys and values as plain
// rows; panels are made here, with junk where the contract says nothing may be looked at.
#pragma once

#include <string>
#include <vector>

#include "support/vector_laws.h"

namespace prumo::testing {

/// One range of keys and the query heads of some tokens that share them. Keys and values are f16
/// bits widened to floats when `half`, so that both kernels may be asked about the same numbers.
struct Attention {
  bool half = true;  ///< attention_f16, else attention_f32
  std::size_t heads = 1, head_dim = 2, value_stride = 16, n_keys = 1;  ///< keys of the first token
  std::size_t tokens = 1, q_gap = 0;
  float scale = 1.0f;
  Side side = Side::kRight;
  std::vector<float> q;                             ///< [tokens][heads][head_dim]
  std::vector<std::uint16_t> keys_f16, values_f16;  ///< [all_keys()][head_dim], when half
  std::vector<float> keys_f32, values_f32;          ///< [all_keys()][head_dim], when not

  [[nodiscard]] std::size_t rows() const { return tokens * heads; }
  /// What token t sees, and what the last one does.
  [[nodiscard]] std::size_t keys_of(std::size_t t) const {
    return std::min(n_keys + t, std::size_t{256});
  }
  [[nodiscard]] std::size_t all_keys() const { return keys_of(tokens - 1); }
  [[nodiscard]] std::string name() const {
    return std::string(half ? "f16" : "f32") + ", heads " + std::to_string(heads) + ", head_dim " +
           std::to_string(head_dim) + ", value_stride " + std::to_string(value_stride) +
           ", n_keys " + std::to_string(n_keys) + ", tokens " + std::to_string(tokens) +
           (side == Side::kLeft ? ", left" : ", right");
  }
  [[nodiscard]] std::vector<float> keys() const { return half ? widened(keys_f16) : keys_f32; }
  [[nodiscard]] std::vector<float> values() const {
    return half ? widened(values_f16) : values_f32;
  }

 private:
  static std::vector<float> widened(const std::vector<std::uint16_t>& halves) {
    std::vector<float> out;
    for (std::uint16_t h : halves) out.push_back(static_cast<float>(half_value(h)));
    return out;
  }
};

inline std::string source(const Attention& a) {
  return "{.half = " + source(a.half) + ", .heads = " + source(a.heads) +
         ", .head_dim = " + source(a.head_dim) + ", .value_stride = " + source(a.value_stride) +
         ", .n_keys = " + source(a.n_keys) + ", .tokens = " + source(a.tokens) +
         ", .q_gap = " + source(a.q_gap) + ",\n      .scale = " + source(a.scale) +
         ", .side = " + source(a.side) + ",\n      .q = " + source(a.q) +
         ",\n      .keys_f16 = " + source(a.keys_f16) +
         ",\n      .values_f16 = " + source(a.values_f16) +
         ",\n      .keys_f32 = " + source(a.keys_f32) +
         ",\n      .values_f32 = " + source(a.values_f32) + "}";
}

inline Attention make_attention(bool half, std::size_t heads, std::size_t head_dim,
                                std::size_t n_keys, Values kind, Bits& bits,
                                std::size_t tokens = 1) {
  Attention a;
  a.tokens = tokens;
  a.q_gap = bits.below(3);
  a.half = half;
  a.heads = heads;
  a.head_dim = head_dim;
  a.value_stride = round_up(head_dim, 16) + 16 * bits.below(2);
  a.n_keys = n_keys;
  a.scale = 1.0f / std::sqrt(static_cast<float>(head_dim));
  a.side = kSides[bits.below(2)];
  const Values most = kind == Values::kSpecial ? Values::kOrdinary : kind;
  a.q = make_floats(tokens * heads * head_dim, kind, bits);
  if (half) {
    for (auto* v : {&a.keys_f16, &a.values_f16}) {
      v->resize(a.all_keys() * head_dim);
      for (auto& h : *v) h = make_half(most, bits);
      if (kind == Values::kSpecial) (*v)[bits.below(v->size())] = make_half(kind, bits);
    }
  } else {
    a.keys_f32 = make_floats(a.all_keys() * head_dim, kind, bits);
    a.values_f32 = make_floats(a.all_keys() * head_dim, kind, bits);
  }
  return a;
}

/// The outputs of one call, row after row.
struct Attended {
  std::vector<float> max, sum, out;
};

/// By the contract: a score is one fma a dimension in order; softmax in 16 lanes; an output is one
/// fma a key in order; the columns between head_dim and value_stride hold what zero values give.
inline Attended expected_attention(const Attention& a) {
  Attended result;
  const std::vector<float> keys = a.keys();
  const std::vector<float> values = a.values();
  for (std::size_t h = 0; h < a.rows(); ++h) {
    const std::size_t n_keys = a.keys_of(h / a.heads);
    std::vector<float> scores(n_keys);
    for (std::size_t k = 0; k < n_keys; ++k) {
      float score = 0;
      for (std::size_t d = 0; d < a.head_dim; ++d) {
        score = std::fma(keys[k * a.head_dim + d], a.q[h * a.head_dim + d], score);
      }
      scores[k] = score;
    }
    const ExpectedSoftmax p = expected_softmax(scores.data(), n_keys, a.scale);
    result.max.push_back(p.max);
    result.sum.push_back(p.sum);
    for (std::size_t d = 0; d < a.value_stride; ++d) {
      float out = 0;
      for (std::size_t k = 0; k < n_keys; ++k) {
        const float value = d < a.head_dim ? values[k * a.head_dim + d] : 0.0f;
        out = std::fma(p.y[k], value, out);
      }
      result.out.push_back(out);
    }
  }
  return result;
}

/// Keys as panels and values as padded rows. Key lanes beyond the last hold NaN: they must not
/// count.
template <class T, class Get>
void lay_out(const Attention& a, T junk, T zero, Get&& get, std::vector<T>& keys,
             std::vector<T>& values) {
  keys.assign(round_up(a.all_keys(), 16) * a.head_dim, junk);
  values.assign(a.all_keys() * a.value_stride, zero);
  for (std::size_t k = 0; k < a.all_keys(); ++k) {
    for (std::size_t d = 0; d < a.head_dim; ++d) {
      keys[(k / 16 * a.head_dim + d) * 16 + k % 16] = get(true, k * a.head_dim + d);
      values[k * a.value_stride + d] = get(false, k * a.head_dim + d);
    }
  }
}

/// Runs one table beside guard pages. `fault` becomes what it wrote that it should not have.
inline Attended attend(const Kernels& table, const Attention& a, std::string& fault) {
  static Stage q_stage, keys_stage, values_stage;
  static Output scores_stage, max_stage, sum_stage, out_stage;
  AttentionArgs args{};
  const std::size_t row = a.heads * a.head_dim;
  args.tokens = a.tokens;
  args.q_stride = row + a.q_gap;
  float* q = q_stage.room<float>((a.tokens - 1) * args.q_stride + row, a.side);
  for (std::size_t t = 0; t < a.tokens; ++t) {
    std::copy_n(a.q.data() + t * row, row, q + t * args.q_stride);
  }
  args.q = q;
  args.heads = a.heads;
  args.head_dim = a.head_dim;
  args.value_stride = a.value_stride;
  args.n_keys = a.n_keys;
  args.scale = a.scale;
  if (a.half) {
    std::vector<std::uint16_t> keys, values;
    lay_out<std::uint16_t>(
        a, 0x7E00, 0,
        [&](bool key, std::size_t i) { return key ? a.keys_f16[i] : a.values_f16[i]; }, keys,
        values);
    args.keys = reinterpret_cast<std::byte*>(keys_stage.put(keys.data(), keys.size(), a.side));
    args.values =
        reinterpret_cast<std::byte*>(values_stage.put(values.data(), values.size(), a.side));
  } else {
    std::vector<float> keys, values;
    lay_out<float>(
        a, std::numeric_limits<float>::quiet_NaN(), 0.0f,
        [&](bool key, std::size_t i) { return key ? a.keys_f32[i] : a.values_f32[i]; }, keys,
        values);
    args.keys = reinterpret_cast<std::byte*>(keys_stage.put(keys.data(), keys.size(), a.side));
    args.values =
        reinterpret_cast<std::byte*>(values_stage.put(values.data(), values.size(), a.side));
  }
  args.scores = scores_stage.room<float>(a.rows() * kKeyRange, a.side);
  args.max = max_stage.room<float>(a.rows(), a.side);
  args.sum = sum_stage.room<float>(a.rows(), a.side);
  args.out = out_stage.room<float>(a.rows() * a.value_stride, a.side);

  (a.half ? table.attention_f16 : table.attention_f32)(args);

  for (const Output* output : {&scores_stage, &max_stage, &sum_stage, &out_stage}) {
    if (!output->intact()) fault = "it wrote beside an output";
  }
  return {{args.max, args.max + a.rows()},
          {args.sum, args.sum + a.rows()},
          {args.out, args.out + a.rows() * a.value_stride}};
}

inline std::string difference(const Attended& got, const Attended& wanted) {
  const auto part = [](const char* name, const std::vector<float>& x, const std::vector<float>& y) {
    const std::string fault = difference(x.data(), y.data(), y.size());
    return fault.empty() ? fault : std::string(name) + ": " + fault;
  };
  std::string fault = part("max", got.max, wanted.max);
  if (fault.empty()) fault = part("sum", got.sum, wanted.sum);
  if (fault.empty()) fault = part("out", got.out, wanted.out);
  return fault;
}

/// Every table gives the oracle's bits and writes nothing else.
inline std::string attention_fault(const Attention& a) {
  const Attended wanted = expected_attention(a);
  for (const Kernels* table : tables()) {
    std::string fault;
    const Attended got = attend(*table, a, fault);
    if (fault.empty()) fault = difference(got, wanted);
    if (!fault.empty()) return std::string(table->name) + ": " + a.name() + ": " + fault;
  }
  return "";
}
/// The same, with a test to paste.
inline std::string attention_law(const Attention& a) {
  const std::string fault = attention_fault(a);
  return fault.empty() ? fault : ready_test(fault, "attention_law(" + source(a) + ")");
}

/// Heads and tokens that share their keys give what each gives alone.
inline std::string rows_fault(const Attention& a) {
  for (const Kernels* table : tables()) {
    std::string fault;
    const Attended whole = attend(*table, a, fault);
    for (std::size_t r = 0; r < a.rows() && fault.empty(); ++r) {
      const auto cut = [](const auto& v, std::size_t from, std::size_t n) {
        const auto at = v.begin() + static_cast<std::ptrdiff_t>(from);
        return v.empty() ? v : std::decay_t<decltype(v)>(at, at + static_cast<std::ptrdiff_t>(n));
      };
      Attention one = a;
      one.tokens = one.heads = 1;
      one.n_keys = a.keys_of(r / a.heads);
      one.q = cut(a.q, r * a.head_dim, a.head_dim);
      one.keys_f16 = cut(a.keys_f16, 0, one.n_keys * a.head_dim);
      one.values_f16 = cut(a.values_f16, 0, one.n_keys * a.head_dim);
      one.keys_f32 = cut(a.keys_f32, 0, one.n_keys * a.head_dim);
      one.values_f32 = cut(a.values_f32, 0, one.n_keys * a.head_dim);
      const Attended alone = attend(*table, one, fault);
      fault += difference(alone, {cut(whole.max, r, 1), cut(whole.sum, r, 1),
                                  cut(whole.out, r * a.value_stride, a.value_stride)});
    }
    if (!fault.empty()) return std::string(table->name) + ": " + a.name() + ": " + fault;
  }
  return "";
}
/// The same, with a test to paste.
inline std::string rows_law(const Attention& a) {
  const std::string fault = rows_fault(a);
  return fault.empty() ? fault : ready_test(fault, "rows_law(" + source(a) + ")");
}

}  // namespace prumo::testing
