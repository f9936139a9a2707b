// Rotations of adjacent pairs: the bits against the oracle, and how far those are from a rotation.
#include <gtest/gtest.h>

#include "support/angles.h"
#include "support/vector_laws.h"

namespace prumo::testing {
namespace {

TEST(Rope, ByHand) {
  for (const Kernels* table : tables()) {
    float x[6] = {1, 2, 3, 4, 5, 6};
    const float angles[6] = {0, 1, 1, 0, 0.5f, 2};  // a quarter turn, none, and no rotation at all
    table->rope(x, angles, 3);
    const float wanted[6] = {-2, 1, 3, 4, 2.5f - 12, 10 + 3};
    EXPECT_EQ(difference(x, wanted, 6), "") << table->name;
  }
}

TEST(Rope, OneRoundingOfTheFirstProduct) {
  // a c is 1 + 2^-11 + 2^-24 and b s is 1 + 2^-11: a product rounded by itself would give 0.
  const float near = 1 + 0x1p-12f;
  for (const Kernels* table : tables()) {
    float x[2] = {near, 1 + 0x1p-11f};
    const float angles[2] = {near, 1};
    table->rope(x, angles, 1);
    EXPECT_EQ(x[0], 0x1p-24f) << table->name;
  }
}

TEST(Rope, EveryLengthAndKindOfNumber) {
  Bits bits(1);
  for (std::size_t pairs = 0; pairs <= 130; ++pairs) {
    for (Values values : kAllValues) {
      ASSERT_EQ(
          rope_law(make_floats(2 * pairs, values, bits), make_floats(2 * pairs, values, bits)), "");
    }
    ASSERT_EQ(rope_law(make_floats(2 * pairs, Values::kOrdinary, bits), make_angles(pairs, 1234)),
              "");
  }
}

TEST(Rope, PositionZeroChangesNothing) {
  Bits bits(2);
  const std::vector<float> x = make_floats(134, Values::kWide, bits);
  for (const Kernels* table : tables()) {
    std::vector<float> y = x;
    table->rope(y.data(), make_angles(67, 0).data(), 67);
    EXPECT_EQ(y, x) << table->name;
  }
}

// fma(a, c, -(b s)) rounds b s, then the whole: an error of u (|b s| + |y|), where u is one
// rounding.
TEST(Rope, IsNearTheTrueValue) {
  Bits bits(3);
  for (double position : {1.0, 77.0, 8191.0}) {
    const auto x = make_floats(256, Values::kOrdinary, bits);
    const auto angles = make_angles(128, position);
    for (const Kernels* table : tables()) {
      std::vector<float> y = x;
      table->rope(y.data(), angles.data(), 128);
      for (std::size_t i = 0; i < 256; i += 2) {
        const double a = static_cast<double>(x[i]), b = static_cast<double>(x[i + 1]);
        const double c = static_cast<double>(angles[i]), s = static_cast<double>(angles[i + 1]);
        const double first = a * c - b * s, second = a * s + b * c;
        const double u = 1.001 * kUnitRoundoff;
        ASSERT_LE(std::fabs(static_cast<double>(y[i]) - first),
                  u * (std::fabs(b * s) + std::fabs(first)) + kTinyRoundoff);
        ASSERT_LE(std::fabs(static_cast<double>(y[i + 1]) - second),
                  u * (std::fabs(b * c) + std::fabs(second)) + kTinyRoundoff);
      }
    }
  }
}

}  // namespace
}  // namespace prumo::testing
