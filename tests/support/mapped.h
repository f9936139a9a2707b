// What of the address space is mapped, and how much of a file lies in memory, by the system's
// account.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>

namespace prumo::testing {

/// Whether the page that holds p is mapped.
inline bool is_mapped(const void* p) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const std::uintptr_t begin = reinterpret_cast<std::uintptr_t>(p) / page * page;
  return ::msync(reinterpret_cast<void*>(begin), 1, MS_ASYNC) ==
         0;  // NOLINT(performance-no-int-to-ptr)
}

/// The KiB of `path` that this process holds in memory, and whether it is mapped at all.
struct Resident {
  bool mapped = false;
  std::size_t kib = 0;
};
inline Resident resident(const std::string& path) {
  std::ifstream maps("/proc/self/smaps");
  Resident out;
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.find('-') < line.find(' ')) {  // a mapping's first line is its range of addresses
      inside = line.size() >= path.size() &&
               line.compare(line.size() - path.size(), path.size(), path) == 0;
      out.mapped = out.mapped || inside;
    } else if (inside && line.rfind("Rss:", 0) == 0) {
      out.kib += std::stoul(line.substr(4));
    }
  }
  return out;
}

}  // namespace prumo::testing
