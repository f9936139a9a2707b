// Q8_0 matrices times quantized activations: every table against the oracle, bit for bit.
#include <gtest/gtest.h>

#include "support/matmul_examples.h"
#include "support/matmul_sweep.h"

namespace prumo::testing {
namespace {

constexpr auto kType = gguf::TensorType::kQ8_0;

TEST(MatmulQ8_0, ByHand) {
  std::vector<int> block = {0x00, 0x38};  // 0.5
  std::vector<int> q;
  for (int i = 0; i < 32; ++i) {
    block.push_back(i % 2 == 0 ? i + 1 : -(i + 1));
    q.push_back(i + 1);
  }
  // 0.5 * (1 - 4 + 9 - 16 + ... - 1024)
  EXPECT_EQ(gives(one_row(kType, block, q), -264), "");
}

TEST(MatmulQ8_0, LargestSums) {
  std::vector<int> block(34, -128);
  block[0] = 0x00;
  block[1] = 0x3C;  // 1
  EXPECT_EQ(gives(one_row(kType, block, std::vector<int>(32, 127)), -520192), "");
  EXPECT_EQ(gives(one_row(kType, block, std::vector<int>(32, -127)), 520192), "");
}

TEST(MatmulQ8_0, Shapes) {
  EXPECT_EQ(sweep_shapes(kType), "");
}

TEST(MatmulQ8_0, Values) {
  EXPECT_EQ(sweep_values(kType), "");
}

TEST(MatmulQ8_0, Placements) {
  EXPECT_EQ(sweep_placements(kType), "");
}

TEST(MatmulQ8_0, BatchesAndPartsOfPanels) {
  EXPECT_EQ(sweep_divisions(kType), "");
}

TEST(MatmulQ8_0, Large) {
  EXPECT_EQ(sweep_large(kType), "");
}

}  // namespace
}  // namespace prumo::testing
