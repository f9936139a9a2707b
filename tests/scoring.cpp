// Losses, divergences and windows: by hand, against extended precision, and where a plain sum would
// have nothing right.
#include "generate/scoring.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "support/values.h"

namespace prumo::testing {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

long double log_sum(const std::vector<float>& x) {
  long double sum = 0;
  for (const float v : x) sum += std::exp(static_cast<long double>(v));
  return std::log(sum);
}

// The same sum of terms that are never negative, with expm1 for what cancels.
long double true_divergence(const std::vector<float>& p, const std::vector<float>& q) {
  const long double p_sum = log_sum(p);
  const long double q_sum = log_sum(q);
  long double total = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const long double log_p = p[i] - p_sum;
    const long double d = log_p - (q[i] - q_sum);
    total += std::exp(log_p) * (std::expm1(-d) + d);
  }
  return total;
}

TEST(LogSumExp, ByHand) {
  EXPECT_EQ(log_sum_exp(std::vector<float>{3.5f}), 3.5);
  EXPECT_DOUBLE_EQ(log_sum_exp(std::vector<float>{0, 0}), std::log(2.0));
  EXPECT_DOUBLE_EQ(log_sum_exp(std::vector<float>{1000, 1000, 1000, 1000}), 1000 + std::log(4.0));
  EXPECT_EQ(log_sum_exp(std::vector<float>{0, -1000}), 0.0);
  EXPECT_EQ(log_sum_exp(std::vector<float>{2, -kInfinity}), 2.0);
  EXPECT_EQ(log_sum_exp(std::vector<float>{-kInfinity}), -kInfinity);
  EXPECT_EQ(log_sum_exp(std::vector<float>{1, kInfinity}), kInfinity);
  EXPECT_TRUE(std::isnan(log_sum_exp(std::vector<float>{1, std::nanf("")})));
}

// Each exponential is good to a few units of 2^-53 and each of n additions of positive terms to
// one; the logarithm has the sum's relative error as an absolute one, and its own rounding.
TEST(LogSumExp, IsNearTheTrueValue) {
  Bits bits(1);
  for (const std::size_t n : {1u, 2u, 17u, 2048u}) {
    for (const float size : {0.01f, 1.0f, 30.0f, 600.0f}) {
      std::vector<float> x(n);
      for (float& v : x) v = bits.unit() * size;
      const auto exact = static_cast<double>(log_sum(x));
      EXPECT_NEAR(log_sum_exp(x), exact,
                  (static_cast<double>(n) + 8 + 4 * std::fabs(exact)) * 0x1p-53);
    }
  }
}

TEST(Divergence, ByHand) {
  // p = (1/2, 1/2), q = (1/4, 3/4): log 2 - log(3) / 2.
  const std::vector<float> p = {0, 0};
  const std::vector<float> q = {0, std::log(3.0f)};
  EXPECT_NEAR(divergence(p, q), std::log(2.0) - std::log(3.0) / 2, 1e-7);
  EXPECT_EQ(divergence(q, q), 0.0);
  // A number added to all logits changes no probability; 8 is added exactly.
  EXPECT_EQ(divergence(std::vector<float>{1, 2, 4}, std::vector<float>{9, 10, 12}), 0.0);
  EXPECT_NEAR(divergence(std::vector<float>{0, 700}, std::vector<float>{700, 0}), 700, 1e-12);
}

// From far apart to a few last places of a float, where the divergence is 1e-14 and a plain sum of
// p (log p - log q) has rounding errors of 1e-16 * log p in every term.
TEST(Divergence, IsNearTheTrueValueAtEverySize) {
  Bits bits(2);
  for (const float size : {8.0f, 1.0f, 1e-2f, 1e-4f, 1e-6f}) {
    std::vector<float> p(2048);
    std::vector<float> q(p.size());
    for (std::size_t i = 0; i < p.size(); ++i) {
      p[i] = bits.unit() * 8;
      q[i] = p[i] + bits.unit() * size;
    }
    const auto exact = static_cast<double>(true_divergence(p, q));
    ASSERT_GT(exact, 0);
    // The normalizers are wrong by 1e-14 at most; a difference of size `size` by that part of it.
    const double relative = 1e-12 + 4e-14 / static_cast<double>(size);
    EXPECT_NEAR(divergence(p, q), exact, relative * exact) << size;
  }
}

TEST(Percentile, IsTheNearestRank) {
  const std::vector<double> x = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  EXPECT_EQ(percentile(x, 0.5), 5);
  EXPECT_EQ(percentile(x, 0.51), 6);
  EXPECT_EQ(percentile(x, 0.99), 10);
  EXPECT_EQ(percentile(x, 1.0), 10);
  EXPECT_EQ(percentile(x, 0.01), 1);
  EXPECT_EQ(percentile(std::vector<double>{7}, 0.5), 7);
}

TEST(Windows, ByHand) {
  using List = std::vector<Window>;
  EXPECT_EQ(windows(0, 8, true), List());
  EXPECT_EQ(windows(0, 8, false), List());
  EXPECT_EQ(windows(1, 8, false), List()) << "nothing comes before a lone token";
  EXPECT_EQ(windows(1, 8, true), (List{{0, 1, 0}}));
  EXPECT_EQ(windows(8, 8, true), (List{{0, 8, 0}}));
  EXPECT_EQ(windows(9, 8, false), (List{{0, 8, 0}}));
  EXPECT_EQ(windows(9, 8, true), (List{{0, 8, 0}, {4, 5, 4}}));
  EXPECT_EQ(windows(17, 8, true), (List{{0, 8, 0}, {4, 8, 4}, {8, 8, 4}, {12, 5, 4}}));
}

TEST(Windows, ScoreEveryTokenOnceWithHalfAContextBeforeIt) {
  for (std::size_t tokens = 0; tokens < 70; ++tokens) {
    for (std::size_t context = 2; context < 20; ++context) {
      for (const bool bos : {false, true}) {
        std::vector<int> scored(tokens, 0);
        for (const Window& w : windows(tokens, context, bos)) {
          ASSERT_LE(w.inputs, context);
          ASSERT_LT(w.scored_from, w.inputs);
          for (std::size_t j = w.scored_from; j < w.inputs; ++j) {
            ++scored.at(w.begin + j + (bos ? 0 : 1));
            ASSERT_TRUE(w.begin == 0 || j + 1 > context / 2);
          }
        }
        const int first = bos ? 1 : 0;
        for (std::size_t t = 0; t < tokens; ++t) ASSERT_EQ(scored[t], t == 0 ? first : 1);
      }
    }
  }
}

}  // namespace
}  // namespace prumo::testing
