// Asking a cache for memory before it is needed.
#pragma once

#include <cstddef>
#include <cstdint>

namespace prumo {

/// How far ahead of its place a reader asks memory for what it reads next, in bytes, 0 for not at
/// all: a matter of speed alone.
struct Prefetch {
  std::size_t first;    ///< every line, of the first cache
  std::size_t further;  ///< every line that much further, of the second, which can wait for more
  std::size_t page;  ///< the first line of every page, of the second: prefetchers stop at its end
  bool operator==(const Prefetch&) const = default;
};

/// Asks cache kCache, 1 or 2, for the line `at` bytes behind `from`. It need not be there: a
/// prefetch of what is not mapped does nothing, so the address is reckoned as a number, where a
/// pointer past its array would be undefined.
template <int kCache>
inline __attribute__((always_inline)) void prefetch_line(const std::byte* from, std::size_t at) {
  static_assert(kCache == 1 || kCache == 2);
  const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(from) + at;
  const auto* line = reinterpret_cast<const char*>(address);  // NOLINT(performance-no-int-to-ptr)
  __builtin_prefetch(line, 0, kCache == 1 ? 3 : 2);
}

/// The same for the lines that begin in [begin, end) behind `from`, which is at the start of one.
template <int kCache>
inline __attribute__((always_inline)) void prefetch_lines(const std::byte* from, std::size_t begin,
                                                          std::size_t end) {
  constexpr std::size_t kLine = 64;
  for (std::size_t at = (begin + kLine - 1) / kLine * kLine; at < end; at += kLine) {
    prefetch_line<kCache>(from, at);
  }
}

/// Asks for what a reader of [at, at + step) behind `from`, which is at the start of a line, will
/// read later. Every line and page is asked for once by a reader whose steps meet.
inline __attribute__((always_inline)) void prefetch_ahead(const std::byte* from, std::size_t at,
                                                          std::size_t step,
                                                          const Prefetch& distance) {
  const std::size_t first = at + distance.first;
  if (distance.first != 0) prefetch_lines<1>(from, first, first + step);
  if (distance.further != 0) {
    prefetch_lines<2>(from, first + distance.further, first + distance.further + step);
  }
  if (distance.page != 0) {
    constexpr std::uintptr_t kPage = 4096;
    const std::uintptr_t begin = reinterpret_cast<std::uintptr_t>(from) + at + distance.page;
    const std::uintptr_t to_page = -begin % kPage;  // how far the next one begins
    if (to_page < step) prefetch_line<2>(from, at + distance.page + to_page);
  }
}

}  // namespace prumo
