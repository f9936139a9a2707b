// Laws of softmax's numerators, maximum and sum.
#include <gtest/gtest.h>

#include "support/accuracy.h"
#include "support/vector_laws.h"
#include "support/vectors.h"

namespace prumo::testing {

RC_GTEST_PROP(Softmax, EveryTableGivesTheOraclesBits, ()) {
  const float scale = *rc::gen::element(0.0625f, 0.125f, 1.0f, 3.0f);
  obeys(softmax_law(draw_finite(draw_length()), scale));
  obeys(softmax_law(draw_mostly_finite(draw_length()), scale));
}

RC_GTEST_PROP(Softmax, AnyBitsAtAll, ()) {
  obeys(softmax_law(draw_any(draw_length()), std::fabs(*any_float())));
}

// Multiples of 2^-10, moved by another: all differences are exact.
RC_GTEST_PROP(Softmax, MovingAllScoresChangesNothing, ()) {
  const std::size_t n = draw_length();
  const auto x = draw_coarse(n);
  const float by = *coarse_float();
  auto moved = x;
  for (float& v : moved) v += by;
  for (const Kernels* table : tables()) {
    std::vector<float> y(n);
    std::vector<float> z(n);
    const SoftmaxResult a = table->softmax(x.data(), n, 0.5f, y.data());
    const SoftmaxResult b = table->softmax(moved.data(), n, 0.5f, z.data());
    RC_ASSERT(difference(z.data(), y.data(), n) == "");
    RC_ASSERT(same_bits(a.sum, b.sum));
    RC_ASSERT(n == 0 || b.max == a.max + by);
  }
}

RC_GTEST_PROP(Softmax, LargerScoresWeighNoLess, ()) {
  const std::size_t n = draw_length(1);
  const auto x = draw_finite(n);
  for (const Kernels* table : tables()) {
    std::vector<float> y(n);
    const SoftmaxResult result = table->softmax(x.data(), n, 0.25f, y.data());
    for (std::size_t i = 0; i < n; ++i) {
      RC_ASSERT(y[i] >= 0.0f && y[i] <= 1.0f);
      RC_ASSERT((x[i] == result.max) <= (y[i] == 1.0f));
      for (std::size_t j = 0; j < n; ++j) RC_ASSERT(x[i] < x[j] || y[i] >= y[j]);
    }
  }
}

// In roundings u: the sum of n weights, all positive, in 16 lanes is off by ceil(n / 16) + 4, a
// quotient by 1 more, so the n quotients together by as much relative to their true sum, 1.
RC_GTEST_PROP(Softmax, WeightsSumToOne, ()) {
  const std::size_t n = draw_length(1);
  const auto x = draw_finite(n);
  for (const Kernels* table : tables()) {
    std::vector<float> y(n);
    const float sum = table->softmax(x.data(), n, 0.125f, y.data()).sum;
    double total = 0;
    for (float v : y) total += static_cast<double>(v / sum);
    const double steps = static_cast<double>((n + 15) / 16 + 5);
    RC_ASSERT(std::fabs(total - 1) <= 1.001 * steps * kUnitRoundoff);
  }
}

RC_GTEST_PROP(Softmax, TheErrorIsBounded, ()) {
  const float scale = static_cast<float>(*rc::gen::inRange(1, 200)) / 64.0f;
  RC_ASSERT(softmax_accuracy(draw_finite(draw_length(1)), scale).fault() == "");
}

}  // namespace prumo::testing
