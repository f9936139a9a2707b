// The exponential behind softmax and SwiGLU: limits, accuracy, order, and one set of bits.
#include <gtest/gtest.h>

#include "support/exp_law.h"

namespace prumo::testing {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(Exp, ByHand) {
  EXPECT_EQ(scalar::exp(0.0f), 1.0f);
  EXPECT_EQ(scalar::exp(-0.0f), 1.0f);
  EXPECT_EQ(scalar::exp(1e-45f), 1.0f);
  EXPECT_EQ(scalar::exp(1.0f), 2.71828175f);
  EXPECT_EQ(scalar::exp(kInfinity), kInfinity);
  EXPECT_TRUE(same_bits(scalar::exp(-kInfinity), 0.0f));
  EXPECT_TRUE(is_nan(scalar::exp(std::numeric_limits<float>::quiet_NaN())));
}

TEST(Exp, Limits) {
  EXPECT_GE(scalar::exp(-87.33f), std::numeric_limits<float>::min());
  EXPECT_TRUE(same_bits(scalar::exp(std::nextafter(-87.33f, -100.0f)), 0.0f));
  EXPECT_LT(scalar::exp(88.37f), kInfinity);
  EXPECT_EQ(scalar::exp(std::nextafter(88.37f, 100.0f)), kInfinity);
}

TEST(Exp, OneSetOfBitsForSpecialNumbersInEveryLane) {
  for (float special : kSpecialFloats) {
    for (std::size_t lane = 0; lane < 16; ++lane) {
      float x[16] = {};
      x[lane] = special;
      EXPECT_EQ(exp_law(x), "");
    }
  }
}

// Every 65521st of all floats (a prime, so that every low bit pattern comes by), then all floats
// around the two limits.
TEST(Exp, OneSetOfBits) {
  float x[16];
  for (std::uint64_t b = 0; b < std::uint64_t{1} << 32; b += std::uint64_t{16} * 65521) {
    for (std::uint64_t j = 0; j < 16; ++j) {
      x[j] = std::bit_cast<float>(static_cast<std::uint32_t>(b + j * 65521));
    }
    ASSERT_EQ(exp_law(x), "");
  }
  for (float limit : {-87.33f, 88.37f, 0.5f * 0.69314718f, 1.0f}) {
    const auto middle = std::bit_cast<std::uint32_t>(limit);
    for (std::uint32_t b = middle - 8000; b < middle + 8000; b += 16) {
      for (std::uint32_t j = 0; j < 16; ++j) x[j] = std::bit_cast<float>(b + j);
      ASSERT_EQ(exp_law(x), "");
    }
  }
}

// Between its limits: y = p * 2^n exactly, with p = 1 + q, |q| < 0.42. In units of the last place
// of a p below 1: the addition rounds by 0.5; q, below 0.5, by 0.25 in its last fma and by as much
// again through the rounding of the reduced argument; the polynomial is good to 0.1 and all else is
// smaller. Together 1.2.
TEST(Exp, IsNearTheTrueValue) {
  const auto check = [](std::uint32_t sign, float limit) {
    for (std::uint32_t b = 0; b <= std::bit_cast<std::uint32_t>(limit); b += 211) {
      const float x = std::bit_cast<float>(b | sign);
      const double exact = std::exp(static_cast<double>(x));
      const double ulp = std::ldexp(1.0, std::ilogb(exact) - 23);
      ASSERT_LE(std::fabs(static_cast<double>(scalar::exp(x)) - exact), 1.2 * ulp) << shown(x);
    }
  };
  check(0, 88.37f);
  check(0x80000000u, 87.33f);
}

TEST(Exp, NeverFallsWhereItsArgumentRises) {
  // Neighbours in windows of 64 floats all over the range.
  for (std::uint32_t b = 0; b < std::bit_cast<std::uint32_t>(90.0f); b += 50021) {
    for (std::uint32_t i = b; i < b + 64; ++i) {
      const float x = std::bit_cast<float>(i);
      const float next = std::bit_cast<float>(i + 1);
      ASSERT_LE(scalar::exp(x), scalar::exp(next)) << shown(x);
      ASSERT_GE(scalar::exp(-x), scalar::exp(-next)) << shown(-x);
    }
  }
}

}  // namespace
}  // namespace prumo::testing
