#include "base/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "base/system_file.h"

namespace prumo {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

}  // namespace

std::size_t available_in_system(const std::string& meminfo) {
  static constexpr char kName[] = "MemAvailable:";
  const std::size_t at = meminfo.find(kName);
  if (at == std::string::npos) return SIZE_MAX;
  return std::strtoull(meminfo.c_str() + at + sizeof kName - 1, nullptr, 10) * 1024;
}

std::size_t available_in_group(const std::string& max, const std::string& current) {
  const auto number = [](const std::string& text) {
    char* end = nullptr;
    const std::size_t value = std::strtoull(text.c_str(), &end, 10);
    return end == text.c_str() ? SIZE_MAX : value;
  };
  const std::size_t limit = number(max);
  const std::size_t used = number(current);
  if (limit == SIZE_MAX || used == SIZE_MAX) return SIZE_MAX;
  return limit > used ? limit - used : 0;
}

std::size_t available_memory() {
  return std::min(available_in_system(system_file("/proc/meminfo")),
                  available_in_group(system_file("/sys/fs/cgroup/memory.max"),
                                     system_file("/sys/fs/cgroup/memory.current")));
}

std::string human_bytes(std::size_t bytes) {
  static constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < std::size(kUnits)) {
    value /= 1000;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.3g %s", value, kUnits[unit]);
  return text;
}

Result<Block> Block::allocate(std::size_t bytes, const std::string& purpose) {
  Block block;
  if (bytes == 0) return block;
  // Asking takes longer than a small block is worth.
  const std::size_t available = bytes < kHugePage ? kHugePage : available_memory();
  if (bytes > available || bytes > SIZE_MAX / 2) {
    return Error{ErrorCode::kOutOfMemory, purpose,
                 "This takes " + human_bytes(bytes) + " and the machine has " +
                     human_bytes(available) +
                     " left; use a smaller model, context or batch, or free memory."};
  }
  block.mapped_ = bytes + kHugePage;
  block.mapping_ = ::mmap(nullptr, block.mapped_, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (block.mapping_ == MAP_FAILED) {
    block.mapping_ = nullptr;
    return Error{ErrorCode::kOutOfMemory, purpose,
                 "The system refused " + human_bytes(bytes) + "; free memory or raise its limit."};
  }
  const auto address = reinterpret_cast<std::uintptr_t>(block.mapping_);
  const std::size_t skip = (kHugePage - address % kHugePage) % kHugePage;
  block.data_ = static_cast<std::byte*>(block.mapping_) + skip;
  block.size_ = bytes;
  if (bytes >= kHugePage) ::madvise(block.data_, bytes, MADV_HUGEPAGE);
  return block;
}

Block::Block(Block&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      mapping_(std::exchange(other.mapping_, nullptr)),
      mapped_(std::exchange(other.mapped_, 0)) {}

Block& Block::operator=(Block&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(mapping_, other.mapping_);
  std::swap(mapped_, other.mapped_);
  return *this;
}

Block::~Block() {
  if (mapping_ != nullptr) ::munmap(mapping_, mapped_);
}

}  // namespace prumo
