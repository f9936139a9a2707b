// Random numbers by counter: a draw is a function of (seed, position) and of nothing else.
#pragma once

#include <cstdint>

namespace prumo {

/// A 128-bit number in two words.
struct Wide {
  std::uint64_t high;
  std::uint64_t low;
  bool operator==(const Wide&) const = default;
};

/// a * b, exactly.
constexpr Wide multiply(std::uint64_t a, std::uint64_t b) {
  __extension__ using Product = unsigned __int128;
  const Product product = static_cast<Product>(a) * b;
  return {static_cast<std::uint64_t>(product >> 64), static_cast<std::uint64_t>(product)};
}

/// Philox2x64-10: a keyed bijection of 128-bit counters whose outputs pass as random (J. Salmon,
/// M. Moraes, R. Dror, D. Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011). Ten rounds
/// of multiply, cross and mix; the key moves by the golden ratio's bits after each. `low` is the
/// paper's word 0.
constexpr Wide philox2x64(Wide counter, std::uint64_t key) {
  constexpr std::uint64_t kMultiplier = 0xD2B74407B1CE6E93u;
  constexpr std::uint64_t kKeyStep = 0x9E3779B97F4A7C15u;
  for (int round = 0; round < 10; ++round) {
    const Wide product = multiply(kMultiplier, counter.low);
    counter = {product.low, product.high ^ key ^ counter.high};
    key += kKeyStep;
  }
  return counter;
}

/// 64 random bits for (seed, position): word 0 of Philox2x64-10 with the seed as its key and the
/// position as its counter. Neighbouring seeds and positions are as unrelated as any others.
constexpr std::uint64_t random_bits(std::uint64_t seed, std::uint64_t position) {
  return philox2x64({0, position}, seed).low;
}

}  // namespace prumo
