// RMS normalization: the bits against the oracle, and how far those are from the true value.
#include <gtest/gtest.h>

#include "support/vector_laws.h"

namespace prumo::testing {
namespace {

TEST(RmsNorm, ByHand) {
  // Squares 9, 16, 0, 0: their mean is 6.25, whose root is 2.5.
  for (const Kernels* table : tables()) {
    const float x[4] = {3, -4, 0, 0};
    const float weight[4] = {1, 10, 5, -1};
    float y[4];
    table->rmsnorm(x, weight, 4, 0.0f, y);
    const float r = 1.0f / 2.5f;
    EXPECT_EQ(y[0], 3 * r);
    EXPECT_EQ(y[1], (-4 * r) * 10);
    EXPECT_EQ(y[2], 0);
    EXPECT_EQ(y[3], 0);
  }
}

TEST(RmsNorm, ZerosStayZero) {
  for (std::size_t n : {1u, 15u, 64u}) {
    EXPECT_EQ(rmsnorm_law(std::vector<float>(n), std::vector<float>(n, 3.0f), 1e-5f), "");
    EXPECT_EQ(expected_rmsnorm(std::vector<float>(n), std::vector<float>(n, 3.0f), 1e-5f),
              std::vector<float>(n));
  }
}

TEST(RmsNorm, EveryLengthAndKindOfNumber) {
  Bits bits(1);
  for (std::size_t n : vector_lengths()) {
    if (n == 0) continue;
    for (Values values : kAllValues) {
      for (float eps : {0.0f, 1e-5f}) {
        ASSERT_EQ(rmsnorm_law(make_floats(n, values, bits), make_floats(n, values, bits), eps), "");
      }
    }
  }
}

TEST(RmsNorm, OneSpecialNumberAtEveryPlace) {
  Bits bits(2);
  for (float special : kSpecialFloats) {
    for (std::size_t i = 0; i < 67; ++i) {
      std::vector<float> x = make_floats(67, Values::kOrdinary, bits);
      x[i] = special;
      ASSERT_EQ(rmsnorm_law(x, make_floats(67, Values::kOrdinary, bits), 1e-6f), "");
    }
  }
}

// Relative errors, in roundings u: a lane adds ceil(n / 16) squares, one rounding each, and the
// tree has 4 more; all terms are positive, so the sum is off by no more than those. The mean and
// the addition of eps make 2 more; the root halves them all and adds 1; the reciprocal and the two
// products add 3. Denormals would add absolute errors: the inputs here have none.
TEST(RmsNorm, IsNearTheTrueValue) {
  Bits bits(3);
  for (std::size_t n : {1u, 17u, 576u, 4096u}) {
    const auto x = make_floats(n, Values::kOrdinary, bits);
    const auto weight = make_floats(n, Values::kOrdinary, bits);
    const float eps = 1e-5f;
    double sum = 0;
    for (float v : x) sum += static_cast<double>(v) * static_cast<double>(v);
    const double r = 1 / std::sqrt(sum / static_cast<double>(n) + static_cast<double>(eps));
    const double steps = static_cast<double>((n + 15) / 16 + 6) / 2 + 4;
    for (const Kernels* table : tables()) {
      std::vector<float> y(n);
      table->rmsnorm(x.data(), weight.data(), n, eps, y.data());
      for (std::size_t i = 0; i < n; ++i) {
        const double exact = static_cast<double>(x[i]) * r * static_cast<double>(weight[i]);
        const double bound = 1.001 * steps * kUnitRoundoff * std::fabs(exact) + kTinyRoundoff;
        ASSERT_LE(std::fabs(static_cast<double>(y[i]) - exact), bound) << table->name << " " << i;
      }
    }
  }
}

}  // namespace
}  // namespace prumo::testing
