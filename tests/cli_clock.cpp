// The command by a clock of the test's own: how long it goes on.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/clock.h"
#include "support/command_here.h"

namespace prumo {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

// Each look takes a step.
struct Clock {
  std::uint64_t now = 0;
  std::uint64_t step = 1;
};
Clock this_clock;

}  // namespace

std::uint64_t now_ns() {
  return this_clock.now += this_clock.step;
}

namespace testing {
namespace {

using Words = std::vector<std::string>;

// From the first look at the clock to the last.
double seconds_of(const Words& words) {
  this_clock = {.step = kSecond / 100};
  const Ended ended = run_here(words);
  EXPECT_EQ(ended.code, 0) << ended.err;
  return static_cast<double>(this_clock.now) / static_cast<double>(kSecond);
}

// And no longer than 16 inputs more, which every kernel gets however late it is.
TEST(VerifyClock, RunsForTheSecondsThatItIsGiven) {
  const Words verify = {"verify", "--kernel", "add"};
  for (const auto& [text, seconds] :
       {std::pair("0", 0.0), {"0.5", 0.5}, {"3", 3.0}, {"20", 20.0}}) {
    const double took = seconds_of(with(verify, {"--seconds", text}));
    EXPECT_GE(took, seconds);
    EXPECT_LE(took, seconds + 0.25) << text;
  }
  const double took = seconds_of(verify);
  EXPECT_GE(took, 10) << "as --help says";
  EXPECT_LE(took, 10.25);
}

}  // namespace
}  // namespace testing
}  // namespace prumo
