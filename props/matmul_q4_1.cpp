// Laws of the product with Q4_1 weights.
#include <gtest/gtest.h>

#include "support/products.h"

namespace prumo::testing {

constexpr auto kType = gguf::TensorType::kQ4_1;

RC_GTEST_PROP(MatmulQ4_1, EveryTableGivesTheOraclesBits, ()) {
  every_table_gives_the_oracles_bits(kType);
}

RC_GTEST_PROP(MatmulQ4_1, ABatchIsItsTokens, ()) {
  a_batch_is_its_tokens(kType);
}

RC_GTEST_PROP(MatmulQ4_1, PanelsMayBeCutAnywhere, ()) {
  panels_may_be_cut_anywhere(kType);
}

RC_GTEST_PROP(MatmulQ4_1, DoublingDoubles, ()) {
  doubling_doubles(kType);
}

RC_GTEST_PROP(MatmulQ4_1, ARowIsTheSameAtEveryPlace, ()) {
  a_row_is_the_same_at_every_place(kType);
}

RC_GTEST_PROP(MatmulQ4_1, ZeroColumnsAddNothing, ()) {
  zero_columns_add_nothing(kType);
}

RC_GTEST_PROP(MatmulQ4_1, TheErrorIsBounded, ()) {
  the_error_is_bounded(kType);
}

RC_GTEST_PROP(MatmulQ4_1, EveryLonePartIsExact, ()) {
  every_lone_part_is_exact(kType);
}

}  // namespace prumo::testing
