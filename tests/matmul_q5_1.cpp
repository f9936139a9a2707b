// Q5_1 matrices times quantized activations: every table against the oracle, bit for bit.
#include <gtest/gtest.h>

#include "support/matmul_examples.h"
#include "support/matmul_sweep.h"

namespace prumo::testing {
namespace {

constexpr auto kType = gguf::TensorType::kQ5_1;

TEST(MatmulQ5_1, ByHand) {
  std::vector<int> block(24, 0);
  block[1] = 0x3C;  // 1
  block[3] = 0xB8;  // -0.5
  block[4] = 0x02;  // the fifth bit of weight 1
  block[9] = 0x43;  // weight 1 is 16 + 3, weight 17 is 4
  std::vector<int> q(32, 1);
  q[1] = 2;
  q[17] = 10;
  // 19 * 2 + 4 * 10 - (2 + 10 + 30) / 2
  EXPECT_EQ(gives(one_row(kType, block, q), 57), "");
}

TEST(MatmulQ5_1, LargestSums) {
  std::vector<int> block(24, 0xFF);
  block[0] = block[2] = 0;
  block[1] = block[3] = 0x3C;
  EXPECT_EQ(gives(one_row(kType, block, std::vector<int>(32, 127)), 130048), "");
  EXPECT_EQ(gives(one_row(kType, block, std::vector<int>(32, -127)), -130048), "");
}

TEST(MatmulQ5_1, Shapes) {
  EXPECT_EQ(sweep_shapes(kType), "");
}

TEST(MatmulQ5_1, Values) {
  EXPECT_EQ(sweep_values(kType), "");
}

TEST(MatmulQ5_1, Placements) {
  EXPECT_EQ(sweep_placements(kType), "");
}

TEST(MatmulQ5_1, BatchesAndPartsOfPanels) {
  EXPECT_EQ(sweep_divisions(kType), "");
}

TEST(MatmulQ5_1, Large) {
  EXPECT_EQ(sweep_large(kType), "");
}

}  // namespace
}  // namespace prumo::testing
