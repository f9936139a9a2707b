// Large blocks: zeroed, aligned, refused when the machine has not that much.
#include "base/memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "support/mapped.h"

namespace prumo {
namespace {

using testing::is_mapped;

TEST(Block, IsZeroedAndOnAHugePage) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{4097}, std::size_t{5} << 20}) {
    auto block = Block::allocate(size, "test");
    ASSERT_TRUE(block.ok());
    ASSERT_EQ(block->size(), size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block->data()) % (2u << 20), 0u);
    EXPECT_TRUE(std::all_of(block->data(), block->data() + size,
                            [](std::byte b) { return b == std::byte{}; }));
    std::fill(block->data(), block->data() + size, std::byte{1});
  }
}

TEST(Block, OfNothingIsEmpty) {
  auto block = Block::allocate(0, "test");
  ASSERT_TRUE(block.ok());
  EXPECT_EQ(block->size(), 0u);
}

TEST(Block, MovesItsMemory) {
  Block a = *Block::allocate(100, "test");
  std::byte* const data = a.data();
  Block b = std::move(a);
  EXPECT_EQ(b.data(), data);
  Block c;
  c = std::move(b);
  EXPECT_EQ(c.data(), data);
  EXPECT_EQ(c.size(), 100u);
}

// The first and the last page of what a block held: when it ends, and when another takes its place.
TEST(Block, GivesItsMemoryBack) {
  for (const std::size_t size : {std::size_t{4096}, std::size_t{5} << 20}) {
    std::byte* first = nullptr;
    std::byte* second = nullptr;
    {
      Block block = *Block::allocate(size, "test");
      first = block.data();
      EXPECT_TRUE(is_mapped(first) && is_mapped(first + size - 1)) << size;
      {
        Block other = *Block::allocate(size, "test");
        second = other.data();
        block = std::move(other);
      }
      EXPECT_FALSE(is_mapped(first) || is_mapped(first + size - 1)) << size;
      Block moved = std::move(block);
      EXPECT_TRUE(is_mapped(second) && is_mapped(second + size - 1)) << size;
    }
    EXPECT_FALSE(is_mapped(second) || is_mapped(second + size - 1)) << size;
  }
}

TEST(Block, MoreThanTheMachineHasIsRefusedByName) {
  for (const std::size_t size : {std::size_t{1} << 46, SIZE_MAX, SIZE_MAX - 4096}) {
    const auto block = Block::allocate(size, "a large thing");
    ASSERT_FALSE(block.ok());
    EXPECT_EQ(block.error().code, ErrorCode::kOutOfMemory);
    EXPECT_EQ(block.error().place, "a large thing");
    // Ours to refuse: the system would promise memory that it cannot give.
    EXPECT_NE(block.error().message.find("the machine has"), std::string::npos);
  }
  EXPECT_GT(available_memory(), 0u);
}

TEST(AvailableMemory, IsWhatTheSystemsFilesSay) {
  const std::string meminfo =
      "MemTotal:       32000000 kB\nMemFree:            1000 kB\nMemAvailable:      20000 kB\n"
      "Buffers:               3 kB\n";
  EXPECT_EQ(available_in_system(meminfo), 20000u * 1024);
  EXPECT_EQ(available_in_system("MemTotal: 32 kB\n"), SIZE_MAX) << "it does not say";
  EXPECT_EQ(available_in_system(""), SIZE_MAX);

  EXPECT_EQ(available_in_group("8000\n", "3000\n"), 5000u);
  EXPECT_EQ(available_in_group("8000\n", "8000\n"), 0u);
  EXPECT_EQ(available_in_group("8000\n", "9000\n"), 0u) << "a limit may be set below what is used";
  EXPECT_EQ(available_in_group("0\n", "0\n"), 0u);
  EXPECT_EQ(available_in_group("max\n", "3000\n"), SIZE_MAX);
  EXPECT_EQ(available_in_group("", ""), SIZE_MAX) << "there is no group";
}

TEST(HumanBytes, HasThreeDigitsAndAUnit) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(999), "999 B");
  EXPECT_EQ(human_bytes(1000), "1 kB");
  EXPECT_EQ(human_bytes(1234567), "1.23 MB");
  EXPECT_EQ(human_bytes(999999), "1 MB");
  EXPECT_EQ(human_bytes(25600000000), "25.6 GB");
}

}  // namespace
}  // namespace prumo
