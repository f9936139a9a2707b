// Laws of the thread team: shares partition exactly, and a task of any number of steps runs once on
// every member, in step.
#include "base/threads.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

namespace prumo {
namespace {

RC_GTEST_PROP(ShareLaw, SharesPartitionExactlyAndEvenly, ()) {
  const auto n = *rc::gen::inRange<std::size_t>(0, 1000000);
  const auto count = *rc::gen::inRange<std::size_t>(1, ThreadTeam::kMaxThreads + 1);
  std::size_t next = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const Share share = share_of(n, i, count);
    RC_ASSERT(share.begin == next);
    RC_ASSERT(share.end - share.begin >= n / count);
    RC_ASSERT(share.end - share.begin <= (n + count - 1) / count);
    next = share.end;
  }
  RC_ASSERT(next == n);
}

// Any quota and period, as the system writes them.
RC_GTEST_PROP(QuotaLaw, WholeCoresAndAtLeastOne, ()) {
  const auto period = *rc::gen::inRange<std::size_t>(1000, 1000001);
  const auto quota = *rc::gen::inRange<std::size_t>(1000, 300 * period);
  const std::string text = std::to_string(quota) + " " + std::to_string(period) + "\n";
  RC_ASSERT(cores_of_quota(text) == std::max<std::size_t>(1, quota / period));
  RC_ASSERT(cores_of_quota("max " + std::to_string(period) + "\n") == SIZE_MAX);
}

// Tasks one after the other on one team, each with its own number of barriers. In every step each
// member writes its own cell and, after the barrier, reads another's.
RC_GTEST_PROP(ThreadTeamLaw, EveryMemberTakesEveryStepInStep, ()) {
  const auto size = *rc::gen::inRange<std::size_t>(1, 9);
  const auto tasks =
      *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, 20));
  auto team = ThreadTeam::create(size);
  RC_ASSERT(team.ok());
  RC_ASSERT((*team)->size() == size);
  std::vector<std::size_t> runs(size);
  std::vector<std::size_t> cell(size);
  std::atomic<std::size_t> wrong{0};
  std::size_t round = 0;
  for (const std::size_t steps : tasks) {
    ++round;
    (*team)->run([&](std::size_t me) {
      ++runs[me];
      for (std::size_t step = 1; step <= steps; ++step) {
        cell[me] = round * 1000 + step;
        (*team)->barrier();
        if (cell[(me + step) % size] != round * 1000 + step) ++wrong;
        (*team)->barrier();
      }
    });
    for (const std::size_t n : runs) RC_ASSERT(n == round);
  }
  RC_ASSERT(wrong.load() == 0u);
}

// Work dealt out by shares is done once, whoever does it.
RC_GTEST_PROP(ThreadTeamLaw, SharedWorkIsDoneOnce, ()) {
  const auto size = *rc::gen::inRange<std::size_t>(1, 9);
  const auto n = *rc::gen::inRange<std::size_t>(0, 500);
  auto team = ThreadTeam::create(size);
  RC_ASSERT(team.ok());
  std::vector<int> done(n);
  (*team)->run([&](std::size_t me) {
    const Share mine = share_of(n, me, size);
    for (std::size_t i = mine.begin; i < mine.end; ++i) ++done[i];
  });
  for (const int times : done) RC_ASSERT(times == 1);
}

}  // namespace
}  // namespace prumo
