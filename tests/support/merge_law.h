// What the joining of key ranges owes on any input: the oracle's bits from every table.
#pragma once

#include <string>
#include <vector>

#include "kernels/exp.h"
#include "support/ready_test.h"
#include "support/stage.h"
#include "support/tables.h"
#include "support/values.h"

namespace prumo::testing {

/// The ranges of one query head, among those of `stride` heads in all.
struct Merge {
  std::size_t ranges = 1, stride = 1, value_stride = 16, head_dim = 2;
  float scale = 1.0f;
  std::vector<float> max, sum;  ///< [ranges]
  std::vector<float> out;       ///< [ranges][head_dim]

  [[nodiscard]] std::string name() const {
    return "ranges " + std::to_string(ranges) + ", stride " + std::to_string(stride) +
           ", value_stride " + std::to_string(value_stride) + ", head_dim " +
           std::to_string(head_dim);
  }
};

inline std::string source(const Merge& m) {
  return "{.ranges = " + source(m.ranges) + ", .stride = " + source(m.stride) +
         ", .value_stride = " + source(m.value_stride) + ", .head_dim = " + source(m.head_dim) +
         ",\n      .scale = " + source(m.scale) + ",\n      .max = " + source(m.max) +
         ",\n      .sum = " + source(m.sum) + ",\n      .out = " + source(m.out) + "}";
}

inline Merge make_merge(std::size_t ranges, std::size_t head_dim, Values kind, Bits& bits) {
  Merge m{};
  m.ranges = ranges;
  m.stride = 1 + bits.below(4);
  m.head_dim = head_dim;
  m.value_stride = (head_dim + 15) / 16 * 16 + 16 * bits.below(2);
  m.max = make_floats(ranges, kind, bits);
  m.sum = make_floats(ranges, kind, bits);
  m.out = make_floats(ranges * head_dim, kind, bits);
  if (kind == Values::kOrdinary) {
    for (float& s : m.sum) s = 1 + std::fabs(s);
  }
  return m;
}

/// By the contract.
inline std::vector<float> expected_merge(const Merge& m) {
  float largest = -std::numeric_limits<float>::infinity();
  for (float x : m.max) {
    if (!is_nan(x)) largest = std::fmax(largest, x);
  }
  std::vector<float> o(m.head_dim);
  float s = 0;
  for (std::size_t r = 0; r < m.ranges; ++r) {
    const float w = scalar::exp((m.max[r] - largest) * m.scale);
    s = std::fma(w, m.sum[r], s);
    for (std::size_t d = 0; d < m.head_dim; ++d) {
      o[d] = std::fma(w, m.out[r * m.head_dim + d], o[d]);
    }
  }
  for (float& x : o) x /= s;
  return o;
}

/// Runs one table. What lies between the ranges of this head, and after head_dim, is junk; the last
/// row ends with its head_dim against a guard page.
inline std::vector<float> join(const Kernels& table, const Merge& m, Side side,
                               std::string& fault) {
  static Stage max_stage, sum_stage, out_stage;
  static Output y_stage;
  const float junk = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> max((m.ranges - 1) * m.stride + 1, junk);
  std::vector<float> sum(max.size(), junk);
  std::vector<float> out((max.size() - 1) * m.value_stride + m.head_dim, junk);
  for (std::size_t r = 0; r < m.ranges; ++r) {
    max[r * m.stride] = m.max[r];
    sum[r * m.stride] = m.sum[r];
    for (std::size_t d = 0; d < m.head_dim; ++d) {
      out[r * m.stride * m.value_stride + d] = m.out[r * m.head_dim + d];
    }
  }
  MergeArgs args{};
  args.max = max_stage.put(max.data(), max.size(), side);
  args.sum = sum_stage.put(sum.data(), sum.size(), side);
  args.out = out_stage.put(out.data(), out.size(), side);
  args.ranges = m.ranges;
  args.stride = m.stride;
  args.value_stride = m.value_stride;
  args.head_dim = m.head_dim;
  args.scale = m.scale;
  args.y = y_stage.room<float>(m.head_dim, side);
  table.merge(args);
  if (!y_stage.intact()) fault = "it wrote beside y";
  return {args.y, args.y + m.head_dim};
}

/// Every table gives the oracle's bits and writes nothing else.
inline std::string merge_fault(const Merge& m) {
  const std::vector<float> wanted = expected_merge(m);
  for (const Kernels* table : tables()) {
    for (Side side : kSides) {
      std::string fault;
      const std::vector<float> got = join(*table, m, side, fault);
      if (fault.empty()) fault = difference(got.data(), wanted.data(), wanted.size());
      if (!fault.empty()) return std::string(table->name) + ": " + m.name() + ": " + fault;
    }
  }
  return "";
}
/// The same, with a test to paste.
inline std::string merge_law(const Merge& m) {
  const std::string fault = merge_fault(m);
  return fault.empty() ? fault : ready_test(fault, "merge_law(" + source(m) + ")");
}

}  // namespace prumo::testing
