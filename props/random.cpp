// Laws of the counter-based generator for all seeds and counters.
#include "base/random.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace prumo {
namespace {

rc::Gen<std::uint64_t> word() {
  return rc::gen::oneOf(rc::gen::arbitrary<std::uint64_t>(),
                        rc::gen::inRange<std::uint64_t>(0, 1000),
                        rc::gen::map(rc::gen::arbitrary<std::uint32_t>(),
                                     [](std::uint32_t low) { return ~std::uint64_t{0} - low; }));
}

RC_GTEST_PROP(RandomLaw, ProductIsThatOfTheSchoolbook, ()) {
  const std::uint64_t a = *word();
  const std::uint64_t b = *word();
  const std::uint64_t a0 = a & 0xFFFFFFFFu, a1 = a >> 32, b0 = b & 0xFFFFFFFFu, b1 = b >> 32;
  const std::uint64_t middle = a1 * b0 + (a0 * b0 >> 32);
  const std::uint64_t other = a0 * b1 + (middle & 0xFFFFFFFFu);
  const Wide product = multiply(a, b);
  RC_ASSERT(product.low == a * b);
  RC_ASSERT(product.high == a1 * b1 + (middle >> 32) + (other >> 32));
}

/// Philox backwards: the multiplier is odd, so that a low half gives its factor back.
Wide undo(Wide out, std::uint64_t key) {
  constexpr std::uint64_t kMultiplier = 0xD2B74407B1CE6E93u;
  std::uint64_t inverse = 1;
  for (int i = 0; i < 6; ++i) inverse *= 2 - kMultiplier * inverse;  // Newton: bits double
  for (std::uint64_t round = 10; round-- > 0;) {
    const std::uint64_t round_key = key + round * 0x9E3779B97F4A7C15u;
    const std::uint64_t low = out.high * inverse;
    out = {out.low ^ round_key ^ multiply(kMultiplier, low).high, low};
  }
  return out;
}

RC_GTEST_PROP(RandomLaw, EveryCounterComesBack, ()) {
  const Wide counter = {*word(), *word()};
  const std::uint64_t key = *word();
  RC_ASSERT(undo(philox2x64(counter, key), key) == counter);
}

RC_GTEST_PROP(RandomLaw, ADrawIsAFunctionOfSeedAndPosition, ()) {
  const std::uint64_t seed = *word();
  const std::uint64_t position = *word();
  const std::uint64_t bits = random_bits(seed, position);
  random_bits(*word(), *word());
  RC_ASSERT(random_bits(seed, position) == bits);
  // 2^-64 each for a generator worth the name.
  RC_ASSERT(random_bits(seed, position + 1) != bits);
  RC_ASSERT(random_bits(seed + 1, position) != bits);
}

}  // namespace
}  // namespace prumo
