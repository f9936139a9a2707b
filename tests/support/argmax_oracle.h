// What argmax must answer, from the clauses of its contract and not from its loop.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "kernels/kernels.h"
#include "support/floats.h"

namespace prumo::testing {

/// A float's place in the order -inf < ... < -0 = +0 < ... < +inf, by its bits alone, so that no
/// floating-point mode has a say. Not for NaN.
constexpr std::int64_t order_of(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  const std::int64_t magnitude = bits & 0x7FFFFFFFu;
  return bits >> 31 ? -magnitude : magnitude;
}

/// Two passes: the largest order among those that are not NaN, then the first that has it.
inline ArgmaxResult argmax_oracle(const float* x, std::size_t n) {
  bool any = false;
  bool has_nan = false;
  std::int64_t largest = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (is_nan(x[i])) {
      has_nan = true;
    } else {
      largest = any ? std::max(largest, order_of(x[i])) : order_of(x[i]);
      any = true;
    }
  }
  if (!any) return {npos, has_nan};
  std::size_t i = 0;
  while (is_nan(x[i]) || order_of(x[i]) != largest) ++i;
  return {i, has_nan};
}

/// By sorting: descending order, ascending index; the first is the answer.
inline ArgmaxResult argmax_by_sorting(const float* x, std::size_t n) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < n; ++i) {
    if (!is_nan(x[i])) places.push_back(i);
  }
  std::sort(places.begin(), places.end(), [x](std::size_t a, std::size_t b) {
    return order_of(x[a]) != order_of(x[b]) ? order_of(x[a]) > order_of(x[b]) : a < b;
  });
  return {places.empty() ? npos : places.front(), places.size() != n};
}

}  // namespace prumo::testing
