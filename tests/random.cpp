// The counter-based generator: the published answers, and bits that look like chance by bounds that
// chance itself would break once in 10^9 runs. Seeds are fixed, so the outcome is too.
#include "base/random.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>

namespace prumo {
namespace {

// From the authors' kat_vectors, "philox2x64 10".
TEST(Random, KnownAnswers) {
  EXPECT_EQ(philox2x64({0, 0}, 0), (Wide{0x66c24222c9a845b5, 0xca00a0459843d731}));
  EXPECT_EQ(philox2x64({~0ull, ~0ull}, ~0ull), (Wide{0x4d02f3222f86df20, 0x65b021d60cd8310f}));
  EXPECT_EQ(philox2x64({0x13198a2e03707344, 0x243f6a8885a308d3}, 0xa4093822299f31d0),
            (Wide{0xb0f883d38000de5d, 0x0a5e742c2997341c}));
  EXPECT_EQ(random_bits(0, 0), 0xca00a0459843d731u);
}

TEST(Random, SeedIsTheKeyAndPositionTheCounter) {
  EXPECT_EQ(random_bits(7, 11), philox2x64({0, 11}, 7).low);
  EXPECT_NE(random_bits(7, 11), random_bits(11, 7));
}

TEST(Random, Products) {
  EXPECT_EQ(multiply(0, ~0ull), (Wide{0, 0}));
  EXPECT_EQ(multiply(~0ull, ~0ull), (Wide{~0ull - 1, 1}));
  EXPECT_EQ(multiply(1ull << 63, 2), (Wide{1, 0}));
  EXPECT_EQ(multiply(0x100000001u, 0x100000001u), (Wide{1, 0x200000001u}));
}

// Hoeffding: of n fair bits the ones leave n / 2 by more than sqrt(n ln(2 / e) / 2) with chance e.
double allowed(double n, double chance) {
  return std::sqrt(n * std::log(2 / chance) / 2);
}

template <class Draw>
void expect_fair_bits(Draw&& draw) {
  constexpr std::uint64_t kDraws = 1 << 16;
  std::array<std::uint64_t, 64> ones{};
  std::array<std::uint64_t, 64> changes{};  // from one draw to the next
  for (std::uint64_t i = 0; i < kDraws; ++i) {
    const std::uint64_t now = draw(i);
    const std::uint64_t changed = now ^ draw(i + 1);
    for (std::size_t bit = 0; bit < 64; ++bit) {
      ones[bit] += now >> bit & 1u;
      changes[bit] += changed >> bit & 1u;
    }
  }
  const double bound = allowed(kDraws, 1e-9 / 128);
  for (std::size_t bit = 0; bit < 64; ++bit) {
    EXPECT_LE(std::fabs(static_cast<double>(ones[bit]) - kDraws / 2.0), bound) << bit;
    EXPECT_LE(std::fabs(static_cast<double>(changes[bit]) - kDraws / 2.0), bound) << bit;
  }
}

TEST(Random, BitsAreFairAlongPositions) {
  expect_fair_bits([](std::uint64_t i) { return random_bits(42, i); });
}

TEST(Random, BitsAreFairAlongSeeds) {
  expect_fair_bits([](std::uint64_t i) { return random_bits(i, 42); });
}

// Flipping any one bit of the position or of the seed flips each of the 64 with chance one half.
TEST(Random, EveryBitMatters) {
  constexpr std::uint64_t kTries = 2048;
  const double bound = allowed(kTries * 64, 1e-9 / 128);
  for (std::uint64_t bit = 0; bit < 64; ++bit) {
    int by_position = 0;
    int by_seed = 0;
    for (std::uint64_t i = 0; i < kTries; ++i) {
      const std::uint64_t base = random_bits(i, 3 * i);
      by_position += std::popcount(base ^ random_bits(i, (3 * i) ^ (1ull << bit)));
      by_seed += std::popcount(base ^ random_bits(i ^ (1ull << bit), 3 * i));
    }
    EXPECT_LE(std::fabs(by_position - kTries * 32.0), bound) << bit;
    EXPECT_LE(std::fabs(by_seed - kTries * 32.0), bound) << bit;
  }
}

// For X of a chi-square law with d degrees, P(X > d + 2 sqrt(d t) + 2 t) <= e^-t, and P(X < d - 2
// sqrt(d t)) <= e^-t (B. Laurent, P. Massart, Annals of Statistics 28, 2000, lemma 1). The upper
// bytes of neighbouring draws, taken in pairs, fill 65536 cells with 64 each.
TEST(Random, NeighboursAreIndependent) {
  static std::array<std::uint32_t, 65536> cells{};
  constexpr std::uint64_t kPairs = 65536 * 64;
  for (std::uint64_t i = 0; i < kPairs; ++i) {
    ++cells[(random_bits(9, 2 * i) >> 56 << 8) | (random_bits(9, 2 * i + 1) >> 56)];
  }
  double chi2 = 0;
  for (const std::uint32_t count : cells) chi2 += (count - 64.0) * (count - 64.0) / 64;
  const double d = 65535;
  const double t = 21;
  EXPECT_LE(chi2, d + 2 * std::sqrt(d * t) + 2 * t);
  EXPECT_GE(chi2, d - 2 * std::sqrt(d * t));
}

}  // namespace
}  // namespace prumo
