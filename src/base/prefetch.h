// Asking a cache for memory before it is needed.
#pragma once

#include <cstddef>
#include <cstdint>

namespace prumo {

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

}  // namespace prumo
