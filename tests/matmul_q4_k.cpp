// Q4_K matrices times quantized activations: every table against the oracle, bit for bit.
#include <gtest/gtest.h>

#include "support/matmul_examples.h"
#include "support/matmul_sweep.h"

namespace prumo::testing {
namespace {

constexpr auto kType = gguf::TensorType::kQ4_K;

TEST(MatmulQ4_K, ByHand) {
  std::vector<int> block(144, 0);
  block[1] = 0x3C;   // 1
  block[3] = 0x38;   // 0.5
  block[5] = 7;      // scale 1
  block[9] = 3;      // minimum 1
  block[14] = 0x49;  // scale 6 is 9 and, from byte 6, 32; minimum 6 is 4 and, from byte 10, 16
  block[6] = 0x80;
  block[10] = 0x40;
  block[16] = 0x50;   // weight 32 is 5
  block[112] = 0x0B;  // weight 192 is 11
  std::vector<int> q(256, 0);
  q[32] = 2;
  q[33] = 4;
  q[192] = 3;
  // 7 * 5 * 2 + 41 * 11 * 3 - (3 * 6 + 20 * 3) / 2
  EXPECT_EQ(gives(one_row(kType, block, q), 1384), "");
}

TEST(MatmulQ4_K, LargestSums) {
  std::vector<int> block(144, 0xFF);
  for (std::size_t i = 0; i < 4; ++i) block[i] = 0;
  block[1] = 0x3C;
  EXPECT_EQ(gives(one_row(kType, block, std::vector<int>(256, 127)), 30723840), "");
  EXPECT_EQ(gives(one_row(kType, block, std::vector<int>(256, -127)), -30723840), "");
  block[1] = 0;
  block[3] = 0x3C;  // minima alone
  EXPECT_EQ(gives(one_row(kType, block, std::vector<int>(256, 127)), -2048256), "");
}

TEST(MatmulQ4_K, Shapes) {
  EXPECT_EQ(sweep_shapes(kType), "");
}

TEST(MatmulQ4_K, Values) {
  EXPECT_EQ(sweep_values(kType), "");
}

TEST(MatmulQ4_K, Placements) {
  EXPECT_EQ(sweep_placements(kType), "");
}

TEST(MatmulQ4_K, BatchesAndPartsOfPanels) {
  EXPECT_EQ(sweep_divisions(kType), "");
}

TEST(MatmulQ4_K, Large) {
  EXPECT_EQ(sweep_large(kType), "");
}

}  // namespace
}  // namespace prumo::testing
