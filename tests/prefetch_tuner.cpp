// The choice of a prefetch distance: by the fastest step, once.
#include "model/prefetch_tuner.h"

#include <gtest/gtest.h>

#include <limits>

namespace prumo {
namespace {

// Steps with distance i take times[i], but the first of each, which takes far less and least where
// the others take most.
PrefetchTuner tuned(const std::array<double, 4>& times) {
  PrefetchTuner tuner;
  for (std::size_t i = 0; i < times.size(); ++i) {
    for (std::size_t step = 0; step < PrefetchTuner::kSteps; ++step) {
      EXPECT_FALSE(tuner.settled());
      EXPECT_EQ(tuner.distance(), PrefetchTuner::kDistances[i]);
      tuner.record(step == 0 ? 1e-3 / (1 + times[i]) : times[i]);
    }
  }
  return tuner;
}

TEST(PrefetchTuner, TheFastestStays) {
  EXPECT_EQ(tuned({3, 2, 4, 5}).distance(), PrefetchTuner::kDistances[1]);
  EXPECT_EQ(tuned({3, 5, 2, 4}).distance(), PrefetchTuner::kDistances[2]);
  EXPECT_EQ(tuned({1, 1, 1, 1}).distance(), PrefetchTuner::kDistances[0]);
}

TEST(PrefetchTuner, OnceSettledItStays) {
  PrefetchTuner tuner = tuned({3, 2, 4, 5});
  EXPECT_TRUE(tuner.settled());
  tuner.record(0);
  EXPECT_EQ(tuner.distance(), PrefetchTuner::kDistances[1]);
}

TEST(PrefetchTuner, AClockThatSaysNothingChoosesTheFirst) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(tuned({nan, nan, nan, nan}).distance(), PrefetchTuner::kDistances[0]);
}

}  // namespace
}  // namespace prumo
