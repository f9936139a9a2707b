// Replaces the program's operator new by one that counts, to prove that a call allocates nothing,
// or to bound what it may. Include it in one source file of a program only.
#pragma once

#include <malloc.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace prumo::testing {

inline std::atomic<std::size_t> allocations{0};  ///< calls of operator new so far, every thread's
inline std::atomic<std::size_t> live_bytes{0};
inline std::atomic<std::size_t> peak_bytes{0};

inline std::atomic<std::size_t> until_failure{0};
/// The n-th call of operator new from now on throws; 0: none does.
inline void fail_allocation(std::size_t n) {
  until_failure.store(n);
}
inline bool fails_now() {
  return until_failure.load() != 0 && until_failure.fetch_sub(1) == 1;
}

/// Calls of operator new since it was made.
class CountedAllocations {
 public:
  [[nodiscard]] std::size_t count() const { return allocations.load() - before_; }

 private:
  std::size_t before_ = allocations.load();
};

/// The most that was allocated at once, beyond what was live when it was made.
class PeakMemory {
 public:
  PeakMemory() : before_(live_bytes.load()) { peak_bytes.store(before_); }
  [[nodiscard]] std::size_t bytes() const { return peak_bytes.load() - before_; }

 private:
  std::size_t before_;
};

inline void* counted(void* p) {
  if (p == nullptr) throw std::bad_alloc();
  allocations.fetch_add(1);
  const std::size_t now = live_bytes.fetch_add(::malloc_usable_size(p)) + ::malloc_usable_size(p);
  std::size_t peak = peak_bytes.load();
  while (now > peak && !peak_bytes.compare_exchange_weak(peak, now)) {
  }
  return p;
}

// Out of line, or g++ takes the free() in an inlined delete for a mismatch with new.
[[gnu::noinline]] inline void uncounted(void* p) {
  if (p != nullptr) live_bytes.fetch_sub(::malloc_usable_size(p));
  std::free(p);
}

}  // namespace prumo::testing

// Sanitizers still see every block, as malloc and free are theirs. What no machine has is refused
// here, since they would end the program over it.
void* operator new(std::size_t n) {
  if (n >> 40 != 0 || prumo::testing::fails_now()) throw std::bad_alloc();
  return prumo::testing::counted(std::malloc(n == 0 ? 1 : n));
}
void* operator new[](std::size_t n) {
  return operator new(n);
}
void* operator new(std::size_t n, std::align_val_t align) {
  if (prumo::testing::fails_now()) throw std::bad_alloc();
  const auto a = static_cast<std::size_t>(align);
  return prumo::testing::counted(std::aligned_alloc(a, (n + a - 1) / a * a));
}
void* operator new[](std::size_t n, std::align_val_t align) {
  return operator new(n, align);
}
void* operator new(std::size_t n, const std::nothrow_t&) noexcept {
  try {
    return operator new(n);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void* operator new[](std::size_t n, const std::nothrow_t& tag) noexcept {
  return operator new(n, tag);
}
void operator delete(void* p) noexcept {
  prumo::testing::uncounted(p);
}
void operator delete[](void* p) noexcept {
  prumo::testing::uncounted(p);
}
void operator delete(void* p, std::size_t) noexcept {
  prumo::testing::uncounted(p);
}
void operator delete[](void* p, std::size_t) noexcept {
  prumo::testing::uncounted(p);
}
void operator delete(void* p, const std::nothrow_t&) noexcept {
  prumo::testing::uncounted(p);
}
void operator delete[](void* p, const std::nothrow_t&) noexcept {
  prumo::testing::uncounted(p);
}
void operator delete(void* p, std::align_val_t) noexcept {
  prumo::testing::uncounted(p);
}
void operator delete[](void* p, std::align_val_t) noexcept {
  prumo::testing::uncounted(p);
}
void operator delete(void* p, std::size_t, std::align_val_t) noexcept {
  prumo::testing::uncounted(p);
}
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept {
  prumo::testing::uncounted(p);
}
