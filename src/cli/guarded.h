// Memory that ends where the program may not go, so that a kernel that reads or writes one element
// too many is stopped there.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace prumo::cli {

/// `bytes` of memory whose end is the end of a page before one that must not be touched; at a
/// multiple of 64 when `bytes` is one. Throws std::bad_alloc.
void* allocate_guarded(std::size_t bytes);
void free_guarded(void* at, std::size_t bytes) noexcept;

/// An allocator of it.
template <class T>
struct Guarded {
  using value_type = T;
  Guarded() = default;
  template <class U>
  Guarded(const Guarded<U>&) noexcept {}
  T* allocate(std::size_t n) { return static_cast<T*>(allocate_guarded(n * sizeof(T))); }
  void deallocate(T* at, std::size_t n) noexcept { free_guarded(at, n * sizeof(T)); }
  bool operator==(const Guarded&) const = default;
};
template <class T>
using GuardedVector = std::vector<T, Guarded<T>>;

/// From here on touching a guard prints "prumo: KERNEL: ISA TEXT" and ends the program with code 1,
/// with what `guard_says` last named: all three must live on.
void watch_guards();
void guard_says(const char* kernel, const std::string* text);
void guard_says_isa(const char* isa);

}  // namespace prumo::cli
