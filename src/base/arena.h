// A bump allocator over one fixed block: memory that is planned before the work begins, taken in
// order, and given back all at once or down to a mark.
#pragma once

#include <cstddef>
#include <limits>
#include <new>
#include <span>
#include <type_traits>

#include "base/result.h"

namespace prumo {

/// Serves from a block that it owns (create) or was given (over). Never grows, never throws; not
/// for two threads at once. What it serves is not initialised and is never destroyed.
///
/// Under AddressSanitizer every byte of the block that is not in a live allocation is poisoned, a
/// payload begins on a multiple of 8, and at least 16 poisoned bytes stand between two payloads.
/// Before the block goes back to its owner all of it is unpoisoned.
class Arena {
 public:
  /// A place in the arena's history. It stays good until the arena is rewound to an earlier mark
  /// or reset.
  class Mark {
    friend class Arena;
    explicit Mark(std::byte* top) : top_(top) {}
    std::byte* top_;
  };

  /// An arena that owns `capacity` bytes of zeroed memory, on a page; from 2 MiB on a huge page,
  /// and the system is asked for huge pages. kOutOfMemory when it has not that much. Capacity 0 is
  /// allowed: such an arena refuses everything.
  static Result<Arena> create(std::size_t capacity);

  /// An arena over the caller's block, which must outlive it and belongs to it until then.
  static Arena over(std::span<std::byte> block) { return {block, nullptr, 0}; }

  ~Arena();
  Arena(Arena&& other) noexcept;  ///< leaves an arena of capacity 0
  Arena& operator=(Arena&& other) noexcept;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// `size` bytes whose address is a multiple of `align`, or nullptr, and then nothing has
  /// changed: when they do not fit, when any sum would overflow, or when `align` is no power of two
  /// (0 is none; alignments come from files, so that is no misuse). Size 0 takes a byte, so that
  /// its pointer is its own, and that byte may not be used.
  [[nodiscard]] void* allocate(std::size_t size, std::size_t align);

  /// n elements of T, uninitialised, or nullptr as above.
  template <class T>
  [[nodiscard]] T* allocate_array(std::size_t n, std::size_t align = alignof(T)) {
    static_assert(
        std::is_trivially_default_constructible_v<T> && std::is_trivially_destructible_v<T>,
        "an arena neither constructs nor destroys");
    if (n > std::numeric_limits<std::size_t>::max() / sizeof(T)) return nullptr;
    return static_cast<T*>(allocate(n * sizeof(T), align < alignof(T) ? 0 : align));
  }

  /// The present place, to rewind to.
  [[nodiscard]] Mark mark() const { return Mark(begin_ + used_); }

  /// Gives back everything allocated since `mark`. A mark that is no longer good, or another
  /// arena's, is misuse: an assertion catches one that lies outside what is in use.
  void rewind(Mark mark);

  /// Gives back everything. peak() stays.
  void reset() { rewind(Mark(begin_)); }

  /// From the block's beginning to the end of the last live allocation, padding included.
  [[nodiscard]] std::size_t used() const { return used_; }
  /// The most that used() ever was.
  [[nodiscard]] std::size_t peak() const { return peak_; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }

  /// No less than what allocate(size, align) adds to used(), wherever the last allocation ended:
  /// what a plan adds up. The largest size_t where that overflows.
  [[nodiscard]] static std::size_t cost(std::size_t size, std::size_t align);

 private:
  Arena(std::span<std::byte> block, void* mapped, std::size_t mapped_bytes);
  void release();

  std::byte* begin_;
  std::size_t capacity_;
  std::size_t used_ = 0;
  std::size_t peak_ = 0;
  void* mapped_;  // nullptr when the block is the caller's
  std::size_t mapped_bytes_;
};

}  // namespace prumo
