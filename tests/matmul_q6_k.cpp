// Q6_K matrices times quantized activations: every table against the oracle, bit for bit.
#include <gtest/gtest.h>

#include "support/matmul_examples.h"
#include "support/matmul_sweep.h"

namespace prumo::testing {
namespace {

constexpr auto kType = gguf::TensorType::kQ6_K;

TEST(MatmulQ6_K, ByHand) {
  // Every weight is 0 (low 0, high 2, less 32) but for six; sub-scales are 1 .. 16; the scale is 2.
  std::vector<int> block(210, 0);
  for (std::size_t i = 128; i < 192; ++i) block[i] = 0xAA;
  for (int i = 0; i < 16; ++i) block[static_cast<std::size_t>(192 + i)] = i + 1;
  block[0] = 0x21;       // weight 0 is 1, weight 64 is 2
  block[33] = 0x43;      // weight 33 is 3, weight 97 is 4
  block[64 + 5] = 0x65;  // weight 133 is 5, weight 197 is 6
  block[209] = 0x40;
  std::vector<int> q(256, 100);
  q[0] = 1;
  q[33] = 2;
  q[64] = 4;
  q[97] = 8;
  q[133] = 16;
  q[197] = 32;
  // 2 * (1*1*1 + 3*3*2 + 5*2*4 + 7*4*8 + 9*5*16 + 13*6*32)
  EXPECT_EQ(gives(one_row(kType, block, q), 6998), "");
}

TEST(MatmulQ6_K, HighBits) {
  // Low bits 0, sub-scales 1: byte 0 of the high bits gives weights 0, 32, 64, 96 the values
  // -32 + 16 * (3, 2, 1, 0).
  std::vector<int> block(210, 0);
  for (std::size_t i = 192; i < 208; ++i) block[i] = 1;
  block[128] = 0x1B;
  block[209] = 0x3C;
  std::vector<int> q(256, 0);
  q[0] = 1;
  q[32] = 10;
  q[64] = 100;
  EXPECT_EQ(gives(one_row(kType, block, q), 16 * 1 + 0 * 10 - 16 * 100), "");
}

TEST(MatmulQ6_K, LargestSums) {
  // -128 * -32 * 127 is the largest product; 256 of them, with a block of 32 still below 2^24.
  std::vector<int> block(210, 0);
  for (std::size_t i = 192; i < 208; ++i) block[i] = -128;
  block[209] = 0x3C;
  EXPECT_EQ(gives(one_row(kType, block, std::vector<int>(256, 127)), 133169152), "");
  EXPECT_EQ(gives(one_row(kType, block, std::vector<int>(256, -127)), -133169152), "");
}

TEST(MatmulQ6_K, Shapes) {
  EXPECT_EQ(sweep_shapes(kType), "");
}

TEST(MatmulQ6_K, Values) {
  EXPECT_EQ(sweep_values(kType), "");
}

TEST(MatmulQ6_K, Placements) {
  EXPECT_EQ(sweep_placements(kType), "");
}

TEST(MatmulQ6_K, BatchesAndPartsOfPanels) {
  EXPECT_EQ(sweep_divisions(kType), "");
}

TEST(MatmulQ6_K, Large) {
  EXPECT_EQ(sweep_large(kType), "");
}

}  // namespace
}  // namespace prumo::testing
