// Small files of the system, such as those below /proc and /sys.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <string>

namespace prumo {

/// The first 4 KiB of a file, or "" when it cannot be read. By plain calls: MemorySanitizer cannot
/// follow the standard library's streams.
inline std::string system_file(const char* path) {
  std::string text(4096, '\0');
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return "";
  std::size_t have = 0;
  while (have < text.size()) {
    const ssize_t got = ::read(file, text.data() + have, text.size() - have);
    if (got <= 0) break;
    have += static_cast<std::size_t>(got);
  }
  ::close(file);
  text.resize(have);
  return text;
}

}  // namespace prumo
