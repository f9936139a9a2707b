// Key ranges joined into one softmax: by hand, every shape, and against attention over all keys.
#include <gtest/gtest.h>

#include "support/attention_law.h"
#include "support/merge_law.h"

namespace prumo::testing {
namespace {

TEST(Merge, ByHand) {
  Merge m;
  m.ranges = 3;
  m.scale = 100;
  m.max = {2, -5, 2};  // the second weighs e^-700, which is 0
  m.sum = {1, 9, 3};
  m.out = {4, 8, 50, 50, 12, 0};
  for (const Kernels* table : tables()) {
    std::string fault;
    EXPECT_EQ(join(*table, m, Side::kRight, fault), (std::vector<float>{4, 2})) << table->name;
  }
}

TEST(Merge, OneRangeIsDividedByItsSum) {
  Bits bits(1);
  for (std::size_t head_dim : {1u, 2u, 15u, 16u, 17u, 64u, 100u}) {
    const Merge m = make_merge(1, head_dim, Values::kOrdinary, bits);
    for (const Kernels* table : tables()) {
      std::string fault;
      const auto y = join(*table, m, Side::kLeft, fault);
      for (std::size_t d = 0; d < head_dim; ++d) EXPECT_EQ(y[d], m.out[d] / m.sum[0]);
    }
  }
}

TEST(Merge, EveryShapeAndKindOfNumber) {
  Bits bits(2);
  for (std::size_t ranges = 1; ranges <= 20; ++ranges) {
    for (std::size_t head_dim = 1; head_dim <= 67; ++head_dim) {
      for (Values values : kAllValues) {
        ASSERT_EQ(merge_law(make_merge(ranges, head_dim, values, bits)), "");
      }
    }
  }
  for (std::size_t head_dim : {80u, 96u, 128u, 256u}) {
    ASSERT_EQ(merge_law(make_merge(33, head_dim, Values::kOrdinary, bits)), "");
  }
}

TEST(Merge, OneSpecialMaximumAtEveryPlace) {
  Bits bits(3);
  for (float special : kSpecialFloats) {
    for (std::size_t r = 0; r < 19; ++r) {
      Merge m = make_merge(19, 6, Values::kOrdinary, bits);
      m.max[r] = special;
      ASSERT_EQ(merge_law(m), "");
    }
  }
}

// Three ranges of keys, attended one by one and joined, against the softmax over all of them in
// double. Scores are exact here (multiples of 2^-10 and few), so with u one rounding: a weight's
// argument t has two roundings in its range and two in the join, and exp adds 2.4 u each time; sums
// add u a key, then u a range; the quotient adds one, and twice the whole, for numerator and
// denominator.
TEST(Merge, JoinsRangesIntoTheSoftmaxOfAllKeys) {
  Bits bits(4);
  const std::size_t n_keys = 40, head_dim = 8, ranges = 3;
  std::vector<Attention> parts;
  for (std::size_t r = 0; r < ranges; ++r) {
    Attention a = make_attention(false, 1, head_dim, n_keys, Values::kOrdinary, bits);
    for (auto* v : {&a.q, &a.keys_f32, &a.values_f32}) {
      for (float& x : *v) x = std::round(x * 32) / 32;
    }
    if (r != 0) a.q = parts[0].q;
    a.value_stride = 16;
    parts.push_back(a);
  }
  for (const Kernels* table : tables()) {
    Merge m;
    m.ranges = ranges;
    m.head_dim = head_dim;
    m.scale = parts[0].scale;
    for (const Attention& a : parts) {
      std::string fault;
      const Attended got = attend(*table, a, fault);
      m.max.push_back(got.max[0]);
      m.sum.push_back(got.sum[0]);
      m.out.insert(m.out.end(), got.out.begin(), got.out.begin() + head_dim);
    }
    std::string fault;
    const std::vector<float> y = join(*table, m, Side::kRight, fault);
    for (std::size_t d = 0; d < head_dim; ++d) {
      double sum = 0, out = 0, size = 0, largest_t = 0;
      for (const Attention& a : parts) {
        const std::vector<float> keys = a.keys();
        const std::vector<float> values = a.values();
        for (std::size_t k = 0; k < n_keys; ++k) {
          double score = 0;
          for (std::size_t i = 0; i < head_dim; ++i) {
            score += static_cast<double>(keys[k * head_dim + i]) * static_cast<double>(a.q[i]);
          }
          const double t = score * static_cast<double>(m.scale);
          const double v = static_cast<double>(values[k * head_dim + d]);
          sum += std::exp(t);
          out += std::exp(t) * v;
          size += std::exp(t) * std::fabs(v);
          largest_t = std::max(largest_t, std::fabs(t));
        }
      }
      const double relative = 2 * (2 * 2 * 2 * largest_t + 2 * 2.4 + n_keys + ranges) + 1;
      const double bound = 1.001 * relative * kUnitRoundoff * size / sum;
      ASSERT_LE(std::fabs(static_cast<double>(y[d]) - out / sum), bound) << table->name;
    }
  }
}

}  // namespace
}  // namespace prumo::testing
