// Any history of an arena, against the interval model: what it serves, refuses, counts, overwrites
// and poisons. And arenas that own their block, made as large as their allocations cost.
//
// Input: u16 capacity (mod 1025), u8 shift (mod 64; from 192 on, see check_owned), then operations.
// The low three bits of a byte are the operation, the others the exponent of an alignment; operands
// follow.
//   0, 1, 2  allocate u8 bytes      3  allocate u16 bytes
//   4  mark                         5  rewind to mark u8, or with exponent 31 reset
//   6  allocate an extreme size: u8 chooses, u8 is subtracted from it
//   7  u64 as alignment, u8 bytes; or with exponent 31 move the arena
#include <array>
#include <limits>

#include "support/arena_model.h"
#include "support/check.h"

namespace {

using prumo::fuzz::Input;
using prumo::testing::CheckedArena;

// Each operation is followed by a look at every byte: small histories find more in the same time.
constexpr std::size_t kMaxCapacity = 1024;
constexpr std::size_t kMaxOperations = 128;

std::size_t extreme_size(Input& in, const CheckedArena& arena) {
  constexpr std::size_t kMax = std::numeric_limits<std::size_t>::max();
  const std::array<std::size_t, 8> bases = {
      kMax,         kMax / 2 + 1,      kMax / 2,         std::size_t{1} << 32,
      arena.free(), arena.free() + 17, arena.capacity(), arena.capacity() + 1};
  const std::size_t base = bases[in.take<std::uint8_t>() % bases.size()];
  return base - in.take<std::uint8_t>();  // below zero it wraps to another extreme
}

std::string step(Input& in, CheckedArena& arena) {
  const auto code = in.take<std::uint8_t>();
  const unsigned exponent = code >> 3;
  const std::size_t align = std::size_t{1} << (exponent < 16 ? exponent : 2 * exponent + 1);
  switch (code & 7) {
    case 3:
      return arena.allocate(in.take<std::uint16_t>(), align);
    case 4:
      return arena.mark();
    case 5:
      return exponent == 31 ? arena.reset() : arena.rewind(in.take<std::uint8_t>());
    case 6:
      return arena.allocate(extreme_size(in, arena), align);
    case 7: {
      if (exponent == 31) return arena.move();
      const auto any_align = in.take<std::uint64_t>();
      return arena.allocate(in.take<std::uint8_t>(), any_align);
    }
    default:
      return arena.allocate(in.take<std::uint8_t>(), align);
  }
}

// An arena that owns its block: u8 capacity, then u8 size and u8 alignment of up to eight
// allocations that must fit into a second one, which is as large as their costs.
void check_owned(Input& in) {
  using prumo::Arena;
  constexpr std::size_t kMax = std::numeric_limits<std::size_t>::max();
  constexpr std::size_t kPage = 4096, kHugePage = std::size_t{2} << 20;
  constexpr std::array<std::size_t, 14> kCapacities = {0,
                                                       1,
                                                       100,
                                                       kPage - 1,
                                                       kPage,
                                                       kPage + 1,
                                                       3 * kPage,
                                                       kHugePage - 1,
                                                       kHugePage,
                                                       kHugePage + 1,
                                                       kMax,
                                                       kMax - kPage,
                                                       kMax - 2 * kHugePage,
                                                       kMax / 2};
  const std::size_t capacity = kCapacities[in.take<std::uint8_t>() % kCapacities.size()];
  auto made = Arena::create(capacity);
  CHECK(made.ok() == (capacity <= 2 * kHugePage), std::to_string(capacity));
  if (!made) {
    CHECK(made.error().code == prumo::ErrorCode::kOutOfMemory && !made.error().message.empty(),
          made.error().message);
    return;
  }
  CHECK(made->capacity() == capacity && made->used() == 0 && made->peak() == 0, "a new arena");
  auto* all =
      static_cast<std::byte*>(made->allocate(capacity, capacity < kHugePage ? kPage : kHugePage));
  CHECK((all != nullptr) == (capacity != 0), "all of it, from a page on");
  CHECK(made->used() == capacity && made->allocate(0, 1) == nullptr, "then it is full");
  if (all != nullptr) {
    CHECK(all[0] == std::byte{0} && all[capacity - 1] == std::byte{0}, "zeroed memory");
    all[0] = all[capacity - 1] = std::byte{1};
  }

  const std::size_t n = in.take<std::uint8_t>() % 9u;
  std::array<std::pair<std::size_t, std::size_t>, 8> wanted = {};
  std::size_t cost = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const auto size = in.take<std::uint8_t>();
    wanted[i] = {size, std::size_t{1} << in.take<std::uint8_t>() % 13u};
    cost += Arena::cost(wanted[i].first, wanted[i].second);
  }
  CHECK(Arena::cost(kMax, 1 + n) == kMax, "no cost wraps");
  auto planned = Arena::create(cost);
  CHECK(planned.ok(), std::to_string(cost));
  *made = std::move(*planned);
  CHECK(made->capacity() == cost && made->peak() == 0, "it is the other one now");
  Arena moved(std::move(*made));
  CHECK(made->capacity() == 0 && made->allocate(0, 1) == nullptr, "moved from");
  for (std::size_t i = 0; i < n; ++i) {
    void* at = moved.allocate(wanted[i].first, wanted[i].second);
    CHECK(at != nullptr, "allocation " + std::to_string(i) + " of what they cost");
    std::memset(at, 1, wanted[i].first);
  }
  moved.reset();
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  const std::size_t words = cost / kWord;
  CHECK(moved.allocate_array<std::uint64_t>(kMax / kWord + 1 + n) == nullptr, "bytes that wrap");
  CHECK(moved.allocate_array<std::uint64_t>(words + 1) == nullptr, "a word too many");
  CHECK((moved.allocate_array<std::uint64_t>(words) != nullptr) == (cost != 0), "words");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input in(data, size);
  const std::size_t capacity = in.take<std::uint16_t>() % (kMaxCapacity + 1);
  const auto shift = in.take<std::uint8_t>();
  if (shift >= 192) check_owned(in);
  CheckedArena arena(capacity, shift % (CheckedArena::kMaxShift + 1));
  for (std::size_t i = 0; in.size() != 0 && i < kMaxOperations; ++i) {
    const std::string wrong = step(in, arena);
    CHECK(wrong.empty(), "operation " + std::to_string(i) + ": " + wrong);
  }
  return 0;
}
