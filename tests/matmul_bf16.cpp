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

TEST(MatmulBF16, ActivationsAreRoundedToBf16) {
  EXPECT_EQ(gives(one_row(kType, {1}, {1 + 0x1p-8f}), 1), "");            // a tie, to even
  EXPECT_EQ(gives(one_row(kType, {1}, {1 + 0x3p-8f}), 1 + 0x1p-6f), "");  // a tie, to even
  EXPECT_EQ(gives(one_row(kType, {3}, {1 + 0x1p-8f + 0x1p-20f}), 3 + 0x3p-7f), "");
  EXPECT_EQ(gives(one_row(kType, {0x1p100f}, {0x1p-133f}), 0x1p-33f), "");  // a denormal is kept
  for (const Kernels* table : tables()) {  // the largest floats round to infinity
    const Product p = one_row(kType, {0x1p-100f}, {0x1.FFp127f});
    EXPECT_EQ(multiply(*table, p).y[0], std::numeric_limits<float>::infinity());
  }
}

TEST(MatmulBF16, LanesAreAddedInHalves) {
  // Columns 0 and 1 are lane 0, columns 16 and 17 lane 8, which is added to lane 0 first.
  std::vector<float> x(32, 0.0f);
  x[0] = 0x1p30f;
  x[16] = -0x1p30f;
  x[2] = 1;
  const auto ones = {1.f, 1.f, 1.f, 1.f, 1.f, 1.f, 1.f, 1.f, 1.f, 1.f, 1.f,
                     1.f, 1.f, 1.f, 1.f, 1.f, 1.f, 1.f, 1.f, 1.f, 1.f, 1.f,
                     1.f, 1.f, 1.f, 1.f, 1.f, 1.f, 1.f, 1.f, 1.f, 1.f};
  EXPECT_EQ(gives(one_row(kType, ones, x), 1), "");
  x[1] = 1;  // lane 0 swallows it
  EXPECT_EQ(gives(one_row(kType, ones, x), 1), "");
}

// Products that vanish below the least float leave lanes of -0. The zeros behind the last column
// make them +0, on every table or on none.
TEST(MatmulBF16, ZerosBehindTheRowCount) {
  for (std::size_t columns : {31u, 32u, 33u, 64u, 65u}) {
    Product p = one_row(kType, {}, std::vector<float>(columns, 0x1p-100f));
    p.file.resize(2 * columns);
    for (std::size_t k = 0; k < columns; ++k)
      store_weight(kType, -0x1p-100f, p.file.data() + 2 * k);
    EXPECT_EQ(product_law(p), "");
    const float y = multiply(*tables()[0], p).y[0];
    EXPECT_TRUE(same_bits(y, columns % 32 == 0 ? -0.0f : 0.0f)) << columns;
  }
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
