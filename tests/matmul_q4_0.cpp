// Q4_0 matrices times quantized activations: every table against the oracle, bit for bit.
#include <gtest/gtest.h>

#include "support/matmul_examples.h"
#include "support/matmul_sweep.h"

namespace prumo::testing {
namespace {

constexpr auto kType = gguf::TensorType::kQ4_0;

TEST(MatmulQ4_0, ByHand) {
  std::vector<int> block = {0x00, 0x3C};  // 1
  std::vector<int> q;
  for (int i = 0; i < 16; ++i) block.push_back(i | (15 - i) << 4);
  for (int i = 0; i < 32; ++i) q.push_back(i + 1);
  // Columns 0 .. 15 weigh i - 8, columns 16 .. 31 weigh 7 - i: 272 - 536.
  EXPECT_EQ(gives(one_row(kType, block, q), -264), "");
}

TEST(MatmulQ4_0, LargestSums) {
  std::vector<int> block(18, 0);
  block[1] = 0xBC;  // -1
  EXPECT_EQ(gives(one_row(kType, block, std::vector<int>(32, 127)), 32512), "");
  EXPECT_EQ(gives(one_row(kType, block, std::vector<int>(32, -127)), -32512), "");
}

TEST(MatmulQ4_0, Shapes) {
  EXPECT_EQ(sweep_shapes(kType), "");
}

TEST(MatmulQ4_0, Values) {
  EXPECT_EQ(sweep_values(kType), "");
}

TEST(MatmulQ4_0, Placements) {
  EXPECT_EQ(sweep_placements(kType), "");
}

TEST(MatmulQ4_0, BatchesAndPartsOfPanels) {
  EXPECT_EQ(sweep_divisions(kType), "");
}

TEST(MatmulQ4_0, Large) {
  EXPECT_EQ(sweep_large(kType), "");
}

}  // namespace
}  // namespace prumo::testing
