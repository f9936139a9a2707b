// collect: thresholds by hand, every length, every mask of eight, and the special numbers.
#include <gtest/gtest.h>

#include <limits>

#include "support/select_law.h"
#include "support/values.h"

namespace prumo::testing {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

TEST(Collect, ByHand) {
  const std::vector<float> x = {-0.0f, 1, kNaN, -1, 0.0f, kInfinity, -kInfinity, -kNaN, 1e-45f};
  for (const Kernels* table : tables()) {
    std::vector<std::uint32_t> ids(x.size());
    ASSERT_EQ(table->collect(x.data(), x.size(), 0.0f, 100, ids.data()), 5u) << table->name;
    ids.resize(5);
    EXPECT_EQ(ids, (std::vector<std::uint32_t>{100, 101, 104, 105, 108}));
    EXPECT_EQ(table->collect(nullptr, 0, 0.0f, 0, nullptr), 0u);
  }
}

TEST(Collect, EveryLengthAndThreshold) {
  Bits bits(1);
  for (std::size_t n : vector_lengths()) {
    std::vector<float> x(n);
    for (float& v : x) v = bits.unit();
    for (float least : {-kInfinity, -1.0f, -0.5f, 0.0f, 0.9f, 1.0f, kInfinity}) {
      ASSERT_EQ(collect_law(x, least, static_cast<std::uint32_t>(bits.below(1000))), "");
    }
  }
}

// All 65536 masks of a vector of 16, and so all of 8.
TEST(Collect, EveryMask) {
  std::vector<float> x(16);
  for (const Kernels* table : tables()) {
    for (std::uint32_t mask = 0; mask < 65536; ++mask) {
      for (std::size_t i = 0; i < 16; ++i) x[i] = (mask >> i & 1u) != 0 ? 1.0f : -1.0f;
      std::uint32_t ids[16];
      const std::size_t count = table->collect(x.data(), 16, 1.0f, 0, ids);
      std::uint32_t back = 0;
      for (std::size_t i = 0; i < count; ++i) {
        ASSERT_TRUE(i == 0 || ids[i] > ids[i - 1]);
        back |= 1u << ids[i];
      }
      ASSERT_EQ(back, mask) << table->name;
    }
  }
}

TEST(Collect, SpecialNumbersAtEveryPlace) {
  for (float special : kSpecialFloats) {
    for (float least : kSpecialFloats) {
      for (std::size_t i = 0; i < 35; ++i) {
        std::vector<float> x(35, 0.0f);
        x[i] = special;
        ASSERT_EQ(collect_law(x, least, 0), "");
      }
    }
  }
}

TEST(Collect, IdsReachTheEndOfTheirRange) {
  ASSERT_EQ(collect_law(std::vector<float>(77, 1.0f), 0, 0xFFFFFFFFu - 76), "");
}

}  // namespace
}  // namespace prumo::testing
