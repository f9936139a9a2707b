// The arithmetic said a second time, from the formats and the contracts and by other means than the
// library's: in double where a float is exactly a double, one element at a time.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "support/floats.h"
#include "support/matrices.h"

namespace prumo::testing {

/// The value of an IEEE binary16, by its definition.
inline double half_value(std::uint16_t h) {
  const double sign = (h >> 15) != 0 ? -1.0 : 1.0;
  const int exponent = (h >> 10) & 31;
  const int mantissa = h & 1023;
  if (exponent == 31) {
    return mantissa == 0 ? sign * std::numeric_limits<double>::infinity()
                         : std::numeric_limits<double>::quiet_NaN();
  }
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  return sign * std::ldexp(1024 + mantissa, exponent - 25);
}

/// Whether this half is the nearest to x, of two that are as near the even one: by their values.
inline bool is_nearest_half(std::uint16_t h, float x) {
  if (is_nan(x)) return (h & 0x7C00) == 0x7C00 && (h & 0x3FF) != 0;
  if (((h >> 15) != 0) != std::signbit(x)) return false;
  const auto magnitude = static_cast<std::uint16_t>(h & 0x7FFF);
  const double a = std::fabs(static_cast<double>(x));
  // From half a unit above the largest finite half on, it is infinity.
  if (magnitude == 0x7C00) return a >= 65520;
  if (magnitude > 0x7C00 || a >= 65520) return false;
  const double off = std::fabs(a - half_value(magnitude));
  const auto as_good = [&](std::uint16_t other) {
    const double other_off = std::fabs(a - half_value(other));
    return off < other_off || (off == other_off && magnitude % 2 == 0);
  };
  const bool above = magnitude == 0x7BFF || as_good(static_cast<std::uint16_t>(magnitude + 1));
  return above && (magnitude == 0 || as_good(static_cast<std::uint16_t>(magnitude - 1)));
}

/// The value of a bfloat16, by its definition.
inline double bf16_value(std::uint16_t h) {
  const double sign = (h >> 15) != 0 ? -1.0 : 1.0;
  const int exponent = (h >> 7) & 255;
  const int mantissa = h & 127;
  if (exponent == 255) {
    return mantissa == 0 ? sign * std::numeric_limits<double>::infinity()
                         : std::numeric_limits<double>::quiet_NaN();
  }
  if (exponent == 0) return sign * std::ldexp(mantissa, -133);
  return sign * std::ldexp(128 + mantissa, exponent - 134);
}

/// The nearest integer, ties to even.
inline double nearest_even(double x) {
  const double below = std::floor(x);
  const double rest = x - below;
  if (rest != 0.5) return rest < 0.5 ? below : below + 1;
  return std::fmod(below, 2.0) == 0.0 ? below : below + 1;
}

/// x to `n` significant bits, to nearest even; as a float, so that what is too large is infinite,
/// and nothing is finer than a denormal of 8 exponent bits and n significant ones.
inline float round_to_bits(float x, int n) {
  if (!std::isfinite(x) || x == 0.0f) return x;
  const int exponent = std::max(std::ilogb(x), -126);
  const double unit = std::ldexp(1.0, exponent - n + 1);
  const double rounded = nearest_even(static_cast<double>(x) / unit) * unit;
  if (rounded == 0) return std::copysign(0.0f, x);
  return static_cast<float>(rounded);
}

/// The halving tree over 16 lanes.
inline float add_halves(std::array<float, 16> lane) {
  for (std::size_t n = 8; n >= 1; n /= 2) {
    for (std::size_t j = 0; j < n; ++j) lane[j] = lane[j] + lane[j + n];
  }
  return lane[0];
}

/// The sum of 16 lanes, added in halves.
inline float sum_of_lanes(const float (&lanes)[16]) {
  float lane[16];
  std::copy(std::begin(lanes), std::end(lanes), lane);
  for (std::size_t half = 8; half > 0; half /= 2) {
    for (std::size_t j = 0; j < half; ++j) lane[j] = lane[j] + lane[j + half];
  }
  return lane[0];
}

/// Sums f(i, lane) over 16 lanes as kernels.h says: lane i % 16 becomes f(i, lane); then the lanes
/// are added in halves.
template <class F>
float sum_in_lanes(std::size_t n, F&& f) {
  float lane[16] = {};
  for (std::size_t i = 0; i < n; ++i) lane[i % 16] = f(i, lane[i % 16]);
  return sum_of_lanes(lane);
}

/// Row times x: one fma an element, in order.
inline float dot_in_order(const std::vector<float>& w, const float* x) {
  float acc = 0;
  for (std::size_t k = 0; k < w.size(); ++k) acc = std::fma(w[k], x[k], acc);
  return acc;
}

/// Row times x for BF16, x being rounded already: pairs of columns to the 16 lanes in turn, both
/// filled up with zeros to a multiple of 32.
inline float dot_in_pairs(const std::vector<float>& w, const float* x) {
  float lane[16] = {};
  for (std::size_t pair = 0; 2 * pair < (w.size() + 31) / 32 * 32; ++pair) {
    for (std::size_t k = 2 * pair; k < 2 * pair + 2; ++k) {
      const bool inside = k < w.size();
      float& sum = lane[pair % 16];
      sum = std::fma(inside ? w[k] : 0.0f, inside ? x[k] : 0.0f, sum);
    }
  }
  return sum_of_lanes(lane);
}

/// Half the distance between 1 and the next float: the relative error of one rounding.
inline constexpr double kUnitRoundoff = 0x1p-24;
/// The absolute error of one rounding where results are denormal.
inline constexpr double kTinyRoundoff = 0x1p-150;

}  // namespace prumo::testing
