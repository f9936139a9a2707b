// Sums of two vectors: every table, every tail, every special number.
#include <gtest/gtest.h>

#include "support/vector_laws.h"

namespace prumo::testing {
namespace {

TEST(Add, ByHand) {
  for (const Kernels* table : tables()) {
    const float x[3] = {1, -2, 0x1p-24f};
    float y[3] = {10, 2, 1};
    table->add(x, 3, y);
    EXPECT_EQ(y[0], 11);
    EXPECT_EQ(y[1], 0);
    EXPECT_EQ(y[2], 1);  // a tie, to even
  }
}

TEST(Add, EveryLengthAndKindOfNumber) {
  Bits bits(1);
  for (std::size_t n : vector_lengths()) {
    for (Values values : kAllValues) {
      ASSERT_EQ(add_law(make_floats(n, values, bits), make_floats(n, values, bits)), "");
    }
  }
}

TEST(Add, EveryPairOfSpecialNumbers) {
  std::vector<float> x;
  std::vector<float> y;
  for (float a : kSpecialFloats) {
    for (float b : kSpecialFloats) {
      x.push_back(a);
      y.push_back(b);
    }
  }
  EXPECT_EQ(add_law(x, y), "");
}

}  // namespace
}  // namespace prumo::testing
