// The team: every member once, barriers that hold, more members than cores, shares that cover.
#include "base/threads.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "support/sanitized.h"

namespace prumo {
namespace {

TEST(ShareOf, CoversEverythingOnceAndEvenly) {
  for (std::size_t n = 0; n < 70; ++n) {
    for (std::size_t count = 1; count < 20; ++count) {
      std::size_t next = 0;
      for (std::size_t i = 0; i < count; ++i) {
        const Share share = share_of(n, i, count);
        ASSERT_EQ(share.begin, next);
        ASSERT_GE(share.end - share.begin, n / count);
        ASSERT_LE(share.end - share.begin, n / count + 1);
        next = share.end;
      }
      ASSERT_EQ(next, n);
    }
  }
}

TEST(CoresOfQuota, AreWholeOnesAndAtLeastOne) {
  EXPECT_EQ(cores_of_quota("200000 100000\n"), 2u);
  EXPECT_EQ(cores_of_quota("100000 100000\n"), 1u);
  EXPECT_EQ(cores_of_quota("350000 100000\n"), 3u);
  EXPECT_EQ(cores_of_quota("10000 100000\n"), 1u) << "a tenth of a core still runs";
  EXPECT_EQ(cores_of_quota("1600000 50000\n"), 32u);
  EXPECT_EQ(cores_of_quota("max 100000\n"), SIZE_MAX);
  EXPECT_EQ(cores_of_quota(""), SIZE_MAX);
}

TEST(ThreadTeam, RunsEveryMemberOnceAndReturnsWhenAllHave) {
  for (const std::size_t size : {1u, 2u, 3u, 8u, 33u}) {
    auto team = ThreadTeam::create(size);
    ASSERT_TRUE(team.ok());
    ASSERT_EQ((*team)->size(), size);
    std::vector<int> calls(size);
    for (int round = 1; round <= 200; ++round) {
      (*team)->run([&](std::size_t index) { ++calls[index]; });
      for (const int n : calls) ASSERT_EQ(n, round);
    }
  }
}

TEST(ThreadTeam, WhatWasWrittenBeforeABarrierIsSeenAfterIt) {
  for (const std::size_t size : {2u, 5u}) {
    auto team = ThreadTeam::create(size);
    ASSERT_TRUE(team.ok());
    std::vector<std::size_t> cell(size);
    std::atomic<int> wrong{0};
    (*team)->run([&](std::size_t index) {
      for (std::size_t step = 1; step <= 500; ++step) {
        cell[index] = step * (index + 1);
        (*team)->barrier();
        const std::size_t other = (index + 1) % size;
        if (cell[other] != step * (other + 1)) ++wrong;
        (*team)->barrier();
      }
    });
    EXPECT_EQ(wrong.load(), 0);
  }
}

TEST(ThreadTeam, SleepsBetweenTasksAndWakes) {
  auto team = ThreadTeam::create(3);
  ASSERT_TRUE(team.ok());
  std::atomic<int> calls{0};
  for (int i = 0; i < 5; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(3));  // longer than members spin
    (*team)->run([&](std::size_t) { ++calls; });
  }
  EXPECT_EQ(calls.load(), 15);
}

// A signal whose handler does not ask for the call to go on ends a sleep in the kernel, and must
// not end the wait.
TEST(ThreadTeam, ASignalOpensNoBarrierAndBeginsNoTask) {
  struct sigaction noticed {};  // for good: a signal may arrive late
  noticed.sa_handler = [](int) {};
  ASSERT_EQ(::sigaction(SIGUSR1, &noticed, nullptr), 0);
  auto team = ThreadTeam::create(3);
  ASSERT_TRUE(team.ok());
  std::vector<pthread_t> threads(3);
  const auto wake_all = [&] {
    for (int i = 0; i < 5; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(3));  // longer than members spin
      for (std::size_t member = 1; member < 3; ++member) ::pthread_kill(threads[member], SIGUSR1);
    }
  };
  std::atomic<bool> open{false};
  std::atomic<int> early{0};
  std::atomic<int> calls{0};
  (*team)->run([&](std::size_t index) {
    ++calls;
    threads[index] = ::pthread_self();
    (*team)->barrier();
    if (index == 0) {
      wake_all();
      open = true;
    }
    (*team)->barrier();
    if (!open) ++early;
  });
  EXPECT_EQ(early.load(), 0);
  wake_all();
  EXPECT_EQ(calls.load(), 3);
}

#if !defined(PRUMO_TEST_SANITIZED)
// Little room for stacks stands in for a system that allows few threads. (Sanitizers need the
// room.)
TEST(ThreadTeam, SaysWhenTheSystemStartsTooFew) {
  const auto threads = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
  };
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_AS, &before), 0);
  struct rlimit low = before;
  low.rlim_cur = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) + (64u << 20);
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &low), 0);
  const auto team = ThreadTeam::create(ThreadTeam::kMaxThreads);
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &before), 0);
  ASSERT_FALSE(team.ok());
  EXPECT_EQ(team.error().code, ErrorCode::kOutOfMemory);
  EXPECT_EQ(team.error().place, "threads");
  EXPECT_EQ(threads(), 1) << "those that did start are gone";
  const auto small = ThreadTeam::create(3);
  ASSERT_TRUE(small.ok());
  std::atomic<int> calls{0};
  (*small)->run([&](std::size_t) { ++calls; });
  EXPECT_EQ(calls.load(), 3);
}
#endif

// The hardware threads of a core count once, and only those that this process may run on.
TEST(UsableCores, AreTheCoresThatThisProcessMayRunOn) {
  cpu_set_t all;
  CPU_ZERO(&all);
  ASSERT_EQ(sched_getaffinity(0, sizeof all, &all), 0);
  std::set<std::string> cores;
  int some = -1;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &all)) continue;
    some = cpu;
    std::string siblings = std::to_string(cpu);
    std::ifstream("/sys/devices/system/cpu/cpu" + siblings + "/topology/thread_siblings_list") >>
        siblings;
    cores.insert(siblings);
  }
  EXPECT_LE(usable_cores(), cores.size());
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(some, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(usable_cores(), 1u);
  ASSERT_EQ(sched_setaffinity(0, sizeof all, &all), 0);
}

TEST(UsableCores, IsAtLeastOneAndNoMoreThanTheMachineHas) {
  EXPECT_GE(usable_cores(), 1u);
  EXPECT_LE(usable_cores(), std::max(1u, std::thread::hardware_concurrency()));
}

}  // namespace
}  // namespace prumo
