// Laws of losses and divergences, for any logits.
#include "generate/scoring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "support/vectors.h"

namespace prumo::testing {
namespace {

std::vector<float> draw_logits(std::size_t n) {
  return draw_coarse(n);
}

RC_GTEST_PROP(LogSumExp, LiesBetweenTheLargestAndTheLargestOfAll, ()) {
  const auto x = draw_logits(draw_length(1));
  const auto max = static_cast<double>(*std::max_element(x.begin(), x.end()));
  const double sum = log_sum_exp(x);
  RC_ASSERT(sum >= max);
  RC_ASSERT(sum <= max + std::log(static_cast<double>(x.size())) + 0x1p-40);
}

// Multiples of 2^-10 below 128 plus an integer below 2^10 are exact.
RC_GTEST_PROP(LogSumExp, MovesWithItsArguments, ()) {
  const auto x = draw_logits(draw_length(1));
  const int by = *rc::gen::inRange(-1000, 1001);
  std::vector<float> moved = x;
  for (float& v : moved) v += static_cast<float>(by);
  RC_ASSERT(std::fabs(log_sum_exp(moved) - (log_sum_exp(x) + by)) <= 0x1p-40);
}

RC_GTEST_PROP(Divergence, IsNothingOnlyBetweenEquals, ()) {
  const auto p = draw_logits(draw_length(1));
  const auto q = draw_logits(p.size());
  const double d = divergence(p, q);
  RC_ASSERT(d >= 0);
  RC_ASSERT(divergence(p, p) == 0.0);
  bool shifted = true;
  for (std::size_t i = 0; i < p.size(); ++i) shifted = shifted && p[i] - q[i] == p[0] - q[0];
  RC_ASSERT(shifted || d > 0);
}

RC_GTEST_PROP(Divergence, IsTheLossAboveTheEntropy, ()) {
  const auto p = draw_logits(draw_length(1));
  const auto q = draw_logits(p.size());
  const double p_sum = log_sum_exp(p);
  const double q_sum = log_sum_exp(q);
  double loss = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double log_p = static_cast<double>(p[i]) - p_sum;
    const double log_q = static_cast<double>(q[i]) - q_sum;
    loss += std::exp(log_p) * (log_p - log_q);
  }
  // Every term is at most 256 and good to a few of its last places; so are the normalizers.
  RC_ASSERT(std::fabs(divergence(p, q) - loss) <= 0x1p-36);
}

RC_GTEST_PROP(Windows, ScoreEveryTokenOnceAndInOrder, ()) {
  const auto tokens = *rc::gen::inRange<std::size_t>(0, 3000);
  const auto context = *full_range(rc::gen::inRange<std::size_t>(2, 600));
  const bool bos = *rc::gen::arbitrary<bool>();
  std::size_t next = bos ? 0 : 1;
  for (const Window& w : windows(tokens, context, bos)) {
    RC_ASSERT(w.inputs >= 1 && w.inputs <= context);
    RC_ASSERT(w.begin + w.scored_from + (bos ? 0 : 1) == next);
    next = w.begin + w.inputs + (bos ? 0 : 1);
  }
  RC_ASSERT(next == std::max<std::size_t>(tokens, bos ? 0 : 1));
}

}  // namespace
}  // namespace prumo::testing
