// Q5_0 matrices times quantized activations: every table against the oracle, bit for bit.
#include <gtest/gtest.h>

#include "support/matmul_examples.h"
#include "support/matmul_sweep.h"

namespace prumo::testing {
namespace {

constexpr auto kType = gguf::TensorType::kQ5_0;

TEST(MatmulQ5_0, ByHand) {
  // With its fifth bit and a low nibble of 0 a weight is 0.
  std::vector<int> block(22, 0);
  block[1] = 0x3C;
  for (std::size_t i = 2; i < 6; ++i) block[i] = 0xFF;
  block[6] = 0x21;  // weight 0 is 1, weight 16 is 2
  block[5] = 0x7F;  // weight 31 is -16
  std::vector<int> q(32, 100);
  q[0] = 3;
  q[16] = 5;
  q[31] = 7;
  EXPECT_EQ(gives(one_row(kType, block, q), 3 + 2 * 5 - 16 * 7), "");
}

TEST(MatmulQ5_0, LargestSums) {
  std::vector<int> block(22, 0);
  block[1] = 0xBC;  // -1
  EXPECT_EQ(gives(one_row(kType, block, std::vector<int>(32, 127)), 65024), "");
  EXPECT_EQ(gives(one_row(kType, block, std::vector<int>(32, -127)), -65024), "");
}

TEST(MatmulQ5_0, Shapes) {
  EXPECT_EQ(sweep_shapes(kType), "");
}

TEST(MatmulQ5_0, Values) {
  EXPECT_EQ(sweep_values(kType), "");
}

TEST(MatmulQ5_0, Placements) {
  EXPECT_EQ(sweep_placements(kType), "");
}

TEST(MatmulQ5_0, BatchesAndPartsOfPanels) {
  EXPECT_EQ(sweep_divisions(kType), "");
}

TEST(MatmulQ5_0, Large) {
  EXPECT_EQ(sweep_large(kType), "");
}

}  // namespace
}  // namespace prumo::testing
