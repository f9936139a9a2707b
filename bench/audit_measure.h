// What a figure of the audit is: a median with its spread, from rounds in which all contenders take
// their turn.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <vector>

namespace prumo::bench {

/// Median and median distance from it.
struct Figure {
  double median = 0;
  double mad = 0;
};

inline double median_of(std::vector<double> x) {
  if (x.empty()) return 0;
  const auto middle = x.begin() + static_cast<std::ptrdiff_t>(x.size() / 2);
  std::nth_element(x.begin(), middle, x.end());
  if (x.size() % 2 != 0) return *middle;
  return (*middle + *std::max_element(x.begin(), middle)) / 2;
}

inline Figure figure_of(const std::vector<double>& samples) {
  Figure figure{median_of(samples), 0};
  std::vector<double> distances;
  distances.reserve(samples.size());
  for (double x : samples) distances.push_back(std::abs(x - figure.median));
  figure.mad = median_of(distances);
  return figure;
}

inline double now_ns() {
  return std::chrono::duration<double, std::nano>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// Nanoseconds of one of `calls` calls.
template <class Call>
double ns_per_call(std::size_t calls, Call&& call) {
  const double start = now_ns();
  for (std::size_t i = 0; i < calls; ++i) call();
  return (now_ns() - start) / static_cast<double>(calls);
}

}  // namespace prumo::bench
