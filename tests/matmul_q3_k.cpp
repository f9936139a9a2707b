// Q3_K matrices times quantized activations: every table against the oracle, bit for bit.
#include <gtest/gtest.h>

#include "support/matmul_examples.h"
#include "support/matmul_sweep.h"

namespace prumo::testing {
namespace {

constexpr auto kType = gguf::TensorType::kQ3_K;

TEST(MatmulQ3_K, ByHand) {
  // High bits set and low ones clear: every weight is 0. Every scale is 32 - 32 but for two.
  std::vector<int> block(110, 0);
  for (std::size_t i = 0; i < 32; ++i) block[i] = 0xFF;
  for (std::size_t i = 104; i < 108; ++i) block[i] = 0xAA;
  block[96] = 0x51;  // scale 0 is 1, scale 8 is 5
  block[1] = 0xFE;   // weight 1 is -4
  block[32] = 0x02;  // weight 0 is 2
  block[64] = 0x03;  // weight 128 is 3
  block[109] = 0x3C;
  std::vector<int> q(256, 0);
  q[0] = 10;
  q[1] = 20;
  q[128] = 30;
  EXPECT_EQ(gives(one_row(kType, block, q), 2 * 10 - 4 * 20 + 5 * 3 * 30), "");
}

TEST(MatmulQ3_K, LargestSums) {
  std::vector<int> block(110, 0);  // -32 * -4
  block[109] = 0x3C;
  EXPECT_EQ(gives(one_row(kType, block, std::vector<int>(256, 127)), 4161536), "");
  EXPECT_EQ(gives(one_row(kType, block, std::vector<int>(256, -127)), -4161536), "");
}

TEST(MatmulQ3_K, Shapes) {
  EXPECT_EQ(sweep_shapes(kType), "");
}

TEST(MatmulQ3_K, Values) {
  EXPECT_EQ(sweep_values(kType), "");
}

TEST(MatmulQ3_K, Placements) {
  EXPECT_EQ(sweep_placements(kType), "");
}

TEST(MatmulQ3_K, BatchesAndPartsOfPanels) {
  EXPECT_EQ(sweep_divisions(kType), "");
}

TEST(MatmulQ3_K, Large) {
  EXPECT_EQ(sweep_large(kType), "");
}

}  // namespace
}  // namespace prumo::testing
