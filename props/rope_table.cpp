// Laws of the rotary tables: unit vectors, and angles that add up.
#include "model/rope_table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "support/gen.h"

namespace prumo::testing {
namespace {

struct Rope {
  std::size_t positions;
  std::size_t pairs;
  double base;
  double scale;
  std::vector<float> divisors;

  [[nodiscard]] std::vector<float> table() const {
    std::vector<float> out(positions * pairs * 2);
    fill_rope_table(out.data(), positions, pairs, base, scale, divisors);
    return out;
  }
};

Rope any_rope() {
  Rope r;
  r.positions = *full_range(rc::gen::inRange<std::size_t>(1, 300));
  r.pairs = *full_range(rc::gen::inRange<std::size_t>(1, 70));
  r.base = *rc::gen::element(100.0, 10000.0, 500000.0, 1e6);
  r.scale = *rc::gen::element(1.0, 0.5, 0.25, 0.125);
  if (*rc::gen::arbitrary<bool>()) {
    r.divisors = *vector_of(r.pairs, rc::gen::element(1.0f, 2.0f, 4.0f, 8.0f));
  }
  return r;
}

// Cosine and sine are each rounded once to float and good to an ulp: c^2 + s^2 is 1 to four of
// them.
RC_GTEST_PROP(RopeTableLaw, EveryPairIsAUnitVector, ()) {
  const auto table = any_rope().table();
  for (std::size_t i = 0; i < table.size(); i += 2) {
    const auto c = static_cast<double>(table[i]);
    const auto s = static_cast<double>(table[i + 1]);
    RC_ASSERT(std::fabs(c * c + s * s - 1) <= 4 * 0x1p-24);
  }
}

// A position's angles do not depend on how many positions there are, nor on what others do.
RC_GTEST_PROP(RopeTableLaw, ATableIsABeginningOfALongerOne, ()) {
  Rope r = any_rope();
  const auto shorter = r.table();
  r.positions += *full_range(rc::gen::inRange<std::size_t>(1, 100));
  const auto longer = r.table();
  for (std::size_t i = 0; i < shorter.size(); ++i) RC_ASSERT(same_bits(shorter[i], longer[i]));
}

// Halving the scale, and doubling all divisors, is looking at half the position: exactly, since
// powers of two round nothing.
RC_GTEST_PROP(RopeTableLaw, ScaleAndDivisorsStretchPositions, ()) {
  Rope r = any_rope();
  const auto plain = r.table();
  Rope half = r;
  half.scale /= 2;
  Rope twice = r;
  if (twice.divisors.empty()) twice.divisors.assign(twice.pairs, 1.0f);
  for (float& d : twice.divisors) d *= 2;
  const auto by_scale = half.table();
  const auto by_divisors = twice.table();
  for (std::size_t p = 0; 2 * p < r.positions; ++p) {
    for (std::size_t i = 0; i < 2 * r.pairs; ++i) {
      RC_ASSERT(same_bits(by_scale[2 * p * 2 * r.pairs + i], plain[p * 2 * r.pairs + i]));
      RC_ASSERT(same_bits(by_divisors[2 * p * 2 * r.pairs + i], plain[p * 2 * r.pairs + i]));
    }
  }
}

// Each pair knows its own divisor and no other's.
RC_GTEST_PROP(RopeTableLaw, APairIsAsIfAllHadItsDivisor, ()) {
  Rope r = any_rope();
  RC_PRE(!r.divisors.empty());
  const auto table = r.table();
  const auto i = *full_range(rc::gen::inRange<std::size_t>(0, r.pairs));
  r.divisors.assign(r.pairs, r.divisors[i]);
  const auto alike = r.table();
  for (std::size_t p = 0; p < r.positions; ++p) {
    for (std::size_t at = (p * r.pairs + i) * 2; at < (p * r.pairs + i) * 2 + 2; ++at) {
      RC_ASSERT(same_bits(table[at], alike[at]));
    }
  }
}

// Turning by the angle of p and then by that of q is turning by that of p + q: to the rounding of
// the three pairs, and the angle's own error in double.
RC_GTEST_PROP(RopeTableLaw, AnglesAdd, ()) {
  const Rope r = any_rope();
  const auto table = r.table();
  const auto p = *full_range(rc::gen::inRange<std::size_t>(0, r.positions));
  const auto q = *full_range(rc::gen::inRange<std::size_t>(0, r.positions - p));
  for (std::size_t i = 0; i < r.pairs; ++i) {
    const auto cos_of = [&](std::size_t at) { return double{table[(at * r.pairs + i) * 2]}; };
    const auto sin_of = [&](std::size_t at) { return double{table[(at * r.pairs + i) * 2 + 1]}; };
    const double c = cos_of(p) * cos_of(q) - sin_of(p) * sin_of(q);
    const double s = sin_of(p) * cos_of(q) + cos_of(p) * sin_of(q);
    RC_ASSERT(std::fabs(c - cos_of(p + q)) <= 4 * 0x1p-24);
    RC_ASSERT(std::fabs(s - sin_of(p + q)) <= 4 * 0x1p-24);
  }
}

// Position 0 turns nothing, to the bit.
RC_GTEST_PROP(RopeTableLaw, PositionZeroTurnsNothing, ()) {
  const Rope r = any_rope();
  const auto table = r.table();
  for (std::size_t i = 0; i < r.pairs; ++i) {
    RC_ASSERT(same_bits(table[2 * i], 1.0f));
    RC_ASSERT(same_bits(table[2 * i + 1], 0.0f));
  }
}

}  // namespace
}  // namespace prumo::testing
