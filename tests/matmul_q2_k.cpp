// Q2_K matrices times quantized activations: every table against the oracle, bit for bit.
#include <gtest/gtest.h>

#include "support/matmul_examples.h"
#include "support/matmul_sweep.h"

namespace prumo::testing {
namespace {

constexpr auto kType = gguf::TensorType::kQ2_K;

TEST(MatmulQ2_K, ByHand) {
  std::vector<int> block(84, 0);
  block[0] = 0x23;   // sub-block 0: scale 3, minimum 2
  block[9] = 0x15;   // sub-block 9, columns 144 .. 159: scale 5, minimum 1
  block[16] = 0x03;  // weight 0 is 3
  block[64] = 0x02;  // weight 144 is 2
  block[81] = 0x3C;  // 1
  block[83] = 0x40;  // 2
  std::vector<int> q(256, 0);
  q[0] = 10;
  q[144] = 20;
  // 3 * 3 * 10 + 5 * 2 * 20 - 2 * (2 * 10 + 1 * 20)
  EXPECT_EQ(gives(one_row(kType, block, q), 210), "");
}

TEST(MatmulQ2_K, LargestSums) {
  std::vector<int> block(84, 0xFF);
  for (std::size_t i = 0; i < 16; ++i) block[i] = 0x0F;
  block[80] = block[82] = 0;
  block[81] = block[83] = 0x3C;
  EXPECT_EQ(gives(one_row(kType, block, std::vector<int>(256, 127)), 1463040), "");
  EXPECT_EQ(gives(one_row(kType, block, std::vector<int>(256, -127)), -1463040), "");
  for (std::size_t i = 0; i < 16; ++i) block[i] = 0xF0;  // minima alone
  EXPECT_EQ(gives(one_row(kType, block, std::vector<int>(256, 127)), -487680), "");
}

TEST(MatmulQ2_K, Shapes) {
  EXPECT_EQ(sweep_shapes(kType), "");
}

TEST(MatmulQ2_K, Values) {
  EXPECT_EQ(sweep_values(kType), "");
}

TEST(MatmulQ2_K, Placements) {
  EXPECT_EQ(sweep_placements(kType), "");
}

TEST(MatmulQ2_K, BatchesAndPartsOfPanels) {
  EXPECT_EQ(sweep_divisions(kType), "");
}

TEST(MatmulQ2_K, Large) {
  EXPECT_EQ(sweep_large(kType), "");
}

}  // namespace
}  // namespace prumo::testing
