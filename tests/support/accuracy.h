// How far each kernel may be from the true value, and how far it is. An error is measured in units
// of u times a condition, the sum of the magnitudes of what the true value is made of; the bound is
// a number of such units that follows from counting roundings. A lost element or block is worth its
// whole share of the condition, a million units.
//
// Where roundings are counted, each is a factor 1 + d with |d| <= u; products of a few thousand of
// them differ from the sum of their d by less than the part 0.001 that every bound has on top.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "support/attention_law.h"
#include "support/attention_q8_0_law.h"
#include "support/exp_law.h"
#include "support/matmul_law.h"
#include "support/merge_law.h"
#include "support/narrow_law.h"
#include "support/quant_oracle.h"
#include "support/quantize_law.h"

namespace prumo::testing {

// ---- Bounds, in roundings u = 2^-24

/// tests/exp.cpp derives 1.2 units of the last place, which are at most 2 u each.
inline constexpr double kExpSteps = 2.4;
/// exp, one addition, one division, one product.
inline constexpr double kSwigluSteps = kExpSteps + 3;

/// A lane's squares (one fma each) and the tree's 4 additions, all of positive terms; the mean and
/// eps; the root halves these and adds 1, the reciprocal and the two products 3.
inline double rmsnorm_steps(std::size_t n) {
  return static_cast<double>((n + 15) / 16 + 6) / 2 + 4;
}

/// A sum in 16 lanes: a lane's additions but the first, which is exact, and the tree's 4.
inline double lanes_steps(std::size_t n) {
  return static_cast<double>((n + 15) / 16) + 3;
}

/// exp of a = (x - max) * scale, -|a| being off by two roundings: |a| is the condition of exp.
inline double softmax_steps(double a) {
  return kExpSteps + 2 * a;
}

/// A key's part of an attention output, in units of that part: its exponential, the roundings of a
/// score, whose terms have the magnitude `size` together, and those of the sum over the keys.
inline double attended_steps(double a, double size, double score_steps, double keys) {
  return softmax_steps(a) + score_steps * size + keys;
}

/// A range's part of a merged output: its weight and the sum over the ranges.
inline double merged_steps(double a, double ranges) {
  return softmax_steps(a) + ranges;
}

/// A row of a matrix, in units of the sum of its exact terms' magnitudes. F32 and F16: one fma an
/// element. BF16, of x rounded to BF16: a lane has 2 elements of every 32, then 4 additions.
/// Quantized: a block's integer dot and its own scale are exact; times the activations' scale it is
/// rounded once, and joins the row by one fma, or two: where halves have their own scales, and
/// where a minimum joins by itself.
inline double product_steps(gguf::TensorType type, std::size_t columns) {
  using enum gguf::TensorType;
  const std::size_t blocks = (columns + kBlock - 1) / kBlock;
  if (type == kF32 || type == kF16) return static_cast<double>(columns);
  if (type == kBF16) return static_cast<double>(2 * blocks + 4);
  const bool two = type == kQ6_K || block_format(type).min_at != 0;
  return static_cast<double>((two ? 2 : 1) * blocks + 1);
}

/// What is exact within itself: so many columns of a row.
inline std::size_t exact_part(gguf::TensorType type) {
  return is_quantized(type) ? kBlock / 2 : 1;
}

/// A weight in two parts, each exact in float: a multiple of its scale, and a minimum.
struct Parts {
  double multiple = 0;
  double minimum = 0;
};

inline Parts parts_of(gguf::TensorType type, const std::byte* row, std::size_t k) {
  if (!is_quantized(type)) return {weight_value(type, row, k), 0};
  const Column c = column_of(type, row, k);
  return {c.scale * c.factor * c.quant, c.minimum};
}

// ---- Measuring

/// The largest error met.
struct Accuracy {
  double units = 0;    ///< of u times the condition
  double allowed = 0;  ///< the largest number of units that a bound allowed
  double share = 0;    ///< of its bound; beyond 1 it is broken
  std::string worst;   ///< where the share is largest

  /// An error of |y - exact| that may be `steps` * unit. `slack` is what denormals may add.
  void add(double y, double exact, double unit, double steps, double slack,
           const std::string& where) {
    const double error = std::max(std::fabs(y - exact) - slack, 0.0);
    if (!(error <= 0) && !std::isnan(share)) {
      units = std::max(units, error / unit);
      if (!(error / (1.001 * steps * unit) <= share)) {
        share = error / (1.001 * steps * unit);
        worst = where + ": " + std::to_string(y) + " for " + std::to_string(exact);
      }
    }
    allowed = std::max(allowed, steps);
  }
  void add(const Accuracy& other) {
    units = std::max(units, other.units);
    allowed = std::max(allowed, other.allowed);
    if (other.share > share || std::isnan(other.share)) {
      share = other.share;
      worst = other.worst;
    }
  }
  /// "" while every error kept to its bound.
  [[nodiscard]] std::string fault() const { return share <= 1 ? std::string() : worst; }
};

inline std::string place(const Kernels& table, std::size_t i) {
  return std::string(table.name) + ", element " + std::to_string(i);
}

/// n numbers of either sign from 2^-range to 2^range.
inline std::vector<float> spread(std::size_t n, int range, Bits& bits) {
  std::vector<float> out(n);
  for (float& x : out) {
    const float part = bits.unit();  // by itself: the order of arguments is the compiler's
    x = std::ldexp(part,
                   static_cast<int>(bits.below(2 * static_cast<std::size_t>(range) + 1)) - range);
  }
  return out;
}

inline double wide(float x) {
  return static_cast<double>(x);
}

inline Accuracy exp_accuracy(const float (&x)[16]) {
  Accuracy out;
  for (const Kernels* table : supported_kernels()) {
    float y[16];
    exp16(table->isa, x, y);
    for (std::size_t i = 0; i < 16; ++i) {
      const double exact = std::exp(wide(x[i]));
      out.add(wide(y[i]), exact, kUnitRoundoff * exact, kExpSteps, x[i] < -87.33f ? 0x1p-125 : 0,
              place(*table, i));
    }
  }
  return out;
}

inline Accuracy rmsnorm_accuracy(const std::vector<float>& x, const std::vector<float>& weight,
                                 float eps) {
  Accuracy out;
  long double sum = 0;
  for (const float v : x) sum += static_cast<long double>(v) * static_cast<long double>(v);
  const auto mean = static_cast<double>(sum / static_cast<long double>(x.size()));
  const double r = 1 / std::sqrt(mean + wide(eps));
  for (const Kernels* table : tables()) {
    std::vector<float> y(x.size());
    table->rmsnorm(x.data(), weight.data(), x.size(), eps, y.data());
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double exact = wide(x[i]) * r * wide(weight[i]);
      out.add(wide(y[i]), exact, kUnitRoundoff * std::fabs(exact), rmsnorm_steps(x.size()),
              kTinyRoundoff, place(*table, i));
    }
  }
  return out;
}

/// In units of u (|a c| + |b s|): the inner product rounds once, the fma once.
inline Accuracy rope_accuracy(const std::vector<float>& x, const std::vector<float>& angles) {
  Accuracy out;
  for (const Kernels* table : tables()) {
    std::vector<float> y = x;
    table->rope(y.data(), angles.data(), x.size() / 2);
    for (std::size_t i = 0; i < x.size(); i += 2) {
      const double a = wide(x[i]), b = wide(x[i + 1]), c = wide(angles[i]), s = wide(angles[i + 1]);
      const double first = std::fabs(a * c) + std::fabs(b * s);
      const double second = std::fabs(a * s) + std::fabs(b * c);
      const double steps[] = {(std::fabs(b * s) + std::fabs(a * c - b * s)) / first,
                              (std::fabs(b * c) + std::fabs(a * s + b * c)) / second};
      if (first > 0) {
        out.add(wide(y[i]), a * c - b * s, kUnitRoundoff * first, steps[0], 2 * kTinyRoundoff,
                place(*table, i));
      }
      if (second > 0) {
        out.add(wide(y[i + 1]), a * s + b * c, kUnitRoundoff * second, steps[1], 2 * kTinyRoundoff,
                place(*table, i + 1));
      }
    }
  }
  return out;
}

/// In units of u (1 + |a|) e^a, the sum in units of those of all terms.
inline Accuracy softmax_accuracy(const std::vector<float>& x, float scale) {
  Accuracy out;
  const double max = wide(*std::max_element(x.begin(), x.end()));
  const double flushed = std::exp(-87.33);  // what exp makes 0 is less
  for (const Kernels* table : tables()) {
    std::vector<float> y(x.size());
    const SoftmaxResult got = table->softmax(x.data(), x.size(), scale, y.data());
    double sum = 0, unit = 0, bound = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double a = (max - wide(x[i])) * wide(scale);
      const double exact = std::exp(-a);
      const double slack = a > 87 ? flushed : 0;
      out.add(wide(y[i]), exact, kUnitRoundoff * (1 + a) * exact, softmax_steps(a) / (1 + a), slack,
              place(*table, i));
      sum += exact;
      unit += kUnitRoundoff * (1 + a) * exact;
      bound += kUnitRoundoff * (softmax_steps(a) + lanes_steps(x.size())) * exact;
    }
    out.add(wide(got.sum), sum, unit, bound / unit, flushed * static_cast<double>(x.size()),
            std::string(table->name) + ", the sum");
  }
  return out;
}

/// The sums of tiles of weights in units of 2^-32, of which every one is cut off at a whole number.
inline Accuracy tile_weight_accuracy(const std::vector<float>& x, float scale) {
  Accuracy out;
  const double max = wide(*std::max_element(x.begin(), x.end()));
  for (const Kernels* table : tables()) {
    std::vector<std::uint64_t> tiles((x.size() + kTile - 1) / kTile);
    table->tile_weight(x.data(), x.size(), static_cast<float>(max), scale, tiles.data());
    for (std::size_t begin = 0; begin < x.size(); begin += kTile) {
      const std::size_t end = std::min(begin + kTile, x.size());
      double sum = 0, unit = 0, bound = 0;
      for (std::size_t i = begin; i < end; ++i) {
        const double a = (max - wide(x[i])) * wide(scale);
        const double exact = std::exp(-a) * 0x1p32;
        sum += exact;
        unit += kUnitRoundoff * (1 + a) * exact;
        bound += kUnitRoundoff * softmax_steps(a) * exact;
      }
      out.add(static_cast<double>(tiles[begin / kTile]), sum, unit, bound / unit,
              static_cast<double>(end - begin), place(*table, begin / kTile));
    }
  }
  return out;
}

inline Accuracy swiglu_accuracy(const std::vector<float>& gate, const std::vector<float>& up) {
  Accuracy out;
  for (const Kernels* table : tables()) {
    std::vector<float> y(gate.size());
    table->swiglu(gate.data(), up.data(), gate.size(), y.data());
    for (std::size_t i = 0; i < gate.size(); ++i) {
      const double g = wide(gate[i]);
      const double exact = g / (1 + std::exp(-g)) * wide(up[i]);
      // Where exp(-g) is infinite the result is zero.
      const double slack = g < -88.37 ? std::fabs(exact) : std::fabs(wide(up[i])) * kTinyRoundoff;
      out.add(wide(y[i]), exact, kUnitRoundoff * std::fabs(exact), kSwigluSteps,
              slack + kTinyRoundoff, place(*table, i));
    }
  }
  return out;
}

inline Accuracy add_accuracy(const std::vector<float>& x, const std::vector<float>& y) {
  Accuracy out;
  for (const Kernels* table : tables()) {
    std::vector<float> sum = y;
    table->add(x.data(), x.size(), sum.data());
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double exact = wide(x[i]) + wide(y[i]);
      out.add(wide(sum[i]), exact, kUnitRoundoff * std::fabs(exact), 1, 0, place(*table, i));
    }
  }
  return out;
}

/// In units of 2^-11 |x|, half a unit of the last of 11 bits; x is finite in binary16.
inline Accuracy narrow_accuracy(const std::vector<float>& x) {
  Accuracy out;
  for (const Kernels* table : tables()) {
    std::vector<std::uint16_t> y(x.size());
    table->narrow(x.data(), x.size(), y.data());
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double slack = std::fabs(x[i]) < 0x1p-14f ? 0x1p-25 : 0;
      out.add(half_value(y[i]), wide(x[i]), 0x1p-11 * std::fabs(wide(x[i])), 1, slack,
              place(*table, i));
    }
  }
  return out;
}

/// In units of max / 127, a step of the block: half of it for rounding, |q| times the error of the
/// scale (2^-11) and of three float operations.
inline Accuracy quantize_accuracy(const std::vector<float>& x) {
  Accuracy out;
  for (const Kernels* table : tables()) {
    std::vector<QuantizedBlock> blocks(x.size() / kBlock);
    table->quantize(x.data(), x.size(), blocks.data());
    for (std::size_t i = 0; i < x.size(); ++i) {
      float max = 0;
      const std::size_t first = i / kBlock * kBlock;
      for (std::size_t j = first; j < first + kBlock; ++j) max = std::max(max, std::fabs(x[j]));
      if (max <= 0x1p-100f) continue;
      const int q = blocks[i / kBlock].q[i % kBlock];
      out.add(wide(blocks[i / kBlock].scale) * q, wide(x[i]), wide(max) / 127,
              0.5 + std::abs(q) * (0x1p-11 + 3 * kUnitRoundoff), 0, place(*table, i));
    }
  }
  return out;
}

/// What attention of some rows is of: numbers as they are, and how many roundings a score and an
/// output have beside those that its terms share with every kind of cache.
struct TrueAttention {
  std::size_t heads, head_dim, value_stride, n_keys;
  float scale;
  std::vector<float> q, keys, values;
  double score_steps, value_steps;
};

/// In units of u times the sum over the keys of p |v| (1 + |a| + the magnitude of the score's
/// terms), or of that without |v| for the sum.
inline void add_attention(Accuracy& out, const TrueAttention& c, const Attended& got,
                          const std::string& table) {
  const double n = static_cast<double>(c.n_keys);
  for (std::size_t h = 0; h < c.heads; ++h) {
    const double max = wide(got.max[h]);
    std::vector<double> p(c.n_keys), unit(c.n_keys), steps(c.n_keys);
    double nearest = INFINITY, size_there = 0, sum = 0, sum_unit = 0, sum_bound = 0;
    for (std::size_t k = 0; k < c.n_keys; ++k) {
      double score = 0, size = 0;
      for (std::size_t d = 0; d < c.head_dim; ++d) {
        const double term = wide(c.keys[k * c.head_dim + d]) * wide(c.q[h * c.head_dim + d]);
        score += term;
        size += std::fabs(term);
      }
      if (std::fabs(score - max) < nearest) nearest = std::fabs(score - max), size_there = size;
      size *= wide(c.scale);
      const double a = (score - max) * wide(c.scale);
      p[k] = std::exp(a);
      unit[k] = kUnitRoundoff * (1 + std::fabs(a) + size);
      steps[k] =
          kUnitRoundoff * (attended_steps(std::fabs(a), size, c.score_steps, n) + c.value_steps);
      sum += p[k];
      sum_unit += p[k] * unit[k];
      sum_bound += p[k] * steps[k];
    }
    const std::string head = table + ", head " + std::to_string(h);
    // The largest score is one of the scores, as far as their roundings allow.
    out.add(nearest, 0, kUnitRoundoff * size_there, c.score_steps, kTinyRoundoff, head + ", max");
    out.add(wide(got.sum[h]), sum, sum_unit, sum_bound / sum_unit, 0, head + ", sum");
    for (std::size_t d = 0; d < c.head_dim; ++d) {
      double exact = 0, value_unit = 0, bound = 0;
      for (std::size_t k = 0; k < c.n_keys; ++k) {
        const double value = wide(c.values[k * c.head_dim + d]);
        exact += p[k] * value;
        value_unit += p[k] * std::fabs(value) * unit[k];
        bound += p[k] * std::fabs(value) * steps[k];
      }
      if (value_unit == 0) continue;
      out.add(wide(got.out[h * c.value_stride + d]), exact, value_unit, bound / value_unit,
              kTinyRoundoff * n, head + ", out " + std::to_string(d));
    }
  }
}

inline Accuracy attention_accuracy(const Attention& c) {
  const TrueAttention truth{c.heads,  c.head_dim, c.value_stride,
                            c.n_keys, c.scale,    c.q,
                            c.keys(), c.values(), static_cast<double>(c.head_dim),
                            0};
  Accuracy out;
  for (const Kernels* table : tables()) {
    std::string fault;
    add_attention(out, truth, attend(*table, c, fault), std::string(table->name));
  }
  return out;
}

/// The truth is that of the quantized numbers. A score has two roundings a block, a product and an
/// fma; an output one more a key, the product of p with the scale. One token.
inline Accuracy attention_accuracy(const QuantizedAttention& c) {
  TrueAttention truth{c.heads,  c.head_dim, c.head_dim,
                      c.n_keys, c.scale,    {},
                      {},       {},         static_cast<double>(c.blocks()) + 1,
                      1};
  for (std::size_t i = 0; i < c.q.size() * kBlock; ++i) {
    truth.q.push_back(c.q[i / kBlock].scale * static_cast<float>(c.q[i / kBlock].q[i % kBlock]));
  }
  for (std::size_t i = 0; i < c.keys.size(); ++i) {
    const auto number = [&](const auto& bytes, const auto& scales) {
      return QuantizedAttention::half(scales[i / kBlock]) *
             static_cast<float>(QuantizedAttention::byte(bytes[i]));
    };
    truth.keys.push_back(number(c.keys, c.key_scales));
    truth.values.push_back(number(c.values, c.value_scales));
  }
  Accuracy out;
  for (const Kernels* table : tables()) {
    std::string fault;
    add_attention(out, truth, attend(*table, c, fault), std::string(table->name));
  }
  return out;
}

/// In units of u times (the sum of w |out| (1 + |a|) + |y| times that of w s (1 + |a|)) / s.
inline Accuracy merge_accuracy(const Merge& m) {
  Accuracy out;
  const double max = wide(*std::max_element(m.max.begin(), m.max.end()));
  const double ranges = static_cast<double>(m.ranges);
  for (const Kernels* table : tables()) {
    std::string fault;
    const std::vector<float> y = join(*table, m, Side::kRight, fault);
    for (std::size_t d = 0; d < m.head_dim; ++d) {
      double s = 0, s_unit = 0, s_bound = 0, o = 0, o_unit = 0, o_bound = 0;
      for (std::size_t r = 0; r < m.ranges; ++r) {
        const double a = (max - wide(m.max[r])) * wide(m.scale);
        const double term = std::exp(-a) * wide(m.sum[r]);
        const double value = std::exp(-a) * wide(m.out[r * m.head_dim + d]);
        s += term;
        s_unit += term * (1 + a);
        s_bound += term * merged_steps(a, ranges);
        o += value;
        o_unit += std::fabs(value) * (1 + a);
        o_bound += std::fabs(value) * merged_steps(a, ranges);
      }
      const double exact = o / s;
      const double unit = kUnitRoundoff * (o_unit + std::fabs(exact) * s_unit) / s;
      if (unit == 0) continue;
      const double bound =
          kUnitRoundoff * ((o_bound + std::fabs(exact) * s_bound) / s + std::fabs(exact));
      out.add(wide(y[d]), exact, unit, bound / unit, kTinyRoundoff, place(*table, d));
    }
  }
  return out;
}

/// The activation at [token * columns + column] as the product sees it.
inline double seen(const Product& p, std::size_t at) {
  if (is_quantized(p.type)) {
    const QuantizedBlock& block = p.blocks[at / kBlock];
    return wide(block.scale) * block.q[at % kBlock];
  }
  return wide(p.type == gguf::TensorType::kBF16 ? round_to_bits(p.x[at], 8) : p.x[at]);
}

/// In units of u times the sum of the magnitudes of the exact terms: elements, or halves of blocks.
inline Accuracy product_accuracy(const Product& p) {
  Accuracy out;
  const BlockFormat format = block_format(p.type);
  const std::size_t row_size = p.columns / format.elements * format.bytes;
  const std::size_t part = exact_part(p.type);
  std::vector<Parts> w(p.columns);
  for (const Kernels* table : tables()) {
    const std::vector<float> y = multiply(*table, p).y;
    for (std::size_t r = 0; r < p.rows; ++r) {
      for (std::size_t k = 0; k < p.columns; ++k) {
        w[k] = parts_of(p.type, p.file.data() + r * row_size, k);
      }
      for (std::size_t t = 0; t < p.tokens; ++t) {
        double exact = 0, size = 0;
        for (std::size_t k = 0; k < p.columns; k += part) {
          double multiples = 0, minimums = 0;
          for (std::size_t i = k; i < k + part; ++i) {
            const double x = seen(p, t * p.columns + i);
            multiples += w[i].multiple * x;
            minimums += w[i].minimum * x;
          }
          exact += multiples + minimums;
          size += std::fabs(multiples) + std::fabs(minimums);
        }
        if (size == 0) continue;
        out.add(wide(y[t * p.y_stride + r]), exact, kUnitRoundoff * size,
                product_steps(p.type, p.columns), kTinyRoundoff * static_cast<double>(p.columns),
                place(*table, r) + " of token " + std::to_string(t));
      }
    }
  }
  return out;
}

}  // namespace prumo::testing
