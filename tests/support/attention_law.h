// What attention over one key range owes on any input. The case keeps keys and values as plain
// rows; panels are made here, with junk where the contract says nothing may be looked at.
#pragma once

#include <string>
#include <vector>

#include "support/vector_laws.h"

namespace prumo::testing {

/// One range of keys and the query heads that share them. Keys and values are f16 bits widened to
/// floats when `half`, so that both kernels may be asked about the same numbers.
struct Attention {
  bool half = true;  ///< attention_f16, else attention_f32
  std::size_t heads = 1, head_dim = 2, value_stride = 16, n_keys = 1;
  float scale = 1.0f;
  Side side = Side::kRight;
  std::vector<float> q;                             ///< [heads][head_dim]
  std::vector<std::uint16_t> keys_f16, values_f16;  ///< [n_keys][head_dim], when half
  std::vector<float> keys_f32, values_f32;          ///< [n_keys][head_dim], when not

  [[nodiscard]] std::string name() const {
    return std::string(half ? "f16" : "f32") + ", heads " + std::to_string(heads) + ", head_dim " +
           std::to_string(head_dim) + ", value_stride " + std::to_string(value_stride) +
           ", n_keys " + std::to_string(n_keys) + (side == Side::kLeft ? ", left" : ", right");
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

inline Attention make_attention(bool half, std::size_t heads, std::size_t head_dim,
                                std::size_t n_keys, Values kind, Bits& bits) {
  Attention a;
  a.half = half;
  a.heads = heads;
  a.head_dim = head_dim;
  a.value_stride = round_up(head_dim, 16) + 16 * bits.below(2);
  a.n_keys = n_keys;
  a.scale = 1.0f / std::sqrt(static_cast<float>(head_dim));
  a.side = kSides[bits.below(2)];
  const Values most = kind == Values::kSpecial ? Values::kOrdinary : kind;
  a.q = make_floats(heads * head_dim, kind, bits);
  if (half) {
    for (auto* v : {&a.keys_f16, &a.values_f16}) {
      v->resize(n_keys * head_dim);
      for (auto& h : *v) h = make_half(most, bits);
      if (kind == Values::kSpecial) (*v)[bits.below(v->size())] = make_half(kind, bits);
    }
  } else {
    a.keys_f32 = make_floats(n_keys * head_dim, kind, bits);
    a.values_f32 = make_floats(n_keys * head_dim, kind, bits);
  }
  return a;
}

/// The outputs of one call, head after head.
struct Attended {
  std::vector<float> max, sum, out;
};

/// By the contract: a score is one fma a dimension in order; softmax in 16 lanes; an output is one
/// fma a key in order; the columns between head_dim and value_stride hold what zero values give.
inline Attended expected_attention(const Attention& a) {
  Attended result;
  const std::vector<float> keys = a.keys();
  const std::vector<float> values = a.values();
  std::vector<float> scores(a.n_keys);
  for (std::size_t h = 0; h < a.heads; ++h) {
    for (std::size_t k = 0; k < a.n_keys; ++k) {
      float score = 0;
      for (std::size_t d = 0; d < a.head_dim; ++d) {
        score = std::fma(keys[k * a.head_dim + d], a.q[h * a.head_dim + d], score);
      }
      scores[k] = score;
    }
    const ExpectedSoftmax p = expected_softmax(scores.data(), a.n_keys, a.scale);
    result.max.push_back(p.max);
    result.sum.push_back(p.sum);
    for (std::size_t d = 0; d < a.value_stride; ++d) {
      float out = 0;
      for (std::size_t k = 0; k < a.n_keys; ++k) {
        const float value = d < a.head_dim ? values[k * a.head_dim + d] : 0.0f;
        out = std::fma(p.y[k], value, out);
      }
      result.out.push_back(out);
    }
  }
  return result;
}

/// Keys as panels and values as padded rows. Key lanes beyond n_keys hold NaN: they must not count.
template <class T, class Get>
void lay_out(const Attention& a, T junk, T zero, Get&& get, std::vector<T>& keys,
             std::vector<T>& values) {
  keys.assign(round_up(a.n_keys, 16) * a.head_dim, junk);
  values.assign(a.n_keys * a.value_stride, zero);
  for (std::size_t k = 0; k < a.n_keys; ++k) {
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
  args.q = q_stage.put(a.q.data(), a.q.size(), a.side);
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
  args.scores = scores_stage.room<float>(a.heads * kKeyRange, a.side);
  args.max = max_stage.room<float>(a.heads, a.side);
  args.sum = sum_stage.room<float>(a.heads, a.side);
  args.out = out_stage.room<float>(a.heads * a.value_stride, a.side);

  (a.half ? table.attention_f16 : table.attention_f32)(args);

  for (const Output* output : {&scores_stage, &max_stage, &sum_stage, &out_stage}) {
    if (!output->intact()) fault = "it wrote beside an output";
  }
  return {{args.max, args.max + a.heads},
          {args.sum, args.sum + a.heads},
          {args.out, args.out + a.heads * a.value_stride}};
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
inline std::string attention_law(const Attention& a) {
  const Attended wanted = expected_attention(a);
  for (const Kernels* table : tables()) {
    std::string fault;
    const Attended got = attend(*table, a, fault);
    if (fault.empty()) fault = difference(got, wanted);
    if (!fault.empty()) return std::string(table->name) + ": " + a.name() + ": " + fault;
  }
  return "";
}

/// Heads that share their keys give what each gives alone.
inline std::string heads_law(const Attention& a) {
  for (const Kernels* table : tables()) {
    std::string fault;
    const Attended whole = attend(*table, a, fault);
    for (std::size_t h = 0; h < a.heads && fault.empty(); ++h) {
      const auto cut = [h](const std::vector<float>& v, std::size_t n) {
        const auto from = v.begin() + static_cast<std::ptrdiff_t>(h * n);
        return std::vector<float>(from, from + static_cast<std::ptrdiff_t>(n));
      };
      Attention one = a;
      one.heads = 1;
      one.q = cut(a.q, a.head_dim);
      fault = difference(attend(*table, one, fault),
                         {cut(whole.max, 1), cut(whole.sum, 1), cut(whole.out, a.value_stride)});
    }
    if (!fault.empty()) return std::string(table->name) + ": " + a.name() + ": " + fault;
  }
  return "";
}

}  // namespace prumo::testing
