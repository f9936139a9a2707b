// Large blocks of memory, and what the machine has left of it.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace prumo {

/// Bytes that can still be allocated without swapping: the system's estimate, bounded by the
/// control group's limit. SIZE_MAX when neither is known.
std::size_t available_memory();

/// The two, of what the system's files hold; SIZE_MAX where they do not say. /proc/meminfo has a
/// line "MemAvailable:" in KiB, memory.max of a control group a number or "max", memory.current a
/// number.
std::size_t available_in_system(const std::string& meminfo);
std::size_t available_in_group(const std::string& max, const std::string& current);

/// A zeroed block that begins on a 2 MiB boundary, in huge pages where the system grants them.
/// Move-only.
class Block {
 public:
  /// Checks `bytes` against available_memory() first, from 2 MiB on. kOutOfMemory, with `purpose`
  /// as its place, says what is needed and what is there. 0 bytes is an empty block.
  static Result<Block> allocate(std::size_t bytes, const std::string& purpose);

  Block() = default;
  Block(Block&& other) noexcept;
  Block& operator=(Block&& other) noexcept;
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block();

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  void* mapping_ = nullptr;
  std::size_t mapped_ = 0;
};

/// "12.3 MB": decimal units, three digits.
std::string human_bytes(std::size_t bytes);

}  // namespace prumo
