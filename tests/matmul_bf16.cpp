// BF16 matrices times float activations: every table against the oracle, bit for bit.
#include <gtest/gtest.h>

#include "support/matmul_examples.h"
#include "support/matmul_sweep.h"

namespace prumo::testing {
namespace {

constexpr auto kType = gguf::TensorType::kBF16;

TEST(MatmulBF16, ByHand) {
  EXPECT_EQ(float_examples(kType), "");
}

TEST(MatmulBF16, Shapes) {
  EXPECT_EQ(sweep_shapes(kType), "");
}

TEST(MatmulBF16, Values) {
  EXPECT_EQ(sweep_values(kType), "");
}

TEST(MatmulBF16, Placements) {
  EXPECT_EQ(sweep_placements(kType), "");
}

TEST(MatmulBF16, BatchesAndPartsOfPanels) {
  EXPECT_EQ(sweep_divisions(kType), "");
}

TEST(MatmulBF16, Large) {
  EXPECT_EQ(sweep_large(kType), "");
}

}  // namespace
}  // namespace prumo::testing
