// How far ahead of itself decoding asks memory for weights.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>

#include "kernels/kernels.h"

namespace prumo {

/// The best distance is the machine's affair: how its prefetchers take to being led, whether its
/// pages are huge, and whether the weights outlive a token in the last cache. So the first steps
/// try each for a while, the usual one first, and the one with the fastest step stays. What is
/// computed does not depend on it.
class PrefetchTuner {
 public:
  static constexpr std::array<Prefetch, 6> kDistances = {
      {{8192, 0, 0}, {2048, 8192, 0}, {8192, 0, 12288}, {0, 0, 4096}, {4096, 0, 0}, {1280, 0, 0}}};
  /// Steps with one distance; the first finds the caches as the distance before left them.
  static constexpr std::size_t kSteps = 5;

  explicit PrefetchTuner(const Prefetch& usual)
      : first_(static_cast<std::size_t>(std::ranges::find(kDistances, usual) - kDistances.begin()) %
               kDistances.size()),
        best_(first_) {}

  /// For the next step.
  [[nodiscard]] const Prefetch& distance() const {
    return kDistances[settled() ? best_ : trying()];
  }
  [[nodiscard]] bool settled() const { return steps_ == kDistances.size() * kSteps; }

  /// What a step with distance() took, in any unit. Once it is settled, nothing.
  void record(double time) {
    if (settled()) return;
    if (steps_ % kSteps != 0 && time < least_) {
      least_ = time;
      best_ = trying();
    }
    ++steps_;
  }

 private:
  [[nodiscard]] std::size_t trying() const {
    return (first_ + steps_ / kSteps) % kDistances.size();
  }

  std::size_t first_;  // a distance that it does not know counts as the first of all
  std::size_t best_;
  std::size_t steps_ = 0;
  double least_ = std::numeric_limits<double>::infinity();
};

}  // namespace prumo
