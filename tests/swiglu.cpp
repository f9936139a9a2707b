// silu(gate) * up: the bits against the oracle, and how far those are from the true value.
#include <gtest/gtest.h>

#include "support/vector_laws.h"

namespace prumo::testing {
namespace {

TEST(SwiGlu, ByHand) {
  const float inf = std::numeric_limits<float>::infinity();
  for (const Kernels* table : tables()) {
    // 1 + exp(-g) is 2 for a gate of 0 and rounds to 1 for a gate of 50; exp(200) is infinite.
    const float gate[5] = {0, 50, -200, inf, -0.0f};
    const float up[5] = {7, 3, 5, 2, 1};
    float y[5];
    table->swiglu(gate, up, 5, y);
    const float wanted[5] = {0, 150, -0.0f, inf, -0.0f};
    EXPECT_EQ(difference(y, wanted, 5), "") << table->name;
  }
}

TEST(SwiGlu, EveryLengthAndKindOfNumber) {
  Bits bits(1);
  for (std::size_t n : vector_lengths()) {
    for (Values values : kAllValues) {
      ASSERT_EQ(swiglu_law(make_floats(n, values, bits), make_floats(n, values, bits)), "");
    }
  }
}

TEST(SwiGlu, EverySpecialGateAndUp) {
  std::vector<float> gate;
  std::vector<float> up;
  for (float a : kSpecialFloats) {
    for (float b : kSpecialFloats) {
      gate.push_back(a);
      up.push_back(b);
    }
  }
  EXPECT_EQ(swiglu_law(gate, up), "");
}

TEST(SwiGlu, TheWholeRangeOfGates) {
  std::vector<float> gate;
  for (float g = -100; g <= 100; g += 0.01f) gate.push_back(g);
  EXPECT_EQ(swiglu_law(gate, std::vector<float>(gate.size(), 1.0f)), "");
}

// exp(-g) is off by at most 1.2 ulps (tests/exp.cpp), 2.4 u, of which e / (1 + e) <= 1 reaches the
// sum; the sum, the quotient and the product add u each. Where exp(-g) is taken for infinite,
// above 88.37, y is -0: off by |g| e^g |up|. A quotient may be denormal.
TEST(SwiGlu, IsNearTheTrueValue) {
  Bits bits(2);
  for (double range : {1.0, 20.0, 120.0}) {
    auto gate = make_floats(5000, Values::kOrdinary, bits);
    const auto up = make_floats(5000, Values::kOrdinary, bits);
    for (float& g : gate) g *= static_cast<float>(range);
    for (const Kernels* table : tables()) {
      std::vector<float> y(gate.size());
      table->swiglu(gate.data(), up.data(), gate.size(), y.data());
      for (std::size_t i = 0; i < y.size(); ++i) {
        const double g = static_cast<double>(gate[i]);
        const double exact = g / (1 + std::exp(-g)) * static_cast<double>(up[i]);
        double bound = 1.001 * 5.4 * kUnitRoundoff * std::fabs(exact) + 2 * kTinyRoundoff;
        if (-g > 88.37) bound += std::fabs(exact);
        ASSERT_LE(std::fabs(static_cast<double>(y[i]) - exact), bound) << table->name << " g " << g;
      }
    }
  }
}

}  // namespace
}  // namespace prumo::testing
