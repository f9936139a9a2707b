// Laws of the exponential.
#include <gtest/gtest.h>

#include "support/accuracy.h"
#include "support/exp_law.h"
#include "support/oracles.h"
#include "support/vectors.h"

namespace prumo::testing {

RC_GTEST_PROP(Exp, OneSetOfBits, ()) {
  obeys(exp_law(draw_any(16).data()));
  obeys(exp_law(draw_finite(16).data()));
}

RC_GTEST_PROP(Exp, NeverFallsWhereItsArgumentRises, ()) {
  const float a = *any_float();
  const float b = *any_float();
  RC_PRE(!is_nan(a) && !is_nan(b));
  RC_ASSERT(scalar::exp(std::fmin(a, b)) <= scalar::exp(std::fmax(a, b)));
}

RC_GTEST_PROP(Exp, IsNaNForNaNAloneAndNeverNegative, ()) {
  const float x = *any_float();
  RC_ASSERT(is_nan(scalar::exp(x)) == is_nan(x));
  RC_ASSERT(is_nan(x) || !std::signbit(scalar::exp(x)));
}

// Each of the two is off by 1.2 ulps (tests/exp.cpp), which is 2.4 u at most.
RC_GTEST_PROP(Exp, OppositesMultiplyToOne, ()) {
  const float x = *finite_float();
  const double product = static_cast<double>(scalar::exp(x)) * static_cast<double>(scalar::exp(-x));
  RC_ASSERT(std::fabs(product - 1) <= 1.001 * 4.8 * kUnitRoundoff);
}

// Numbers whose sum is exact, and within the limits; three errors of 2.4 u.
RC_GTEST_PROP(Exp, SumsBecomeProducts, ()) {
  const float a = *coarse_float() / 2;
  const float b = *coarse_float() / 2;
  const double product = static_cast<double>(scalar::exp(a)) * static_cast<double>(scalar::exp(b));
  const double direct = static_cast<double>(scalar::exp(a + b));
  RC_ASSERT(std::fabs(product - direct) <= 1.001 * 7.2 * kUnitRoundoff * direct);
}

RC_GTEST_PROP(Exp, TheErrorIsBounded, ()) {
  float x[16];
  for (float& v : x) v = *finite_float() * 1.36f;  // to 87
  RC_ASSERT(exp_accuracy(x).fault() == "");
}

}  // namespace prumo::testing
