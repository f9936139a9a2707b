// The choice of a prefetch distance: by the fastest step, once.
#include "model/prefetch_tuner.h"

#include <gtest/gtest.h>

#include <limits>

namespace prumo {
namespace {

constexpr auto& kDistances = PrefetchTuner::kDistances;
using Times = std::array<double, kDistances.size()>;

// Steps with distance i take times[i], but the first of each, which takes far less and least where
// the others take most. The usual distance is tried first, then those behind it, then those before.
PrefetchTuner tuned(const Times& times, std::size_t usual) {
  PrefetchTuner tuner(kDistances[usual]);
  for (std::size_t i = usual; i < usual + times.size(); ++i) {
    for (std::size_t step = 0; step < PrefetchTuner::kSteps; ++step) {
      const std::size_t now = i % times.size();
      EXPECT_FALSE(tuner.settled());
      EXPECT_EQ(tuner.distance(), kDistances[now]);
      tuner.record(step == 0 ? 1e-3 / (1 + times[now]) : times[now]);
    }
  }
  return tuner;
}

TEST(PrefetchTuner, TheFastestStays) {
  for (std::size_t usual = 0; usual < kDistances.size(); ++usual) {
    for (std::size_t fastest = 0; fastest < kDistances.size(); ++fastest) {
      Times times;
      for (std::size_t i = 0; i < times.size(); ++i) times[i] = 3.0 + static_cast<double>(i);
      times[fastest] = 2;
      EXPECT_EQ(tuned(times, usual).distance(), kDistances[fastest]);
    }
  }
}

TEST(PrefetchTuner, OfEqualsTheUsualStays) {
  EXPECT_EQ(tuned({1, 1, 1, 1, 1, 1}, 0).distance(), kDistances[0]);
  EXPECT_EQ(tuned({1, 1, 1, 1, 1, 1}, 4).distance(), kDistances[4]);
}

TEST(PrefetchTuner, OnceSettledItStays) {
  PrefetchTuner tuner = tuned({3, 2, 4, 5, 6, 7}, 0);
  EXPECT_TRUE(tuner.settled());
  tuner.record(0);
  EXPECT_EQ(tuner.distance(), kDistances[1]);
}

TEST(PrefetchTuner, AClockThatSaysNothingChoosesTheUsual) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(tuned({nan, nan, nan, nan, nan, nan}, 1).distance(), kDistances[1]);
}

TEST(PrefetchTuner, ADistanceThatItDoesNotKnowCountsAsTheFirst) {
  EXPECT_EQ(PrefetchTuner({1, 2, 3}).distance(), kDistances[0]);
}

TEST(PrefetchTuner, KnowsWhatIsUsualHere) {
  EXPECT_EQ(PrefetchTuner(usual_prefetch()).distance(), usual_prefetch());
}

}  // namespace
}  // namespace prumo
