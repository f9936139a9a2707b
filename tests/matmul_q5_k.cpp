// Q5_K matrices times quantized activations: every table against the oracle, bit for bit.
#include <gtest/gtest.h>

#include "support/matmul_examples.h"
#include "support/matmul_sweep.h"

namespace prumo::testing {
namespace {

constexpr auto kType = gguf::TensorType::kQ5_K;

TEST(MatmulQ5_K, ByHand) {
  std::vector<int> block(176, 0);
  block[1] = 0x3C;   // 1
  block[3] = 0x3C;   // 1
  block[4] = 2;      // scale 0
  block[7] = 1;      // scale 3
  block[11] = 6;     // minimum 3
  block[16] = 0x09;  // the fifth bits of weights 0 and 96
  block[48] = 0x03;  // weight 0 is 19
  block[80] = 0x70;  // weight 96 is 23
  std::vector<int> q(256, 0);
  q[0] = 5;
  q[96] = 4;
  EXPECT_EQ(gives(one_row(kType, block, q), 2 * 19 * 5 + 1 * 23 * 4 - 6 * 4), "");
}

TEST(MatmulQ5_K, LargestSums) {
  std::vector<int> block(176, 0xFF);
  for (std::size_t i = 0; i < 4; ++i) block[i] = 0;
  block[1] = 0x3C;
  EXPECT_EQ(gives(one_row(kType, block, std::vector<int>(256, 127)), 63495936), "");
  EXPECT_EQ(gives(one_row(kType, block, std::vector<int>(256, -127)), -63495936), "");
}

TEST(MatmulQ5_K, Shapes) {
  EXPECT_EQ(sweep_shapes(kType), "");
}

TEST(MatmulQ5_K, Values) {
  EXPECT_EQ(sweep_values(kType), "");
}

TEST(MatmulQ5_K, Placements) {
  EXPECT_EQ(sweep_placements(kType), "");
}

TEST(MatmulQ5_K, BatchesAndPartsOfPanels) {
  EXPECT_EQ(sweep_divisions(kType), "");
}

TEST(MatmulQ5_K, Large) {
  EXPECT_EQ(sweep_large(kType), "");
}

}  // namespace
}  // namespace prumo::testing
