// Laws of blocks and of the text for sizes: a block of any size begins where it should, is zeroed,
// and keeps its bytes when it moves; a size's text is within half of its last digit.
#include "base/memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <utility>

#include "support/gen.h"

namespace prumo {
namespace {

using testing::full_range;

RC_GTEST_PROP(BlockLaws, IsZeroedAlignedAndKeepsItsBytes, ()) {
  const auto n = *full_range(rc::gen::oneOf(rc::gen::inRange<std::size_t>(1, 5000),
                                            rc::gen::inRange<std::size_t>(1, 5u << 20)));
  auto made = Block::allocate(n, "a test");
  RC_ASSERT(made.ok());
  Block block = *std::move(made);
  RC_ASSERT(block.size() == n);
  RC_ASSERT(reinterpret_cast<std::uintptr_t>(block.data()) % (std::size_t{2} << 20) == 0u);
  RC_ASSERT(
      std::all_of(block.data(), block.data() + n, [](std::byte b) { return b == std::byte{}; }));
  std::byte* const at = block.data();
  at[0] = at[n - 1] = std::byte{0xA5};
  Block other(std::move(block));
  RC_ASSERT(other.data() == at && other.size() == n);
  Block third;
  third = std::move(other);
  RC_ASSERT(third.data() == at && third.size() == n && at[n - 1] == std::byte{0xA5});
}

RC_GTEST_PROP(BlockLaws, WhatNoMachineHasIsRefusedAndNamed, ()) {
  const auto less = *full_range(rc::gen::inRange<std::size_t>(0, std::size_t{1} << 62));
  const auto made = Block::allocate(std::numeric_limits<std::size_t>::max() - less, "the cache");
  RC_ASSERT(!made.ok());
  RC_ASSERT(made.error().code == ErrorCode::kOutOfMemory);
  RC_ASSERT(made.error().place == "the cache");
}

// In lines before and behind it, and whatever the group's two numbers are.
RC_GTEST_PROP(AvailableLaws, IsWhatTheSystemsFilesSay, ()) {
  const auto number = [] {
    return *full_range(rc::gen::arbitrary<std::uint64_t>()) >>
           *full_range(rc::gen::inRange(10, 64));
  };
  const auto kib = number();
  const std::string meminfo = "MemFree: " + std::to_string(number()) +
                              " kB\nMemAvailable: " + std::to_string(kib) +
                              " kB\nCached: " + std::to_string(number()) + " kB\n";
  RC_ASSERT(available_in_system(meminfo) == kib * 1024);
  const auto limit = number();
  const auto used = number();
  const std::string current = std::to_string(used) + "\n";
  RC_ASSERT(available_in_group(std::to_string(limit) + "\n", current) ==
            (limit > used ? limit - used : 0));
  RC_ASSERT(available_in_group("max\n", current) == SIZE_MAX);
}

RC_GTEST_PROP(BytesLaws, ThreeDigitsOfTheNumberAndItsUnit, ()) {
  std::size_t n =
      *full_range(rc::gen::arbitrary<std::size_t>()) >> *full_range(rc::gen::inRange(0, 64));
  if (*rc::gen::arbitrary<bool>()) {  // about where the unit changes
    n = *full_range(rc::gen::inRange<std::size_t>(99000, 101000));
    for (int zeros = *full_range(rc::gen::inRange(0, 14)); zeros > 0; --zeros) n *= 10;
  }
  const std::string text = human_bytes(n);
  char* unit = nullptr;
  const double shown = std::strtod(text.c_str(), &unit);
  double factor = 1;
  std::string_view found;
  for (const char* each : {" B", " kB", " MB", " GB", " TB", " PB", " EB"}) {
    found = each;
    if (found == unit) break;
    factor *= 1000;
  }
  RC_ASSERT(found == unit);
  RC_ASSERT(shown < 1000 && (shown >= 1 || n == 0));
  RC_ASSERT(std::count_if(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }) <=
            3);
  const double exact = static_cast<double>(n) / factor;
  const double last = exact < 9.995 ? 0.01 : exact < 99.95 ? 0.1 : 1;
  RC_ASSERT(std::fabs(shown - exact) <= last * 0.5000001);
}

}  // namespace
}  // namespace prumo
