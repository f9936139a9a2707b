// Laws of the product with Q3_K weights.
#include <gtest/gtest.h>

#include "support/products.h"

namespace prumo::testing {

constexpr auto kType = gguf::TensorType::kQ3_K;

RC_GTEST_PROP(MatmulQ3_K, EveryTableGivesTheOraclesBits, ()) {
  every_table_gives_the_oracles_bits(kType);
}

RC_GTEST_PROP(MatmulQ3_K, ABatchIsItsTokens, ()) {
  a_batch_is_its_tokens(kType);
}

RC_GTEST_PROP(MatmulQ3_K, PanelsMayBeCutAnywhere, ()) {
  panels_may_be_cut_anywhere(kType);
}

RC_GTEST_PROP(MatmulQ3_K, DoublingDoubles, ()) {
  doubling_doubles(kType);
}

RC_GTEST_PROP(MatmulQ3_K, ARowIsTheSameAtEveryPlace, ()) {
  a_row_is_the_same_at_every_place(kType);
}

RC_GTEST_PROP(MatmulQ3_K, ZeroColumnsAddNothing, ()) {
  zero_columns_add_nothing(kType);
}

RC_GTEST_PROP(MatmulQ3_K, TheErrorIsBounded, ()) {
  the_error_is_bounded(kType);
}

RC_GTEST_PROP(MatmulQ3_K, EveryLonePartIsExact, ()) {
  every_lone_part_is_exact(kType);
}

}  // namespace prumo::testing
