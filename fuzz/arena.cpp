// Any history of an arena, against the interval model: what it serves, refuses, counts, overwrites
// and poisons.
//
// Input: u16 capacity (mod 1025), u8 shift (mod 64), then operations. The low three bits of a byte
// are the operation, the others the exponent of an alignment; operands follow.
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input in(data, size);
  const std::size_t capacity = in.take<std::uint16_t>() % (kMaxCapacity + 1);
  CheckedArena arena(capacity, in.take<std::uint8_t>() % (CheckedArena::kMaxShift + 1));
  for (std::size_t i = 0; in.size() != 0 && i < kMaxOperations; ++i) {
    const std::string wrong = step(in, arena);
    CHECK(wrong.empty(), "operation " + std::to_string(i) + ": " + wrong);
  }
  return 0;
}
