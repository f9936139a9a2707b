// Laws of the product with F16 weights.
#include <gtest/gtest.h>

#include "support/products.h"

namespace prumo::testing {

constexpr auto kType = gguf::TensorType::kF16;

RC_GTEST_PROP(MatmulF16, EveryTableGivesTheOraclesBits, ()) {
  every_table_gives_the_oracles_bits(kType);
}

RC_GTEST_PROP(MatmulF16, ABatchIsItsTokens, ()) {
  a_batch_is_its_tokens(kType);
}

RC_GTEST_PROP(MatmulF16, PanelsMayBeCutAnywhere, ()) {
  panels_may_be_cut_anywhere(kType);
}

RC_GTEST_PROP(MatmulF16, DoublingDoubles, ()) {
  doubling_doubles(kType);
}

RC_GTEST_PROP(MatmulF16, ARowIsTheSameAtEveryPlace, ()) {
  a_row_is_the_same_at_every_place(kType);
}

RC_GTEST_PROP(MatmulF16, ZeroColumnsAddNothing, ()) {
  zero_columns_add_nothing(kType);
}

RC_GTEST_PROP(MatmulF16, TheErrorIsBounded, ()) {
  the_error_is_bounded(kType);
}

RC_GTEST_PROP(MatmulF16, EveryLonePartIsExact, ()) {
  every_lone_part_is_exact(kType);
}

}  // namespace prumo::testing
