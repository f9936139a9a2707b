// tile_max on every instruction set: each clause of its contract, by example and by enumeration.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "kernels/isa.h"
#include "support/argmax_oracle.h"
#include "support/floats.h"
#include "support/guarded.h"
#include "support/tables.h"

namespace prumo::testing {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kLeast = std::numeric_limits<float>::denorm_min();

// From the contract: argmax's oracle a tile, a zero without its sign.
std::vector<float> oracle(const float* x, std::size_t n) {
  std::vector<float> out;
  for (std::size_t begin = 0; begin < n; begin += kTile) {
    const std::size_t length = std::min(kTile, n - begin);
    const std::size_t at = argmax_oracle(x + begin, length).index;
    const float max = at == npos ? -kInf : x[begin + at];
    out.push_back(order_of(max) == 0 ? 0.0f : max);
  }
  return out;
}

// Whether every instruction set gives `wanted`, bit for bit, in memory that ends on a forbidden
// page.
::testing::AssertionResult all_give(const std::vector<float>& wanted, const float* x,
                                    std::size_t n) {
  for (const Kernels* table : tables()) {
    Guarded<float> tiles(wanted.size(), Guarded<float>::Side::kRight);
    std::fill_n(tiles.data(), wanted.size(), 123.0f);
    table->tile_max(x, n, tiles.data());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (std::bit_cast<std::uint32_t>(tiles[i]) == std::bit_cast<std::uint32_t>(wanted[i])) {
        continue;
      }
      return ::testing::AssertionFailure() << table->name << ", n = " << n << ": tile " << i
                                           << " is " << tiles[i] << ", wanted " << wanted[i];
    }
  }
  return ::testing::AssertionSuccess();
}

::testing::AssertionResult all_give(const std::vector<float>& wanted, const std::vector<float>& x) {
  return all_give(wanted, x.data(), x.size());
}

TEST(TileMax, Examples) {
  EXPECT_TRUE(all_give({}, std::vector<float>{}));
  EXPECT_TRUE(all_give({3}, {1, 3, 2}));
  EXPECT_TRUE(all_give({-kInf}, {kNan, kNan}));
  EXPECT_TRUE(all_give({-kInf}, {-kInf, kNan}));
  EXPECT_TRUE(all_give({kInf}, {-kInf, kInf, kNan}));
  EXPECT_TRUE(all_give({0.0f}, {-0.0f, -1}));
  EXPECT_TRUE(all_give({0.0f}, {-0.0f, 0.0f, kNan}));
  EXPECT_TRUE(all_give({-kLeast}, {-kLeast, -2 * kLeast}));
  EXPECT_TRUE(all_give({kLeast}, {0.0f, kLeast}));
  std::vector<float> x(130, -2.0f);
  x[63] = -1.0f;
  x[64] = 5.0f;
  EXPECT_TRUE(all_give({-1.0f, 5.0f, -2.0f}, x));
}

TEST(TileMax, EveryLengthBetweenForbiddenPages) {
  Bits bits(11);
  for (std::size_t n = 0; n <= 5 * kTile + 3; ++n) {
    for (auto side : {Guarded<float>::Side::kLeft, Guarded<float>::Side::kRight}) {
      Guarded<float> x(n, side);
      for (std::size_t i = 0; i < n; ++i) x[i] = bits.unit() - 2.0f;
      ASSERT_TRUE(all_give(oracle(x.data(), n), x.data(), n));
      for (std::size_t back = 1; back <= std::min<std::size_t>(n, 18); ++back) {
        const float was = std::exchange(x[n - back], back % 2 == 0 ? kNan : 1.0f);
        ASSERT_TRUE(all_give(oracle(x.data(), n), x.data(), n)) << back << " before the end";
        x[n - back] = was;
      }
    }
  }
}

TEST(TileMax, EveryAlignment) {
  Bits bits(12);
  std::vector<float> buffer(64 + 300 + 64);
  for (std::size_t offset = 0; offset < 64; ++offset) {
    for (std::size_t n = 0; n <= 300; n += 1 + n / 5) {
      for (std::size_t i = 0; i < buffer.size(); ++i) buffer[i] = i % 2 == 0 ? kInf : kNan;
      float* x = buffer.data() + offset;
      for (std::size_t i = 0; i < n; ++i) x[i] = bits.unit();
      ASSERT_TRUE(all_give(oracle(x, n), x, n)) << "offset " << offset;
    }
  }
}

TEST(TileMax, EveryPlaceAndItsNeighbours) {
  std::vector<float> x(3 * kTile + 21, -1.0f);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = 1.0f;
    ASSERT_TRUE(all_give(oracle(x.data(), x.size()), x)) << "maximum at " << i;
    for (std::size_t away : {1u, 8u, 16u, 32u, 48u}) {
      if (i + away >= x.size()) continue;
      x[i + away] = kNan;
      ASSERT_TRUE(all_give(oracle(x.data(), x.size()), x)) << "maximum at " << i << " before a NaN";
      x[i + away] = 1.0f;
      x[i] = kNan;
      ASSERT_TRUE(all_give(oracle(x.data(), x.size()), x)) << "NaN at " << i << " before a maximum";
      x[i] = 1.0f;
      x[i + away] = -1.0f;
    }
    x[i] = -1.0f;
  }
}

TEST(TileMax, EveryPairOfSpecialFloatsInEveryTile) {
  for (float background : {-kInf, -2.0f, kNan}) {
    for (float a : kSpecialFloats) {
      for (float b : kSpecialFloats) {
        for (std::size_t away : {1u, 4u, 15u, 16u, 40u}) {
          std::vector<float> x(2 * kTile + 10, background);
          for (std::size_t begin = 0; begin < x.size(); begin += kTile) {
            x[begin + 3] = a;
            if (begin + 3 + away < x.size()) x[begin + 3 + away] = b;
          }
          ASSERT_TRUE(all_give(oracle(x.data(), x.size()), x));
        }
      }
    }
  }
}

TEST(TileMax, AnyBits) {
  Bits bits(13);
  for (int round = 0; round < 200; ++round) {
    std::vector<float> x(bits.below(3000));
    for (float& value : x) value = bits.any();
    ASSERT_TRUE(all_give(oracle(x.data(), x.size()), x)) << "round " << round;
  }
}

#if PRUMO_X86
TEST(TileMax, TheCallersFloatingPointModesDoNotMatter) {
  constexpr unsigned kFlags = 0x3F;
  std::vector<float> x(200, -3 * kLeast);
  x[10] = -kLeast;
  x[70] = -0.0f;
  x[199] = kLeast;
  for (unsigned csr : {0x1F80u, 0x9FC0u, 0x3F80u, 0x5F80u, 0x7F80u, 0xFFC0u}) {
    for (const Kernels* table : tables()) {
      std::vector<float> tiles(4);
      const unsigned saved = _mm_getcsr();
      _mm_setcsr(csr);
      table->tile_max(x.data(), x.size(), tiles.data());
      const unsigned after = _mm_getcsr() & ~kFlags;
      _mm_setcsr(saved);
      const std::vector<float> wanted = {-kLeast, 0.0f, -3 * kLeast, kLeast};
      EXPECT_EQ(first_difference(tiles.data(), wanted.data(), 4), 4u) << table->name << " " << csr;
      EXPECT_EQ(after, csr);
    }
  }
}
#endif

}  // namespace
}  // namespace prumo::testing
