// tile_weight: weights by hand, every length, and the arguments at which its fixed point could
// slip.
#include <gtest/gtest.h>

#include <limits>

#include "support/select_law.h"
#include "support/values.h"

namespace prumo::testing {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kLargest = std::numeric_limits<float>::max();
constexpr std::uint64_t kOne = std::uint64_t{1} << 32;

std::uint64_t weight_of(const Kernels& table, float x, float max, float scale) {
  std::uint64_t tile = 0;
  table.tile_weight(&x, 1, max, scale, &tile);
  return tile;
}

TEST(TileWeight, ByHand) {
  for (const Kernels* table : tables()) {
    EXPECT_EQ(weight_of(*table, 3, 3, 1), kOne) << table->name;
    EXPECT_EQ(weight_of(*table, -0.0f, 0.0f, 7), kOne);
    EXPECT_EQ(weight_of(*table, 0.0f, -0.0f, 7), kOne);
    EXPECT_EQ(weight_of(*table, -kInfinity, 3, 1), 0u);
    EXPECT_EQ(weight_of(*table, -kLargest, kLargest, 1), 0u);  // the difference overflows
    EXPECT_EQ(weight_of(*table, 1, 2, kLargest), 0u);          // the product too
    EXPECT_EQ(weight_of(*table, 2, 2, kLargest), kOne);
    EXPECT_EQ(weight_of(*table, -kInfinity, 2, 1e-45f), 0u);
    EXPECT_EQ(weight_of(*table, -1000, 1000, 1e-40f), kOne);
    EXPECT_EQ(weight_of(*table, -22.18f, 0, 1), 1u);  // just above 2^-32
    EXPECT_EQ(weight_of(*table, -22.19f, 0, 1), 0u);  // just below
    const std::vector<float> equal(130, 1.5f);
    std::uint64_t tiles[3] = {};
    table->tile_weight(equal.data(), 130, 1.5f, 2, tiles);
    EXPECT_EQ(tiles[0], 64 * kOne);
    EXPECT_EQ(tiles[1], 64 * kOne);
    EXPECT_EQ(tiles[2], 2 * kOne);
    table->tile_weight(nullptr, 0, 0, 1, nullptr);
  }
}

TEST(TileWeight, EveryLength) {
  Bits bits(1);
  for (std::size_t n : vector_lengths()) {
    std::vector<float> x(n);
    for (float& v : x) v = 12 * bits.unit() - 12;
    for (float scale : {1.0f, 0.1f, 3.7f}) ASSERT_EQ(tile_weight_law(x, 0, scale), "");
  }
}

// Every argument from 0 down to where all is 0, in steps fine enough to meet each power of two of
// the result many times; then all of them near the thresholds.
TEST(TileWeight, EveryRegionOfTheArgument) {
  std::vector<float> x;
  for (float t = 0; t > -140; t -= 0.0037f) x.push_back(t);
  ASSERT_EQ(tile_weight_law(x, 0, 1), "");
  for (float centre : {-22.180710f, -30.0f, -87.33f, -88.0f, -0.34657f, -1e-7f, -1e-38f}) {
    std::vector<float> near;
    float t = centre;
    for (int i = 0; i < 300; ++i) t = std::nextafter(t, 0.0f);
    for (int i = 0; i < 600; ++i, t = std::nextafter(t, -kInfinity)) near.push_back(t);
    ASSERT_EQ(tile_weight_law(near, 0, 1), "") << centre;
  }
}

TEST(TileWeight, WideLogitsAndScales) {
  Bits bits(2);
  for (int round = 0; round < 200; ++round) {
    std::vector<float> x(1 + bits.below(200));
    float max = -kInfinity;
    for (float& v : x) {
      do {
        v = bits.any();
      } while (is_nan(v) || v == kInfinity);
      if (bits.below(4) == 0) v = std::ldexp(bits.unit(), static_cast<int>(bits.below(8)));
      max = std::max(max, v);
    }
    if (max == -kInfinity) max = x[0] = 1;
    for (float scale : {1.0f, 1e-20f, 1e-44f, 1e10f, kLargest}) {
      ASSERT_EQ(tile_weight_law(x, max, scale), "");
    }
  }
}

}  // namespace
}  // namespace prumo::testing
