// How far ahead of itself decoding asks memory for weights.
#pragma once

#include <array>
#include <cstddef>
#include <limits>

#include "kernels/kernels.h"

namespace prumo {

/// The best distance is the machine's affair: how its prefetchers take to being led, and whether
/// the weights outlive a token in the last cache. So the first steps try each for a while, and the
/// one with the fastest step stays. What is computed does not depend on it.
class PrefetchTuner {
 public:
  static constexpr std::array<Prefetch, 4> kDistances = {
      {kPrefetch, {2048, 0}, {1280, 0}, {4096, 0}}};
  /// Steps with one distance; the first finds the caches as the distance before left them.
  static constexpr std::size_t kSteps = 5;

  /// For the next step.
  [[nodiscard]] Prefetch distance() const { return kDistances[settled() ? best_ : trying()]; }
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
  [[nodiscard]] std::size_t trying() const { return steps_ / kSteps; }

  std::size_t steps_ = 0;
  std::size_t best_ = 0;
  double least_ = std::numeric_limits<double>::infinity();
};

}  // namespace prumo
