// The arena's block, its arithmetic, which never forms a sum that could overflow, and its poison.
#include "base/arena.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#define PRUMO_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PRUMO_ASAN 1
#endif
#endif

#if defined(PRUMO_ASAN)
#include <sanitizer/asan_interface.h>
#endif

namespace prumo {
namespace {

#if defined(PRUMO_ASAN)
constexpr std::size_t kRedzone = 16;
// The shadow knows 8 bytes at a time, of which only the first few can be addressable.
constexpr std::size_t kLeastAlign = 8;
void poison(const void* at, std::size_t n) {
  __asan_poison_memory_region(at, n);
}
void unpoison(const void* at, std::size_t n) {
  __asan_unpoison_memory_region(at, n);
}
#else
constexpr std::size_t kRedzone = 0;
constexpr std::size_t kLeastAlign = 1;
void poison(const void*, std::size_t) {}
void unpoison(const void*, std::size_t) {}
#endif

constexpr std::size_t kMaxSize = std::numeric_limits<std::size_t>::max();
constexpr std::size_t kHugePage = std::size_t{2} << 20;

// Bytes from `address` to the next multiple of align.
std::size_t padding(const std::byte* address, std::size_t align) {
  return (0 - reinterpret_cast<std::uintptr_t>(address)) & (align - 1);
}

Error no_memory(std::size_t bytes) {
  return {ErrorCode::kOutOfMemory, "memory",
          "The system has no " + std::to_string(bytes >> 20) +
              " MiB to give; close other programs, or ask for a smaller context or model."};
}

}  // namespace

Result<Arena> Arena::create(std::size_t capacity) {
  if (capacity == 0) return over({});
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  // Room to begin on a huge page: the system puts a mapping on any page.
  const std::size_t extra = capacity < kHugePage ? page - 1 : kHugePage + page - 1;
  if (capacity > kMaxSize - extra) return no_memory(capacity);
  const std::size_t bytes = (capacity + extra) / page * page;
  void* mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return no_memory(capacity);
  auto* begin = static_cast<std::byte*>(mapped);
  if (capacity >= kHugePage) {
    begin += padding(begin, kHugePage);
#if defined(MADV_HUGEPAGE)
    ::madvise(begin, capacity, MADV_HUGEPAGE);  // a wish: without it the arena works as well
#endif
  }
  return Arena({begin, capacity}, mapped, bytes);
}

Arena::Arena(std::span<std::byte> block, void* mapped, std::size_t mapped_bytes)
    : begin_(block.data()), capacity_(block.size()), mapped_(mapped), mapped_bytes_(mapped_bytes) {
  poison(begin_, capacity_);
}

Arena::~Arena() {
  release();
}

Arena::Arena(Arena&& other) noexcept
    : begin_(std::exchange(other.begin_, nullptr)),
      capacity_(std::exchange(other.capacity_, 0)),
      used_(std::exchange(other.used_, 0)),
      peak_(std::exchange(other.peak_, 0)),
      mapped_(std::exchange(other.mapped_, nullptr)),
      mapped_bytes_(std::exchange(other.mapped_bytes_, 0)) {}

Arena& Arena::operator=(Arena&& other) noexcept {
  if (this == &other) return *this;
  release();
  begin_ = std::exchange(other.begin_, nullptr);
  capacity_ = std::exchange(other.capacity_, 0);
  used_ = std::exchange(other.used_, 0);
  peak_ = std::exchange(other.peak_, 0);
  mapped_ = std::exchange(other.mapped_, nullptr);
  mapped_bytes_ = std::exchange(other.mapped_bytes_, 0);
  return *this;
}

void Arena::release() {
  // Whoever gets these addresses next knows nothing of our poison.
  unpoison(begin_, capacity_);
  if (mapped_ != nullptr) ::munmap(mapped_, mapped_bytes_);
}

void* Arena::allocate(std::size_t size, std::size_t align) {
  if (!std::has_single_bit(align)) return nullptr;
  const std::size_t free = capacity_ - used_;
  const std::size_t gap = used_ == 0 ? 0 : kRedzone;
  if (gap > free) return nullptr;
  const std::size_t skip = gap + padding(begin_ + used_ + gap, std::max(align, kLeastAlign));
  const std::size_t taken = size == 0 ? 1 : size;
  // skip < gap + align <= 16 + 2^63: no overflow
  if (skip > free || taken > free - skip) return nullptr;
  std::byte* payload = begin_ + used_ + skip;
  unpoison(payload, size);
  used_ += skip + taken;
  peak_ = std::max(peak_, used_);
  return payload;
}

void Arena::rewind(Mark mark) {
  assert(!std::less<>()(mark.top_, begin_) && !std::less<>()(begin_ + used_, mark.top_));
  const auto kept = static_cast<std::size_t>(mark.top_ - begin_);
  poison(mark.top_, used_ - kept);
  used_ = kept;
}

std::size_t Arena::cost(std::size_t size, std::size_t align) {
  const std::size_t most = kRedzone + std::max(align, kLeastAlign) - 1;
  const std::size_t taken = size == 0 ? 1 : size;
  return taken > kMaxSize - most ? kMaxSize : taken + most;
}

}  // namespace prumo
