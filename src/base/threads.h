// A persistent team of threads that works in step: one task at a time on every member, with
// barriers inside.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"

namespace prumo {

/// Physical cores that this process may run on: its CPU affinity, one a core, bounded by its
/// control group's quota. At least 1.
std::size_t usable_cores();

/// Whole cores that a control group's cpu.max grants, at least 1: "200000 100000" is 2. SIZE_MAX
/// for "max 100000", which is no limit, and where there is none.
std::size_t cores_of_quota(const std::string& cpu_max);

/// The part of n items that member `index` of `count` takes: [begin, end), contiguous, sizes
/// differing by one at most.
struct Share {
  std::size_t begin;
  std::size_t end;
};
constexpr Share share_of(std::size_t n, std::size_t index, std::size_t count) {
  return {n * index / count, n * (index + 1) / count};
}

/// Who waits spins briefly, then sleeps in the kernel, so that a team larger than the machine still
/// moves. Used by one caller at a time. Neither movable nor copyable.
class ThreadTeam {
 public:
  static constexpr std::size_t kMaxThreads = 256;

  /// `threads` members, 1 .. kMaxThreads; the caller of run() is member 0, so threads - 1 are
  /// started. kOutOfMemory when the system will not start them.
  static Result<std::unique_ptr<ThreadTeam>> create(std::size_t threads);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  [[nodiscard]] std::size_t size() const { return workers_.size() + 1; }

  /// Calls task(index) once on every member and returns when all have. The task must not throw.
  /// Allocates nothing.
  template <class Task>
  void run(Task&& task) {
    using Callable = std::remove_reference_t<Task>;
    start({[](void* context, std::size_t index) { (*static_cast<Callable*>(context))(index); },
           const_cast<void*>(static_cast<const void*>(&task))});
  }

  /// Inside run(): returns once every member has called it as often. What was written before it is
  /// seen after it.
  void barrier();

 private:
  struct Job {
    void (*call)(void*, std::size_t) = nullptr;
    void* context = nullptr;
  };
  // A number that only grows; waiting for it to leave a value spins, then sleeps.
  class Epoch {
   public:
    [[nodiscard]] std::uint32_t now() const { return value_.load(std::memory_order_acquire); }
    void advance();
    void wait_past(std::uint32_t seen, unsigned spins) const;

   private:
    alignas(64) std::atomic<std::uint32_t> value_{0};
    mutable std::atomic<std::uint32_t> sleepers_{0};
  };

  explicit ThreadTeam(std::size_t threads);
  void start(Job job);
  void work(std::size_t index);

  std::vector<std::thread> workers_;
  std::size_t members_;
  unsigned spins_;
  Job job_;
  std::atomic<bool> stop_{false};
  Epoch begun_;
  Epoch passed_;
  alignas(64) std::atomic<std::uint32_t> arrived_{0};
};

}  // namespace prumo
