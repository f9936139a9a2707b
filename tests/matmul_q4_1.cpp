// Q4_1 matrices times quantized activations: every table against the oracle, bit for bit.
#include <gtest/gtest.h>

#include "support/matmul_examples.h"
#include "support/matmul_sweep.h"

namespace prumo::testing {
namespace {

constexpr auto kType = gguf::TensorType::kQ4_1;

TEST(MatmulQ4_1, ByHand) {
  std::vector<int> block = {0x00, 0x3C, 0x00, 0x40};  // 1 and 2
  std::vector<int> q;
  for (int i = 0; i < 16; ++i) block.push_back(i | (15 - i) << 4);
  for (int i = 0; i < 32; ++i) q.push_back(i + 1);
  // Columns 0 .. 15 weigh i, columns 16 .. 31 weigh 15 - i, and each 2 more: 1360 + 2600 + 2 * 528.
  EXPECT_EQ(gives(one_row(kType, block, q), 5016), "");
}

TEST(MatmulQ4_1, LargestSums) {
  std::vector<int> block(20, 0xFF);
  block[0] = block[2] = 0;
  block[1] = block[3] = 0x3C;
  EXPECT_EQ(gives(one_row(kType, block, std::vector<int>(32, 127)), 65024), "");
  EXPECT_EQ(gives(one_row(kType, block, std::vector<int>(32, -127)), -65024), "");
}

TEST(MatmulQ4_1, Shapes) {
  EXPECT_EQ(sweep_shapes(kType), "");
}

TEST(MatmulQ4_1, Values) {
  EXPECT_EQ(sweep_values(kType), "");
}

TEST(MatmulQ4_1, Placements) {
  EXPECT_EQ(sweep_placements(kType), "");
}

TEST(MatmulQ4_1, BatchesAndPartsOfPanels) {
  EXPECT_EQ(sweep_divisions(kType), "");
}

TEST(MatmulQ4_1, Large) {
  EXPECT_EQ(sweep_large(kType), "");
}

}  // namespace
}  // namespace prumo::testing
