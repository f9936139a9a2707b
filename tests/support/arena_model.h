// An arena run side by side with a plain list of what must be live in it: the one oracle of the
// arena's laws and of its fuzz target.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "base/arena.h"
#include "support/ready_test.h"
#include "support/sanitized.h"

#if defined(PRUMO_TEST_ASAN)
#include <sanitizer/asan_interface.h>
#endif

namespace prumo::testing {

#if defined(PRUMO_TEST_ASAN)
inline constexpr std::size_t kRedzone = 16;
inline constexpr std::size_t kLeastAlign = 8;
inline bool is_poisoned(const std::byte* at) {
  return __asan_address_is_poisoned(at) != 0;
}
#else
inline constexpr std::size_t kRedzone = 0;
inline constexpr std::size_t kLeastAlign = 1;
#endif

/// One operation of a history; what each means with which operands says `arena_law`.
struct ArenaStep {
  enum class What { kAllocate, kMark, kRewind, kReset, kMove } what;
  std::size_t a = 0;
  std::size_t b = 0;
};

inline std::string source(const std::vector<ArenaStep>& history) {
  return listed(history, [](const ArenaStep& step) {
    return "{ArenaStep::What{" + std::to_string(static_cast<int>(step.what)) + "}, " +
           source(step.a) + ", " + source(step.b) + "}";
  });
}

/// Every operation returns "" or one sentence that says what the arena did wrong, with a test that
/// repeats the history.
class CheckedArena {
 public:
  static constexpr std::size_t kMaxCapacity = 4096;
  static constexpr std::size_t kMaxShift = 63;

  /// An arena over `capacity` bytes that begin `shift` bytes after a multiple of 4096.
  CheckedArena(std::size_t capacity, std::size_t shift)
      : block_(static_cast<std::byte*>(
            ::operator new(kMaxCapacity + 2 * kEdge, std::align_val_t(kMaxCapacity)))),
        begin_(block_.get() + shift),
        capacity_(capacity),
        arena_(Arena::over({begin_, capacity})) {}

  std::string allocate(std::size_t size, std::size_t align) {
    return does({ArenaStep::What::kAllocate, size, align});
  }
  std::string mark() { return does({ArenaStep::What::kMark}); }
  /// Rewinds to the k-th of the marks that are still good (k modulo their number); to the beginning
  /// when there is none.
  std::string rewind(std::size_t k) { return does({ArenaStep::What::kRewind, k}); }
  std::string reset() { return does({ArenaStep::What::kReset}); }
  /// The arena moves; marks and allocations stay good.
  std::string move() { return does({ArenaStep::What::kMove}); }

  std::string does(const ArenaStep& step) {
    history_.push_back(step);
    std::string fault = fault_of(step);
    if (fault.empty()) return fault;
    return ready(fault, "arena_law", capacity_, shift(), history_);
  }

  [[nodiscard]] std::size_t used() const {
    return live_.empty() ? 0 : static_cast<std::size_t>(live_.back().end() - begin_);
  }
  [[nodiscard]] std::size_t free() const { return capacity_ - used(); }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }

 private:
  struct Live {
    std::byte* begin;
    std::size_t size;
    unsigned char fill;
    [[nodiscard]] std::byte* end() const { return begin + std::max<std::size_t>(size, 1); }
  };
  struct Marked {
    Arena::Mark mark;
    std::size_t live;
  };
  struct Delete {
    void operator()(std::byte* p) const { ::operator delete(p, std::align_val_t(kMaxCapacity)); }
  };
  static constexpr std::size_t kEdge = kMaxShift + 1;

  [[nodiscard]] std::size_t shift() const {
    return static_cast<std::size_t>(begin_ - block_.get());
  }

  std::string fault_of(const ArenaStep& step) {
    switch (step.what) {
      case ArenaStep::What::kAllocate:
        return after_allocate(step.a, step.b);
      case ArenaStep::What::kMark:
        marks_.push_back({arena_.mark(), live_.size()});
        return check();
      case ArenaStep::What::kRewind:
        return marks_.empty() ? after_reset() : after_rewind(step.a % marks_.size());
      case ArenaStep::What::kReset:
        return after_reset();
      case ArenaStep::What::kMove:
        return after_move();
    }
    return "there is no such step";
  }

  std::string after_allocate(std::size_t size, std::size_t align) {
    auto* got = static_cast<std::byte*>(arena_.allocate(size, align));
    std::byte* wanted = expected(size, align);
    if (got != wanted) {
      return "allocate(" + std::to_string(size) + ", " + std::to_string(align) + ") gave " +
             place(got) + ", not " + place(wanted);
    }
    if (got != nullptr) {
      std::memset(got, ++fill_, size);
      live_.push_back({got, size, fill_});
      peak_ = std::max(peak_, used());
    }
    return check();
  }

  std::string after_rewind(std::size_t k) {
    arena_.rewind(marks_[k].mark);
    live_.resize(marks_[k].live);
    marks_.erase(marks_.begin() + static_cast<std::ptrdiff_t>(k) + 1, marks_.end());
    return check();
  }

  std::string after_reset() {
    arena_.reset();
    live_.clear();
    marks_.clear();
    return check();
  }

  std::string after_move() {
    Arena other = std::move(arena_);
    if (arena_.allocate(0, 1) != nullptr || arena_.capacity() != 0 || arena_.used() != 0) {
      return "an arena that was moved from still serves";
    }
    arena_ = std::move(other);
    return check();
  }

  [[nodiscard]] std::string place(const std::byte* at) const {
    return at == nullptr ? "a refusal" : "byte " + std::to_string(at - begin_);
  }

  // Where the contract puts the next allocation, by trying one address after another.
  [[nodiscard]] std::byte* expected(std::size_t size, std::size_t align) const {
    bool power = false;
    for (std::size_t p = 1; p != 0; p *= 2) power = power || p == align;
    if (!power) return nullptr;
    std::size_t at = used() + (live_.empty() ? 0 : kRedzone);
    for (; at < capacity_; ++at) {
      const auto address = reinterpret_cast<std::uintptr_t>(begin_) + at;
      if (address % align == 0 && address % kLeastAlign == 0) break;
    }
    if (at >= capacity_ || std::max<std::size_t>(size, 1) > capacity_ - at) return nullptr;
    return begin_ + at;
  }

  [[nodiscard]] std::string check() const {
    if (arena_.used() != used()) return "used() is " + std::to_string(arena_.used());
    if (arena_.peak() != peak_) return "peak() is " + std::to_string(arena_.peak());
    if (arena_.capacity() != capacity_) return "capacity() changed";
    for (const Live& live : live_) {
      for (std::size_t i = 0; i < live.size; ++i) {
        if (live.begin[i] != std::byte{live.fill})
          return place(live.begin + i) + " was overwritten";
      }
    }
    return check_poison();
  }

#if defined(PRUMO_TEST_ASAN)
  [[nodiscard]] std::string check_poison() const {
    // A granule of 8 that the block shares with its neighbours cannot be poisoned.
    const std::size_t before = reinterpret_cast<std::uintptr_t>(begin_) % 8;
    const std::size_t first = std::min((8 - before) % 8, capacity_);
    const std::size_t shared = std::min((before + capacity_) % 8, capacity_ - first);
    const std::size_t last = capacity_ - shared;
    std::size_t at = first;
    for (const Live& live : live_) {
      const auto begin = static_cast<std::size_t>(live.begin - begin_);
      for (; at < begin; ++at) {
        if (!is_poisoned(begin_ + at)) return place(begin_ + at) + " is dead and not poisoned";
      }
      for (; at < begin + live.size; ++at) {
        if (is_poisoned(begin_ + at)) return place(begin_ + at) + " is live and poisoned";
      }
    }
    for (; at < last; ++at) {
      if (!is_poisoned(begin_ + at)) return place(begin_ + at) + " is dead and not poisoned";
    }
    for (const std::byte* p = block_.get(); p < begin_; ++p) {
      if (is_poisoned(p)) return "there is poison before the block";
    }
    for (std::size_t i = 0; i < kEdge; ++i) {
      if (is_poisoned(begin_ + capacity_ + i)) return "there is poison after the block";
    }
    return "";
  }
#else
  [[nodiscard]] static std::string check_poison() {
    return "";
  }
#endif

  std::unique_ptr<std::byte, Delete> block_;
  std::byte* begin_;
  std::size_t capacity_;
  Arena arena_;
  std::vector<Live> live_;
  std::vector<Marked> marks_;
  std::vector<ArenaStep> history_;
  std::size_t peak_ = 0;
  unsigned char fill_ = 0;
};

/// "" or what an arena over `capacity` bytes, `shift` bytes after a multiple of 4096, does wrong in
/// a history: allocate a bytes at alignment b, mark, rewind to mark a, reset, move.
inline std::string arena_law(std::size_t capacity, std::size_t shift,
                             const std::vector<ArenaStep>& history) {
  CheckedArena arena(capacity, shift);
  for (const ArenaStep& step : history) {
    if (std::string fault = arena.does(step); !fault.empty()) return fault;
  }
  return "";
}

}  // namespace prumo::testing
