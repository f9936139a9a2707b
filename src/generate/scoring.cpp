#include "generate/scoring.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <limits>

#include "model/rope_table.h"

namespace prumo {
namespace {

constexpr double kLn2High = 0x1.62e42fefa3800p-1;  // 42 bits: a product with an exponent is exact
constexpr double kLn2Low = 0x1.ef35793c76730p-45;
constexpr double kRound = 0x1.8p52;  // adding it rounds to an integer held in the low bits

// e^x for x <= 0 to a few units of the last place; what is too small to matter to any sum is 0. No
// fma: vocabularies are long, and where the compiler may not use the instruction it is a call.
double exp_or_zero(double x) {
  if (x < -700) return 0;
  const double t = x * 1.4426950408889634 + kRound;
  const double n = t - kRound;
  const double r = (x - n * kLn2High) - n * kLn2Low;  // |r| <= ln(2) / 2; then Taylor's series
  double sum = 1.0 / 6227020800.0;                    // 1 / 13!
  for (const double term :
       {1.0 / 479001600.0, 1.0 / 39916800.0, 1.0 / 3628800.0, 1.0 / 362880.0, 1.0 / 40320.0,
        1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0}) {
    sum = sum * r + term;
  }
  const auto exponent = static_cast<std::uint64_t>(static_cast<std::int64_t>(n) + 1023);
  return sum * std::bit_cast<double>(exponent << 52);
}

// e^-d - 1 + d, where log p - log q = d. Near 0 the three cancel, and the series is what is left of
// them: d^2/2 - d^3/6 + ..., for |d| < 1/8 good to 2^-53 with eleven terms.
double excess(double d) {
  double sum = 0;
  for (int k = 12; k >= 2; --k) sum = (1.0 - sum * d) / k;
  return d * d * sum;
}

}  // namespace

double log_sum_exp(std::span<const float> x) {
  double max = -std::numeric_limits<double>::infinity();
  for (const float v : x) {
    if (std::isnan(v)) return std::numeric_limits<double>::quiet_NaN();
    max = std::max(max, static_cast<double>(v));
  }
  if (!std::isfinite(max)) return max;
  double sum = 0;
  for (const float v : x) sum += exp_or_zero(static_cast<double>(v) - max);
  return max + exact::log(sum);
}

double divergence(std::span<const float> p, std::span<const float> q) {
  assert(p.size() == q.size());
  const double p_sum = log_sum_exp(p);
  const double q_sum = log_sum_exp(q);
  double total = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double log_p = static_cast<double>(p[i]) - p_sum;
    const double log_q = static_cast<double>(q[i]) - q_sum;
    const double d = log_p - log_q;
    if (std::fabs(d) < 0.125) {
      total += exp_or_zero(log_p) * excess(d);
    } else {
      const double p_i = exp_or_zero(log_p);
      total += exp_or_zero(log_q) + p_i * (d - 1);
    }
  }
  return total;
}

double percentile(std::span<const double> sorted, double share) {
  assert(!sorted.empty() && share > 0 && share <= 1);
  const double rank = std::ceil(share * static_cast<double>(sorted.size()));
  return sorted[std::max<std::size_t>(static_cast<std::size_t>(rank), 1) - 1];
}

std::vector<Window> windows(std::size_t tokens, std::size_t context, bool bos) {
  assert(context >= 2);
  const std::size_t stride = context / 2;
  const std::size_t targets = bos || tokens == 0 ? tokens : tokens - 1;
  std::vector<Window> out;
  for (std::size_t begin = 0, done = 0; done < targets; begin += stride) {
    const std::size_t inputs = std::min(context, targets - begin);
    out.push_back({begin, inputs, done - begin});
    done = begin + inputs;
  }
  return out;
}

}  // namespace prumo
