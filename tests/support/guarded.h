// Memory with a page that may not be touched right before it and right after it.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cassert>
#include <cstddef>
#include <cstring>
#include <new>

namespace prumo::testing {

/// A buffer of n elements whose end (kRight) or beginning (kLeft) touches a PROT_NONE page, so that
/// reading or writing one byte past that side faults.
template <class T>
class Guarded {
 public:
  enum class Side { kLeft, kRight };

  Guarded(std::size_t n, Side side) : n_(n) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t body = (n * sizeof(T) + page - 1) / page * page + page;
    mapped_ = body + 2 * page;
    void* at = ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) throw std::bad_alloc();
    base_ = static_cast<std::byte*>(at);
    ::mprotect(base_, page, PROT_NONE);
    ::mprotect(base_ + page + body, page, PROT_NONE);
    std::byte* first = side == Side::kLeft ? base_ + page : base_ + page + body - n * sizeof(T);
    data_ = reinterpret_cast<T*>(first);
  }
  Guarded(const T* from, std::size_t n, Side side) : Guarded(n, side) {
    if (n != 0) std::memcpy(data_, from, n * sizeof(T));
  }
  ~Guarded() { ::munmap(base_, mapped_); }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  T* data() { return data_; }
  const T* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return n_; }
  T& operator[](std::size_t i) { return data_[i]; }

 private:
  std::size_t n_;
  std::size_t mapped_ = 0;
  std::byte* base_ = nullptr;
  T* data_ = nullptr;
};

}  // namespace prumo::testing
