// F16 matrices times float activations: every table against the oracle, bit for bit.
#include <gtest/gtest.h>

#include "support/matmul_examples.h"
#include "support/matmul_sweep.h"

namespace prumo::testing {
namespace {

constexpr auto kType = gguf::TensorType::kF16;

TEST(MatmulF16, ByHand) {
  EXPECT_EQ(float_examples(kType), "");
}

TEST(MatmulF16, OneRoundingAnElement) {
  EXPECT_EQ(fused_example(kType), "");
}

TEST(MatmulF16, Shapes) {
  EXPECT_EQ(sweep_shapes(kType), "");
}

TEST(MatmulF16, Values) {
  EXPECT_EQ(sweep_values(kType), "");
}

TEST(MatmulF16, Placements) {
  EXPECT_EQ(sweep_placements(kType), "");
}

TEST(MatmulF16, BatchesAndPartsOfPanels) {
  EXPECT_EQ(sweep_divisions(kType), "");
}

TEST(MatmulF16, Large) {
  EXPECT_EQ(sweep_large(kType), "");
}

}  // namespace
}  // namespace prumo::testing
