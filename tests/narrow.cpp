// Floats to binary16 on every table: by hand, every length, every boundary.
#include <gtest/gtest.h>

#include "support/narrow_law.h"
#include "support/oracles.h"

namespace prumo::testing {
namespace {

TEST(Narrow, ByHand) {
  const float x[9] = {0, -0.0f, 1, -2, 65504, 65520, 1 + 0x1p-11f, 0x1p-24f, 0x1p-26f};
  const std::uint16_t wanted[9] = {0, 0x8000, 0x3C00, 0xC000, 0x7BFF, 0x7C00, 0x3C00, 1, 0};
  for (const Kernels* table : tables()) {
    std::uint16_t y[9];
    table->narrow(x, 9, y);
    for (std::size_t i = 0; i < 9; ++i) EXPECT_EQ(y[i], wanted[i]) << table->name << " " << i;
  }
}

TEST(Narrow, EveryLengthAndKindOfNumber) {
  Bits bits(1);
  for (std::size_t n : vector_lengths()) {
    for (Values values : kAllValues) ASSERT_EQ(narrow_law(make_floats(n, values, bits)), "");
    std::vector<float> any(n);
    for (float& x : any) x = bits.any();
    ASSERT_EQ(narrow_law(any), "");
  }
}

// tests/half.cpp shows that these settle all floats.
TEST(Narrow, EveryMiddleAndItsNeighbours) {
  std::vector<float> x;
  for (std::uint32_t i = 0; i < 0x7C00; ++i) {
    const double above = i == 0x7BFF ? 65536.0 : half_value(static_cast<std::uint16_t>(i + 1));
    const auto middle = static_cast<float>((half_value(static_cast<std::uint16_t>(i)) + above) / 2);
    for (float v : {middle, std::nextafter(middle, 0.0f), std::nextafter(middle, 1e9f)}) {
      x.push_back(v);
      x.push_back(-v);
    }
  }
  x.insert(x.end(), kSpecialFloats.begin(), kSpecialFloats.end());
  EXPECT_EQ(narrow_law(x), "");
}

}  // namespace
}  // namespace prumo::testing
