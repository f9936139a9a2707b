// Activations to int8: blocks by hand, ties, limits, special numbers; every table, to the byte.
#include <gtest/gtest.h>

#include "support/quantize_law.h"

namespace prumo::testing {
namespace {

std::vector<QuantizedBlock> quantize(const Kernels& table, const std::vector<float>& x) {
  std::vector<QuantizedBlock> out(x.size() / kBlock);
  table.quantize(x.data(), x.size(), out.data());
  return out;
}

TEST(Quantize, ByHand) {
  std::vector<float> x(32, 0.0f);
  x[0] = 127;
  x[1] = -127;
  x[2] = 2.5f;  // a tie, to the even 2
  x[3] = 3.5f;  // to 4
  x[4] = -2.5f;
  x[5] = -0.5f;
  x[16] = 50;
  for (const Kernels* table : tables()) {
    const QuantizedBlock block = quantize(*table, x)[0];
    const std::int8_t wanted[6] = {127, -127, 2, 4, -2, 0};
    for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(block.q[i], wanted[i]) << table->name << i;
    EXPECT_EQ(block.q[16], 50);
    EXPECT_EQ(block.scale, 1.0f);
    EXPECT_EQ(block.bias, -12582912.0f);
    EXPECT_EQ(block.scaled_sum, 54.0f);
    EXPECT_EQ(block.half_sum[0], 4);
    EXPECT_EQ(block.half_sum[1], 50);
    EXPECT_EQ(block.base, kFloatOfZero - 128 * 54);
    EXPECT_EQ(block.base_of_half[0], kFloatOfZero - 128 * 4);
    EXPECT_EQ(block.base_of_half[1], kFloatOfZero - 128 * 50);
    EXPECT_EQ(std::bit_cast<float>(kFloatOfZero + 54), 12582912.0f + 54);
    EXPECT_EQ(block.unused, 0);
  }
}

TEST(Quantize, NearlyZeroBlocksAreZero) {
  for (float largest : {0.0f, 1e-45f, 0x1p-126f, 0x1p-100f}) {
    std::vector<float> x(32, -largest);
    for (const Kernels* table : tables()) {
      const QuantizedBlock block = quantize(*table, x)[0];
      EXPECT_TRUE(same_bits(block.scale, 0.0f)) << table->name;
      for (std::int8_t q : block.q) EXPECT_EQ(q, 0);
    }
  }
  const float above = std::nextafter(0x1p-100f, 1.0f);
  for (const Kernels* table : tables()) {
    const QuantizedBlock block = quantize(*table, std::vector<float>(32, above))[0];
    EXPECT_EQ(block.scale, 1032 * 0x1p-117f);  // 2^-100 / 127 is 1032.06 * 2^-117
    for (std::int8_t q : block.q) EXPECT_EQ(q, 127);
  }
}

TEST(Quantize, TooLargeIsNotANumber) {
  for (const Kernels* table : tables()) {
    const QuantizedBlock most = quantize(*table, std::vector<float>(32, -0x1p100f))[0];
    EXPECT_EQ(most.scale, 1032 * 0x1p83f) << table->name;
    EXPECT_EQ(most.q[31], -127);
    std::vector<float> x(32, 1.0f);
    x[9] = std::nextafter(0x1p100f, 0x1p101f);
    const QuantizedBlock above = quantize(*table, x)[0];
    EXPECT_TRUE(is_nan(above.scale)) << table->name;
    EXPECT_EQ(above.q[0], 0);
  }
}

TEST(Quantize, OneBadNumberSpoilsItsBlockAndNoOther) {
  for (float bad : kSpecialFloats) {
    if (std::isfinite(bad)) continue;
    for (std::size_t place = 32; place < 64; ++place) {
      std::vector<float> x(96, 1.0f);
      x[place] = bad;
      for (const Kernels* table : tables()) {
        const auto blocks = quantize(*table, x);
        EXPECT_EQ(blocks[0].scale, 1032 * 0x1p-17f);  // 1/127, in 11 bits
        EXPECT_TRUE(is_nan(blocks[1].scale)) << table->name << " " << place;
        for (std::int8_t q : blocks[1].q) EXPECT_EQ(q, 0);
        EXPECT_EQ(blocks[1].base, kFloatOfZero);
        EXPECT_TRUE(is_nan(blocks[1].scaled_sum));
        EXPECT_EQ(blocks[2].q[0], 127);
      }
    }
  }
}

TEST(Quantize, EverySizeAndKindOfNumber) {
  Bits bits(1);
  for (std::size_t blocks = 0; blocks <= 9; ++blocks) {
    for (Values values : kAllValues) {
      for (std::size_t shift = 0; shift < 16; ++shift) {
        const auto x = make_floats(blocks * kBlock, values, bits);
        ASSERT_EQ(quantize_law(x.data(), x.size(), shift), "");
      }
    }
  }
  const auto x = make_floats(4096, Values::kOrdinary, bits);
  EXPECT_EQ(quantize_law(x.data(), x.size()), "");
}

TEST(Quantize, AnyBitsAtAll) {
  Bits bits(2);
  for (int round = 0; round < 2000; ++round) {
    // Exponents within one block near one another, so that the quants are not all 0.
    std::vector<float> x(32);
    const auto exponent = static_cast<std::uint32_t>(bits.below(256));
    for (float& v : x) {
      const auto word = static_cast<std::uint32_t>(bits.next());
      const std::uint32_t near = exponent < 8 ? exponent : exponent - word % 8;
      v = std::bit_cast<float>((word & 0x807FFFFF) | near << 23);
    }
    ASSERT_EQ(quantize_law(x.data(), x.size()), "");
  }
}

TEST(Quantize, TheLargestIsAlways127) {
  // Whatever the two roundings of the inverse and the product do, over a whole binade of maxima.
  for (std::uint32_t m = 0; m < 1u << 23; m += 97) {
    std::vector<float> x(32, std::bit_cast<float>(0x3F800000u | m));
    x[7] = -x[7];
    const QuantizedBlock block = quantize(*tables().back(), x)[0];
    ASSERT_EQ(block.q[0], 127);
    ASSERT_EQ(block.q[7], -127);
  }
}

}  // namespace
}  // namespace prumo::testing
