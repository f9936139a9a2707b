// The arena's contract by example: alignment, exact fit, every kind of refusal, marks, moves,
// poison.
#include "base/arena.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "support/arena_model.h"
#include "support/floats.h"
#include "support/mapped.h"

namespace prumo::testing {
namespace {

constexpr std::size_t kMax = std::numeric_limits<std::size_t>::max();
constexpr std::size_t kHugePage = std::size_t{2} << 20;

std::size_t round_up(std::size_t x, std::size_t to) {
  return (x + to - 1) / to * to;
}

std::uintptr_t address(const void* p) {
  return reinterpret_cast<std::uintptr_t>(p);
}

TEST(Arena, ServesInOrderWithoutGapsOfItsOwn) {
  alignas(64) std::byte block[256];
  Arena arena = Arena::over(block);
  EXPECT_EQ(arena.capacity(), 256u);
  EXPECT_EQ(arena.used(), 0u);
  EXPECT_EQ(arena.allocate(10, 1), block);
  EXPECT_EQ(arena.used(), 10u);
  const std::size_t next = round_up(10 + kRedzone, 16);
  EXPECT_EQ(arena.allocate(16, 16), block + next);
  EXPECT_EQ(arena.used(), next + 16);
  EXPECT_EQ(arena.peak(), next + 16);
}

TEST(Arena, AlignsTheAddressAndNotTheOffset) {
  std::vector<std::byte> memory(std::size_t{3} << 20);
  for (std::size_t shift = 0; shift < 9; ++shift) {
    Arena arena = Arena::over(std::span(memory).subspan(shift));
    for (std::size_t align = 1; align <= std::size_t{1} << 20; align *= 2) {
      const void* p = arena.allocate(3, align);
      ASSERT_NE(p, nullptr);
      EXPECT_EQ(address(p) % align, 0u) << "align " << align;
      arena.reset();
    }
  }
}

// Nothing of what follows may be served or change anything.
void expect_refusal(Arena& arena, std::size_t size, std::size_t align) {
  const std::size_t used = arena.used();
  const std::size_t peak = arena.peak();
  EXPECT_EQ(arena.allocate(size, align), nullptr) << size << " bytes, align " << align;
  EXPECT_EQ(arena.used(), used);
  EXPECT_EQ(arena.peak(), peak);
}

TEST(Arena, RefusesAnAlignmentThatIsNoPowerOfTwo) {
  alignas(64) std::byte block[128];
  Arena arena = Arena::over(block);
  for (std::size_t align : {std::size_t{0}, std::size_t{3}, std::size_t{6}, std::size_t{12},
                            std::size_t{100}, kMax, kMax - 1, kMax / 2}) {
    expect_refusal(arena, 1, align);
  }
  EXPECT_EQ(arena.allocate(1, 1), block);
}

TEST(Arena, RefusesWhatWouldOverflow) {
  alignas(64) std::byte block[128];
  for (std::size_t before : {0u, 1u, 60u}) {
    Arena arena = Arena::over(block);
    if (before != 0) {
      ASSERT_NE(arena.allocate(before, 1), nullptr);
    }
    for (std::size_t align = 1; align != 0; align *= 2) {
      for (std::size_t less = 0; less <= 130; ++less) expect_refusal(arena, kMax - less, align);
      expect_refusal(arena, kMax - align + 1, align);
      expect_refusal(arena, kMax / 2 + 1, align);
      // The block's own address is no multiple of anything this large.
      if (align > std::size_t{1} << 48) expect_refusal(arena, 0, align);
    }
    EXPECT_EQ(arena.allocate_array<double>(kMax / 8 + 1), nullptr);
    EXPECT_EQ(arena.allocate_array<double>(kMax / 8), nullptr);
    EXPECT_EQ(arena.allocate_array<double>(kMax), nullptr);
    EXPECT_EQ(arena.allocate_array<float>(1, 2), nullptr);  // less than a float's own
    EXPECT_EQ(arena.used(), before);
  }
}

TEST(Arena, AnExactFitFitsAndNotAByteMore) {
  alignas(64) std::byte block[128];
  Arena arena = Arena::over(block);
  expect_refusal(arena, 129, 1);
  EXPECT_EQ(arena.allocate(128, 64), block);
  EXPECT_EQ(arena.used(), arena.capacity());
  expect_refusal(arena, 1, 1);
  expect_refusal(arena, 0, 1);
}

TEST(Arena, WhatFitsBeforePaddingMayNotFitAfter) {
  alignas(64) std::byte block[128];
  Arena arena = Arena::over(block);
  ASSERT_NE(arena.allocate(60, 1), nullptr);
  for (std::size_t align : {std::size_t{64}, std::size_t{16}}) {
    const std::size_t left = 128 - round_up(60 + kRedzone, align);
    expect_refusal(arena, left + 1, align);
  }
  EXPECT_NE(arena.allocate(128 - round_up(60 + kRedzone, 16), 16), nullptr);
}

TEST(Arena, SizeZeroHasAPointerOfItsOwn) {
  alignas(64) std::byte block[128];
  Arena arena = Arena::over(block);
  void* a = arena.allocate(0, 1);
  void* b = arena.allocate(0, 8);
  void* c = arena.allocate(4, 4);
  EXPECT_NE(a, nullptr);
  EXPECT_NE(a, b);
  EXPECT_NE(b, c);
  EXPECT_EQ(address(b) % 8, 0u);
}

TEST(Arena, AnArenaOverNothingRefusesEverything) {
  Arena arena = Arena::over({});
  expect_refusal(arena, 0, 1);
  expect_refusal(arena, 1, 64);
  arena.rewind(arena.mark());
  arena.reset();
  EXPECT_EQ(arena.capacity(), 0u);
}

TEST(Arena, MarksNest) {
  alignas(64) std::byte block[512];
  Arena arena = Arena::over(block);
  (void)arena.allocate(5, 1);
  const std::size_t outer_used = arena.used();
  const Arena::Mark outer = arena.mark();
  void* first = arena.allocate(64, 8);
  const Arena::Mark inner = arena.mark();
  void* second = arena.allocate(32, 8);
  const std::size_t highest = arena.used();
  arena.rewind(inner);
  EXPECT_EQ(arena.allocate(32, 8), second);
  arena.rewind(inner);
  arena.rewind(inner);
  arena.rewind(outer);
  EXPECT_EQ(arena.used(), outer_used);
  EXPECT_EQ(arena.allocate(64, 8), first);
  EXPECT_EQ(arena.peak(), highest);
  arena.reset();
  EXPECT_EQ(arena.used(), 0u);
  EXPECT_EQ(arena.peak(), highest);
  EXPECT_EQ(arena.allocate(1, 1), block);
}

TEST(Arena, LeavesOtherAllocationsAlone) {
  // A long run of random sizes, alignments, marks and rewinds: the list of what must be live, and
  // each live byte, are checked after every one.
  Bits bits(301);
  for (int round = 0; round < 40; ++round) {
    CheckedArena arena(bits.below(CheckedArena::kMaxCapacity + 1), bits.below(64));
    for (int step = 0; step < 250; ++step) {
      std::string wrong;
      switch (bits.below(12)) {
        case 0:
        case 1:
          wrong = arena.mark();
          break;
        case 2:
          wrong = arena.rewind(bits.below(8));
          break;
        case 3:
          wrong = bits.below(8) == 0 ? arena.reset() : arena.move();
          break;
        default:
          wrong = arena.allocate(bits.below(1 + (std::size_t{1} << bits.below(9))),
                                 std::size_t{1} << bits.below(9));
      }
      ASSERT_EQ(wrong, "") << "round " << round << ", step " << step;
    }
  }
}

TEST(Arena, MovesWithItsHistory) {
  Result<Arena> made = Arena::create(1000);
  ASSERT_TRUE(made.ok());
  auto* p = static_cast<char*>(made->allocate(10, 1));
  ASSERT_NE(p, nullptr);
  std::memcpy(p, "plumb line", 10);
  const Arena::Mark mark = made->mark();
  Arena arena = std::move(*made);
  EXPECT_EQ(made->capacity(), 0u);
  expect_refusal(*made, 0, 1);
  EXPECT_EQ(arena.capacity(), 1000u);
  EXPECT_EQ(arena.used(), 10u);
  EXPECT_EQ(std::string(p, 10), "plumb line");
  EXPECT_NE(arena.allocate(10, 1), nullptr);
  arena.rewind(mark);
  EXPECT_EQ(arena.used(), 10u);
  Arena& same = arena;
  arena = std::move(same);
  EXPECT_EQ(arena.used(), 10u);
  arena = Arena::over({});
  EXPECT_EQ(arena.capacity(), 0u);
}

TEST(Arena, OwnsZeroedMemoryOnAPage) {
  for (std::size_t capacity : {std::size_t{1}, std::size_t{4096}, std::size_t{100000},
                               kHugePage - 1, kHugePage, kHugePage + 1, 3 * kHugePage + 5}) {
    Result<Arena> arena = Arena::create(capacity);
    ASSERT_TRUE(arena.ok());
    EXPECT_EQ(arena->capacity(), capacity);
    auto* p = arena->allocate_array<unsigned char>(capacity, 64);
    ASSERT_NE(p, nullptr);
    EXPECT_EQ(address(p) % (capacity < kHugePage ? 4096 : kHugePage), 0u);
    for (std::size_t i = 0; i < capacity; i += 97) ASSERT_EQ(p[i], 0);
    std::memset(p, 1, capacity);
    EXPECT_EQ(arena->used(), capacity);
    EXPECT_EQ(arena->allocate(0, 1), nullptr);
  }
  Result<Arena> none = Arena::create(0);
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none->capacity(), 0u);
}

TEST(Arena, GivesBackWhatItOwned) {
  for (std::size_t capacity : {std::size_t{4096}, kHugePage}) {
    Result<Arena> made = Arena::create(capacity);
    ASSERT_TRUE(made.ok());
    void* first = made->allocate(1, 4096);
    void* second = nullptr;
    {
      Arena arena = std::move(*made);
      EXPECT_TRUE(is_mapped(first));
      Result<Arena> other = Arena::create(capacity);
      ASSERT_TRUE(other.ok());
      second = other->allocate(1, 4096);
      arena = std::move(*other);
      EXPECT_FALSE(is_mapped(first));
      EXPECT_TRUE(is_mapped(second));
    }
    EXPECT_FALSE(is_mapped(second));
  }
}

TEST(Arena, SaysSoWhenTheSystemHasNotThatMuch) {
  for (std::size_t capacity : {kMax, kMax - 4095, kMax - kHugePage, kMax / 2}) {
    Result<Arena> arena = Arena::create(capacity);
    ASSERT_FALSE(arena.ok());
    EXPECT_EQ(arena.error().code, ErrorCode::kOutOfMemory);
    EXPECT_NE(arena.error().message.find("MiB"), std::string::npos);
  }
}

TEST(Arena, CostsBoundWhatAnAllocationTakes) {
  Bits bits(17);
  for (int round = 0; round < 300; ++round) {
    // A plan that adds up the costs is enough for a block that begins anywhere.
    std::vector<std::pair<std::size_t, std::size_t>> plan;
    std::size_t total = 0;
    for (std::size_t i = 0; i < 1 + bits.below(8); ++i) {
      plan.emplace_back(bits.below(100), std::size_t{1} << bits.below(8));
      total += Arena::cost(plan.back().first, plan.back().second);
    }
    std::vector<std::byte> memory(total + 64);
    Arena arena = Arena::over(std::span(memory).subspan(bits.below(64), total));
    for (const auto& [size, align] : plan) {
      const std::size_t before = arena.used();
      ASSERT_NE(arena.allocate(size, align), nullptr);
      ASSERT_LE(arena.used() - before, Arena::cost(size, align));
    }
  }
  EXPECT_EQ(Arena::cost(kMax, 1), kMax);
  EXPECT_EQ(Arena::cost(kMax - 5, 64), kMax);
  EXPECT_EQ(Arena::cost(kMax / 2 + 1, kMax / 2 + 1), kMax);
}

#if !defined(NDEBUG)
TEST(ArenaDeathTest, RewindingToAnothersOrALaterPlaceIsMisuse) {
  alignas(64) std::byte block[128];
  alignas(64) std::byte other_block[128];
  Arena arena = Arena::over(block);
  Arena other = Arena::over(other_block);
  const Arena::Mark start = arena.mark();
  (void)arena.allocate(8, 8);
  const Arena::Mark later = arena.mark();
  arena.rewind(start);
  EXPECT_DEATH(arena.rewind(later), "rewind");
  EXPECT_DEATH(arena.rewind(other.mark()), "rewind");
}
#endif

#if defined(PRUMO_TEST_ASAN)
bool any_poisoned(const std::byte* p, std::size_t n) {
  return __asan_region_is_poisoned(const_cast<std::byte*>(p), n) != nullptr;
}

TEST(ArenaUnderAsan, DeadBytesArePoisonedAndLiveOnesAreNot) {
  alignas(64) std::byte block[256];
  {
    Arena arena = Arena::over(block);
    for (const std::byte& b : block) EXPECT_TRUE(is_poisoned(&b));
    auto* a = static_cast<std::byte*>(arena.allocate(13, 1));
    const Arena::Mark mark = arena.mark();
    auto* b = static_cast<std::byte*>(arena.allocate(5, 1));
    EXPECT_EQ(address(b) % 8, 0u);
    EXPECT_GE(b - (a + 13), 16);
    EXPECT_FALSE(any_poisoned(a, 13));
    EXPECT_FALSE(any_poisoned(b, 5));
    for (std::byte* p = a + 13; p < b; ++p) EXPECT_TRUE(is_poisoned(p));
    EXPECT_TRUE(is_poisoned(b + 5));
    arena.rewind(mark);
    EXPECT_FALSE(any_poisoned(a, 13));
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(is_poisoned(b + i));
    EXPECT_TRUE(is_poisoned(static_cast<std::byte*>(arena.allocate(0, 1))));
    arena.reset();
    for (const std::byte& p : block) EXPECT_TRUE(is_poisoned(&p));
  }
  EXPECT_FALSE(any_poisoned(block, sizeof block));
  Arena arena = Arena::over(block);
  EXPECT_TRUE(any_poisoned(block, sizeof block));
  arena = Arena::over({});
  EXPECT_FALSE(any_poisoned(block, sizeof block));
}

TEST(ArenaUnderAsanDeathTest, TheSanitizerReportsUseAfterRewindAndBeyondTheEnd) {
  Result<Arena> made = Arena::create(4096);
  ASSERT_TRUE(made.ok());
  auto* p = static_cast<volatile char*>(made->allocate(24, 8));
  (void)made->allocate(24, 8);
  EXPECT_DEATH(p[24] = 1, "use-after-poison");
  made->reset();
  EXPECT_DEATH(p[0] = 1, "use-after-poison");
}
#endif

}  // namespace
}  // namespace prumo::testing
