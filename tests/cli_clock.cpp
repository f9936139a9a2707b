// The command by a clock of the test's own: how long it goes on, when Ctrl-C ends it, and that
// nothing is made for a reader who has left.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/clock.h"
#include "generate/scoring.h"
#include "support/command_here.h"

namespace prumo {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

// Each look takes a step, and may do something else.
struct Clock {
  std::uint64_t now = 0;
  std::uint64_t step = 1;
  std::uint64_t looks = 0;
  std::function<void(std::uint64_t)> at_look = {};  // gets the number of the look, from 1 on
};
Clock fake;

}  // namespace

std::uint64_t now_ns() {
  if (++fake.looks; fake.at_look) fake.at_look(fake.looks);
  return fake.now += fake.step;
}

namespace testing {
namespace {

using Words = std::vector<std::string>;

const Words kGenerate = {"generate", "-p", "In the beginning", "-n", "60", "-t", "1"};

// From the first look at the clock to the last.
double seconds_of(const Words& words) {
  fake = {.step = kSecond / 100};
  const Ended ended = run_here(words);
  EXPECT_EQ(ended.code, 0) << ended.err;
  return static_cast<double>(fake.now) / static_cast<double>(kSecond);
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

// The file descriptor of a pipe that nobody reads.
int pipe_without_reader() {
  int ends[2];
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ::close(ends[0]);
  return ends[1];
}

// Every token looks at the clock: few looks are few tokens.
TEST(GenerateClock, EndsWhenNobodyTakesTheText) {
  std::signal(SIGPIPE, SIG_IGN);
  fake = {};
  EXPECT_EQ(run_here(kGenerate).code, 0);
  const std::uint64_t all = fake.looks;
  ASSERT_GT(all, 60u);
  for (const int file : {pipe_without_reader(), ::open("/dev/full", O_WRONLY | O_CLOEXEC)}) {
    fake = {};
    const Ended ended = run_here(kGenerate, file);
    EXPECT_EQ(ended.code, 1);
    EXPECT_NE(ended.err.find("standard output"), std::string::npos) << ended.err;
    EXPECT_LT(fake.looks, all / 4);
    ::close(file);
  }
}

// Every token that went through the model counts, those that two windows share twice.
TEST(PerplexityClock, SpeedIsOfTheTokensThatWentThroughTheModel) {
  const std::string text = put("text.txt", std::string(1500, 'a'));
  fake = {.step = kSecond};  // a window: it is looked at before and after each
  const Ended ended = run_here({"perplexity", "-f", text, "-c", "64", "-t", "1", "--json"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  const auto json = nlohmann::json::parse(ended.out);
  double inputs = 0;
  for (const Window& window : windows(json["tokens"].get<std::size_t>(), 64, true)) {
    inputs += static_cast<double>(window.inputs);
  }
  const auto seconds = json["windows"].get<double>();
  EXPECT_GT(seconds, 2);
  EXPECT_NEAR(json["tok_s"].get<double>() * seconds, inputs, 1e-6);
}

// Whatever it is about to do; what it has made so far is printed.
TEST(Interrupt, EndsEveryVerbThatTakesLongWithItsCode) {
  const std::string text = put("text.txt", std::string(2000, 'a'));
  const Words verbs[] = {kGenerate,
                         with(kGenerate, {"--json"}),
                         {"perplexity", "-f", text, "-c", "64", "-t", "1"},
                         {"bench", "-p", "8", "-n", "8", "-d", "0", "-r", "2", "-t", "1"},
                         {"verify", "--seconds", "1000000"}};
  for (const Words& words : verbs) {
    for (const std::uint64_t when : {1u, 2u, 5u, 9u}) {
      SCOPED_TRACE(words.front() + " at look " + std::to_string(when));
      fake = {.at_look = [when](std::uint64_t look) {
        if (look == when) std::raise(SIGINT);
      }};
      const Ended ended = run_here(words);
      EXPECT_EQ(ended.code, 130) << ended.err;
      EXPECT_GE(fake.looks, when);
      if (words.back() != "--json") continue;
      EXPECT_EQ(nlohmann::json::parse(ended.out)["finish"], "cancelled");
    }
  }
}

// Also while the model is loaded, before a prompt is waited for that nobody writes.
TEST(Interrupt, ComesBeforeThePromptIsWaitedFor) {
  const std::string pipe = (folder() / "prompt").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const int kept_open = ::open(pipe.c_str(), O_RDWR | O_CLOEXEC);
  fake = {.at_look = [](std::uint64_t look) {
    if (look == 1) std::raise(SIGINT);
  }};
  expect_failure(run_here({"generate", "-f", pipe, "-n", "3", "-t", "1"}), 130, pipe);
  ::close(kept_open);
}

// Nobody has to wait for a program that does not notice.
TEST(InterruptDeathTest, TheSecondEndsItAtOnce) {
  fake = {.at_look = [](std::uint64_t look) {
    if (look <= 2) std::raise(SIGINT);
  }};
  EXPECT_EXIT(run_here(kGenerate), ::testing::KilledBySignal(SIGINT), "");
}

}  // namespace
}  // namespace testing
}  // namespace prumo
