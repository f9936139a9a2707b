// Rotary tables against the C library in extended precision.
#include "model/rope_table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "support/floats.h"

namespace prumo::testing {
namespace {

TEST(ExactFunctions, AreWithinAFewUlps) {
  Bits bits(1);
  for (int i = 0; i < 200000; ++i) {
    const double x = std::ldexp(1.0 + std::abs(bits.unit()), static_cast<int>(bits.below(60)) - 30);
    const auto ln = static_cast<double>(std::log(static_cast<long double>(x)));
    ASSERT_LE(std::abs(exact::log(x) - ln), std::abs(ln) * 4e-16 + 1e-17) << x;
    const double y = bits.unit() * 700;
    const auto e = static_cast<double>(std::exp(static_cast<long double>(y)));
    ASSERT_LE(std::abs(exact::exp(y) - e), e * 2e-15) << y;
    const double angle = bits.unit() * (i % 2 == 0 ? 0x1p20 : 10.0);
    double sin = 0;
    double cos = 0;
    exact::sin_cos(angle, sin, cos);
    // Where the function is small its error is that of the reduced angle, of a size near 2^-53.
    ASSERT_LE(std::abs(sin - static_cast<double>(std::sin(static_cast<long double>(angle)))), 4e-16)
        << angle;
    ASSERT_LE(std::abs(cos - static_cast<double>(std::cos(static_cast<long double>(angle)))), 4e-16)
        << angle;
  }
}

TEST(RopeTable, IsTheRotationOfEveryPosition) {
  constexpr std::size_t kPositions = 5000;
  constexpr std::size_t kPairs = 32;
  std::vector<float> table(kPositions * kPairs * 2);
  for (const double base : {10000.0, 500000.0}) {
    for (const double scale : {1.0, 0.25}) {
      fill_rope_table(table.data(), kPositions, kPairs, base, scale, {});
      for (std::size_t p = 0; p < kPositions; ++p) {
        for (std::size_t i = 0; i < kPairs; ++i) {
          const long double frequency = scale * std::pow(static_cast<long double>(base),
                                                         -static_cast<long double>(i) / kPairs);
          const long double angle = static_cast<long double>(p) * frequency;
          // Half an ulp of a float near 1, and the double's own error in the angle.
          const double bound = 0x1p-25 + static_cast<double>(angle) * 1e-15;
          ASSERT_NEAR(table[(p * kPairs + i) * 2], static_cast<double>(std::cos(angle)), bound);
          ASSERT_NEAR(table[(p * kPairs + i) * 2 + 1], static_cast<double>(std::sin(angle)), bound);
        }
      }
    }
  }
  for (std::size_t i = 0; i < kPairs; ++i) {
    EXPECT_EQ(table[i * 2], 1.0f);
    EXPECT_EQ(table[i * 2 + 1], 0.0f);
  }
}

TEST(RopeTable, DivisorsDivideTheFrequencies) {
  std::vector<float> plain(100 * 4 * 2);
  std::vector<float> divided(plain.size());
  const std::vector<float> divisors = {1, 2, 4, 8};
  fill_rope_table(plain.data(), 100, 4, 10000, 1, {});
  fill_rope_table(divided.data(), 100, 4, 10000, 1, divisors);
  for (std::size_t p = 0; p < 100; ++p) {
    for (std::size_t i = 0; i < 4; ++i) {
      const auto by = static_cast<std::size_t>(divisors[i]);
      if (p % by != 0) continue;
      EXPECT_EQ(divided[(p * 4 + i) * 2], plain[(p / by * 4 + i) * 2]);
      EXPECT_EQ(divided[(p * 4 + i) * 2 + 1], plain[(p / by * 4 + i) * 2 + 1]);
    }
  }
}

}  // namespace
}  // namespace prumo::testing
