// Faults of memory for AddressSanitizer: in the copies that fuzz targets make, and in the arena.
#include "base/arena.h"
#include "controls/control.h"
#include "support/check.h"

namespace {

using prumo::Arena;

constexpr std::size_t kSize = 32;
alignas(64) std::byte block[4096];

std::byte look_at(const std::byte* p) {
  return *const_cast<const volatile std::byte*>(p);
}

void copy_over_read(bool fault) {
  const std::byte bytes[kSize] = {};
  const auto copy = prumo::fuzz::exact_copy<std::byte>(bytes, kSize);
  look_at(copy.get() + (fault ? kSize : kSize - 1));
}

void arena_over_read(bool fault) {
  Arena arena = Arena::over(block);
  const auto* first = static_cast<std::byte*>(arena.allocate(kSize, 1));
  look_at(static_cast<std::byte*>(arena.allocate(kSize, 1)));
  look_at(first + (fault ? kSize : kSize - 1));
}

void arena_under_read(bool fault) {
  Arena arena = Arena::over(block);
  look_at(static_cast<std::byte*>(arena.allocate(kSize, 1)));
  const auto* second = static_cast<std::byte*>(arena.allocate(kSize, 1));
  look_at(fault ? second - 1 : second);
}

void arena_use_after_rewind(bool fault) {
  Arena arena = Arena::over(block);
  const Arena::Mark mark = arena.mark();
  const auto* bytes = static_cast<std::byte*>(arena.allocate(kSize, 1));
  if (fault) arena.rewind(mark);
  look_at(bytes);
}

void arena_use_after_reset(bool fault) {
  Arena arena = Arena::over(block);
  const auto* bytes = static_cast<std::byte*>(arena.allocate(kSize, 1));
  if (fault) arena.reset();
  look_at(bytes);
}

}  // namespace

int main(int argc, char** argv) {
  return prumo::testing::run_control(argc, argv,
                                     {{"copy_over_read", copy_over_read},
                                      {"arena_over_read", arena_over_read},
                                      {"arena_under_read", arena_under_read},
                                      {"arena_use_after_rewind", arena_use_after_rewind},
                                      {"arena_use_after_reset", arena_use_after_reset}});
}
