// F32 matrices times float activations: every table against the oracle, bit for bit.
#include <gtest/gtest.h>

#include "support/matmul_examples.h"
#include "support/matmul_sweep.h"

namespace prumo::testing {
namespace {

constexpr auto kType = gguf::TensorType::kF32;

TEST(MatmulF32, ByHand) {
  EXPECT_EQ(float_examples(kType), "");
}

TEST(MatmulF32, OneRoundingAnElement) {
  EXPECT_EQ(fused_example(kType), "");
}

TEST(MatmulF32, Shapes) {
  EXPECT_EQ(sweep_shapes(kType), "");
}

TEST(MatmulF32, Values) {
  EXPECT_EQ(sweep_values(kType), "");
}

TEST(MatmulF32, Placements) {
  EXPECT_EQ(sweep_placements(kType), "");
}

TEST(MatmulF32, BatchesAndPartsOfPanels) {
  EXPECT_EQ(sweep_divisions(kType), "");
}

TEST(MatmulF32, Large) {
  EXPECT_EQ(sweep_large(kType), "");
}

}  // namespace
}  // namespace prumo::testing
