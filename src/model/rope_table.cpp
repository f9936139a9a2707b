#include "model/rope_table.h"

#include <bit>
#include <cmath>
#include <cstdint>

namespace prumo {
namespace exact {
namespace {

constexpr double kLn2High = 0x1.62e42fefa3800p-1;  // 42 bits: a product with an exponent is exact
constexpr double kLn2Low = 0x1.ef35793c76730p-45;
constexpr double kHalfPi1 = 0x1.921fb54400000p+0;  // pi/2 in three parts; the first has 33 bits
constexpr double kHalfPi2 = 0x1.0b4611a600000p-34;
constexpr double kHalfPi3 = 0x1.3198a2e037073p-69;
constexpr double kRound = 0x1.8p52;

double two_to(std::int64_t n) {
  return std::bit_cast<double>(static_cast<std::uint64_t>(n + 1023) << 52);
}

}  // namespace

// x = m 2^e with m in [sqrt(1/2), sqrt(2)); ln m = 2 atanh((m - 1) / (m + 1)) by its series.
double log(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x);
  std::int64_t e = static_cast<std::int64_t>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0xFFFFFFFFFFFFFu) | 0x3FF0000000000000u);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++e;
  }
  const double z = (m - 1.0) / (m + 1.0);
  const double z2 = z * z;
  double sum = 0.0;
  for (int k = 25; k >= 1; k -= 2) sum = std::fma(sum, z2, 1.0 / k);
  const auto n = static_cast<double>(e);
  return std::fma(n, kLn2High, std::fma(n, kLn2Low, 2.0 * z * sum));
}

// x = n ln 2 + r, |r| <= ln(2) / 2; the Taylor series of e^r to r^14 by Horner's rule.
double exp(double x) {
  const double n = std::fma(x, 1.4426950408889634, kRound) - kRound;
  const double r = std::fma(n, -kLn2Low, std::fma(n, -kLn2High, x));
  double sum = 1.0;
  for (int k = 14; k >= 1; --k) sum = std::fma(sum, r / k, 1.0);
  return sum * two_to(static_cast<std::int64_t>(n));
}

// x = n pi/2 + r, |r| <= pi/4; Taylor series of sine and cosine, then the quadrant.
void sin_cos(double x, double& sin, double& cos) {
  const double n = std::fma(x, 0.63661977236758134, kRound) - kRound;
  double r = std::fma(n, -kHalfPi1, x);
  r = std::fma(n, -kHalfPi2, r);
  r = std::fma(n, -kHalfPi3, r);
  const double r2 = r * r;
  double s = 1.0;
  double c = 1.0;
  for (int k = 16; k >= 2; k -= 2) {
    s = std::fma(s, -r2 / (k * (k + 1)), 1.0);
    c = std::fma(c, -r2 / (k * (k - 1)), 1.0);
  }
  s *= r;
  switch (static_cast<std::int64_t>(n) & 3) {
    case 0:
      sin = s;
      cos = c;
      return;
    case 1:
      sin = c;
      cos = -s;
      return;
    case 2:
      sin = -s;
      cos = -c;
      return;
    default:
      sin = -c;
      cos = s;
      return;
  }
}

}  // namespace exact

void fill_rope_table(float* table, std::size_t positions, std::size_t pairs, double base,
                     double scale, std::span<const float> divisors) {
  const double log_base = exact::log(base);
  for (std::size_t i = 0; i < pairs; ++i) {
    const double exponent = static_cast<double>(i) / static_cast<double>(pairs);
    double frequency = scale * exact::exp(-exponent * log_base);
    if (!divisors.empty()) frequency /= static_cast<double>(divisors[i]);
    for (std::size_t p = 0; p < positions; ++p) {
      double sin = 0;
      double cos = 0;
      exact::sin_cos(static_cast<double>(p) * frequency, sin, cos);
      table[(p * pairs + i) * 2] = static_cast<float>(cos);
      table[(p * pairs + i) * 2 + 1] = static_cast<float>(sin);
    }
  }
}

}  // namespace prumo
