// Softmax's numerators, maximum and sum: the bits against the oracle, and how far from the truth.
#include <gtest/gtest.h>

#include "support/vector_laws.h"

namespace prumo::testing {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

TEST(Softmax, ByHand) {
  for (const Kernels* table : tables()) {
    const float x[3] = {2, 2, -1000};
    float y[3];
    const SoftmaxResult result = table->softmax(x, 3, 0.5f, y);
    EXPECT_EQ(result.max, 2);
    EXPECT_EQ(result.sum, 2);
    const float wanted[3] = {1, 1, 0};
    EXPECT_EQ(difference(y, wanted, 3), "") << table->name;
  }
}

TEST(Softmax, Nothing) {
  for (const Kernels* table : tables()) {
    const SoftmaxResult result = table->softmax(nullptr, 0, 1.0f, nullptr);
    EXPECT_EQ(result.max, -kInfinity);
    EXPECT_TRUE(same_bits(result.sum, 0.0f));
  }
}

TEST(Softmax, ZerosOfBothSignsHaveOneMaximum) {
  for (const Kernels* table : tables()) {
    for (std::size_t n = 1; n <= 40; ++n) {
      for (std::size_t i = 0; i < n; ++i) {
        std::vector<float> x(n, -0.0f);
        if (i != 0) x[i] = 0.0f;
        std::vector<float> y(n);
        EXPECT_TRUE(same_bits(table->softmax(x.data(), n, 1.0f, y.data()).max, 0.0f));
      }
    }
  }
}

TEST(Softmax, EveryLengthAndKindOfNumber) {
  Bits bits(1);
  for (std::size_t n : vector_lengths()) {
    for (Values values : kAllValues) {
      for (float scale : {1.0f, 0.125f, 30.0f}) {
        ASSERT_EQ(softmax_law(make_floats(n, values, bits), scale), "");
      }
    }
  }
}

TEST(Softmax, OneSpecialNumberAtEveryPlace) {
  Bits bits(2);
  for (float special : kSpecialFloats) {
    for (std::size_t i = 0; i < 67; ++i) {
      std::vector<float> x = make_floats(67, Values::kOrdinary, bits);
      x[i] = special;
      ASSERT_EQ(softmax_law(x, 1.0f), "");
    }
  }
}

TEST(Softmax, NotANumberShowsInTheSum) {
  const std::vector<std::vector<float>> cases = {
      {kNaN}, {1, kNaN, 2}, {kInfinity, 1}, {-kInfinity, -kInfinity}, {kNaN, kInfinity}};
  for (const Kernels* table : tables()) {
    for (const auto& x : cases) {
      std::vector<float> y(x.size());
      EXPECT_TRUE(is_nan(table->softmax(x.data(), x.size(), 1.0f, y.data()).sum)) << table->name;
    }
    // A single -inf among finite scores is an ordinary one, of weight 0.
    const float masked[2] = {-kInfinity, 5};
    float y[2];
    EXPECT_EQ(table->softmax(masked, 2, 1.0f, y).sum, 1);
    EXPECT_EQ(y[0], 0);
  }
}

// t = (x - max) * scale takes two roundings, u each, and exp multiplies a relative error of its
// argument by |t|; exp's own error is at most 1.2 ulps (tests/exp.cpp), 2.4 u. Below exp's lower
// limit y is 0, which is off by e^-87.33 at most. The sum adds ceil(n / 16) + 4 roundings, all
// terms being positive.
TEST(Softmax, IsNearTheTrueValue) {
  Bits bits(3);
  for (float scale : {0.125f, 1.0f, 40.0f}) {
    const std::size_t n = 1000;
    const auto x = make_floats(n, Values::kOrdinary, bits);
    const double max = static_cast<double>(*std::max_element(x.begin(), x.end()));
    for (const Kernels* table : tables()) {
      std::vector<float> y(n);
      const float sum = table->softmax(x.data(), n, scale, y.data()).sum;
      double true_sum = 0;
      double sum_bound = 0;
      for (std::size_t i = 0; i < n; ++i) {
        const double t = (static_cast<double>(x[i]) - max) * static_cast<double>(scale);
        const double exact = std::exp(t);
        const double bound =
            1.001 * kUnitRoundoff * (2 * std::fabs(t) + 2.4) * exact + std::exp(-87.33);
        ASSERT_LE(std::fabs(static_cast<double>(y[i]) - exact), bound) << table->name << " " << i;
        true_sum += exact;
        sum_bound += bound;
      }
      sum_bound += 1.001 * (1000.0 / 16 + 1 + 4) * kUnitRoundoff * true_sum;
      EXPECT_LE(std::fabs(static_cast<double>(sum) - true_sum), sum_bound);
    }
  }
}

}  // namespace
}  // namespace prumo::testing
