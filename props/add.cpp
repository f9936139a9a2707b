// Laws of the sum of two vectors.
#include <gtest/gtest.h>

#include "support/accuracy.h"
#include "support/vector_laws.h"
#include "support/vectors.h"

namespace prumo::testing {

RC_GTEST_PROP(Add, EveryTableGivesTheOraclesBits, ()) {
  const std::size_t n = draw_length();
  obeys(add_law(draw_any(n), draw_any(n)));
}

RC_GTEST_PROP(Add, EitherOrderIsTheSame, ()) {
  const std::size_t n = draw_length();
  const auto x = draw_any(n);
  const auto y = draw_any(n);
  for (const Kernels* table : tables()) {
    auto first = y;
    auto second = x;
    table->add(x.data(), n, first.data());
    table->add(y.data(), n, second.data());
    RC_ASSERT(difference(first.data(), second.data(), n) == "");
  }
}

RC_GTEST_PROP(Add, AddingAndTakingAwayIsExactForMultiplesOfOneUnit, ()) {
  const std::size_t n = draw_length();
  const auto x = draw_coarse(n);
  auto minus_x = x;
  for (float& v : minus_x) v = -v;
  const auto y = draw_coarse(n);
  for (const Kernels* table : tables()) {
    auto z = y;
    table->add(x.data(), n, z.data());
    table->add(minus_x.data(), n, z.data());
    RC_ASSERT(z == y);
  }
}

RC_GTEST_PROP(Add, TheErrorIsBounded, ()) {
  Bits bits(*rc::gen::arbitrary<std::uint64_t>());
  const std::size_t n = draw_length(1);
  RC_ASSERT(add_accuracy(spread(n, 20, bits), spread(n, 20, bits)).fault() == "");
}

}  // namespace prumo::testing
