#include "base/threads.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <system_error>

#include "base/system_file.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace prumo {
namespace {

// About 50 microseconds on a core whose pause is long: longer than members of a step drift apart,
// shorter than a person notices.
constexpr unsigned kSpins = 1500;

void relax() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

// The kernel's own wait: sleeps while `value` is `seen`, or less long. std::atomic::wait would do,
// but GCC 12's gives its turn away a few times before it sleeps, and where more threads want to run
// than there are cores each of those turns is somebody's whole time slice.
void sleep_while(const std::atomic<std::uint32_t>& value, std::uint32_t seen) {
  static_assert(sizeof value == sizeof seen && std::atomic<std::uint32_t>::is_always_lock_free);
  ::syscall(SYS_futex, &value, FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0);
}

void wake_all(const std::atomic<std::uint32_t>& value) {
  ::syscall(SYS_futex, &value, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

// CPUs of one core name the same siblings.
std::string core_of(int cpu) {
  const std::string name = "cpu" + std::to_string(cpu);
  const std::string siblings =
      system_file(("/sys/devices/system/cpu/" + name + "/topology/thread_siblings_list").c_str());
  return siblings.empty() ? name : siblings;
}

}  // namespace

std::size_t cores_of_quota(const std::string& cpu_max) {
  char* end = nullptr;
  const double quota = std::strtod(cpu_max.c_str(), &end);
  const double period = std::strtod(end, nullptr);
  if (end == cpu_max.c_str() || period <= 0) return SIZE_MAX;
  return quota < period ? 1 : static_cast<std::size_t>(quota / period);
}

std::size_t usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  std::set<std::string> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cores.insert(core_of(cpu));
  }
  const std::size_t quota = cores_of_quota(system_file("/sys/fs/cgroup/cpu.max"));
  return std::clamp<std::size_t>(std::min(cores.size(), quota), 1, ThreadTeam::kMaxThreads);
}

// Either the sleeper's count is seen here, or the kernel sees the new value there and does not put
// it to sleep: the four accesses are sequentially consistent.
void ThreadTeam::Epoch::advance() {
  value_.fetch_add(1, std::memory_order_seq_cst);
  if (sleepers_.load(std::memory_order_seq_cst) != 0) wake_all(value_);
}

void ThreadTeam::Epoch::wait_past(std::uint32_t seen, unsigned spins) const {
  for (unsigned i = 0; i < spins; ++i) {
    if (now() != seen) return;
    relax();
  }
  if (now() != seen) return;
  sleepers_.fetch_add(1, std::memory_order_seq_cst);
  while (value_.load(std::memory_order_seq_cst) == seen) sleep_while(value_, seen);
  sleepers_.fetch_sub(1, std::memory_order_relaxed);
}

// One alone waits for nobody, and counting the cores takes longer than starting it.
ThreadTeam::ThreadTeam(std::size_t threads)
    : members_(threads), spins_(threads > 1 && threads <= usable_cores() ? kSpins : 0) {}

Result<std::unique_ptr<ThreadTeam>> ThreadTeam::create(std::size_t threads) {
  assert(threads >= 1 && threads <= kMaxThreads);
  std::unique_ptr<ThreadTeam> team(new ThreadTeam(threads));
  team->workers_.reserve(threads - 1);
  try {
    for (std::size_t i = 1; i < threads; ++i) {
      team->workers_.emplace_back([t = team.get(), i] { t->work(i); });
    }
  } catch (const std::system_error& error) {
    return Error{ErrorCode::kOutOfMemory, "threads",
                 "The system started only " + std::to_string(team->size()) + " of " +
                     std::to_string(threads) + " threads (" + error.what() + "); ask for fewer."};
  }
  return team;
}

ThreadTeam::~ThreadTeam() {
  stop_.store(true, std::memory_order_relaxed);
  begun_.advance();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadTeam::start(Job job) {
  if (members_ == 1) {
    job.call(job.context, 0);
    return;
  }
  job_ = job;
  begun_.advance();
  job.call(job.context, 0);
  barrier();
}

void ThreadTeam::work(std::size_t index) {
  std::uint32_t seen = 0;
  for (;;) {
    begun_.wait_past(seen, spins_);
    ++seen;
    if (stop_.load(std::memory_order_relaxed)) return;
    job_.call(job_.context, index);
    barrier();
  }
}

void ThreadTeam::barrier() {
  if (members_ == 1) return;
  const std::uint32_t seen = passed_.now();
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == members_) {
    arrived_.store(0, std::memory_order_relaxed);
    passed_.advance();
  } else {
    passed_.wait_past(seen, spins_);
  }
}

}  // namespace prumo
