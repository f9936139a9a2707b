// Laws of rotations of adjacent pairs.
#include <gtest/gtest.h>

#include "support/accuracy.h"
#include "support/angles.h"
#include "support/vector_laws.h"
#include "support/vectors.h"

namespace prumo::testing {

RC_GTEST_PROP(Rope, EveryTableGivesTheOraclesBits, ()) {
  const std::size_t n = 2 * draw_length();
  obeys(rope_law(draw_finite(n), draw_finite(n)));
  obeys(rope_law(draw_any(n), draw_any(n)));
}

RC_GTEST_PROP(Rope, PairsDoNotTouchOneAnother, ()) {
  const std::size_t pairs = draw_length(1);
  const auto x = draw_finite(2 * pairs);
  const auto angles = make_angles(pairs, *rc::gen::inRange(0, 5000));
  const std::size_t i = *rc::gen::inRange<std::size_t>(0, pairs);
  for (const Kernels* table : tables()) {
    auto all = x;
    table->rope(all.data(), angles.data(), pairs);
    float one[2] = {x[2 * i], x[2 * i + 1]};
    table->rope(one, angles.data() + 2 * i, 1);
    RC_ASSERT(difference(all.data() + 2 * i, one, 2) == "");
  }
}

// In roundings u: a table of (c, s), each rounded once, has c^2 + s^2 off by at most 2 u (|c| +
// |s|)
// <= 2.83 u, which is 1.42 u of the length; the two outputs are off by u (|b s| + |y0|) and
// u (|b c| + |y1|), together by at most 2 u of the length, as (s, c) has length 1.
RC_GTEST_PROP(Rope, LengthsOfPairsStay, ()) {
  const std::size_t pairs = draw_length();
  const auto x = draw_finite(2 * pairs);
  const auto angles = make_angles(pairs, *rc::gen::inRange(0, 100000));
  for (const Kernels* table : tables()) {
    auto y = x;
    table->rope(y.data(), angles.data(), pairs);
    for (std::size_t i = 0; i < pairs; ++i) {
      const auto length = [i](const std::vector<float>& v) {
        return std::hypot(static_cast<double>(v[2 * i]), static_cast<double>(v[2 * i + 1]));
      };
      RC_ASSERT(std::fabs(length(y) - length(x)) <= 1.001 * 3.42 * kUnitRoundoff * length(x));
    }
  }
}

RC_GTEST_PROP(Rope, QuarterTurnsAreExact, ()) {
  const std::size_t pairs = draw_length();
  const auto x = draw_finite(2 * pairs);
  std::vector<float> quarter;
  for (std::size_t i = 0; i < pairs; ++i) quarter.insert(quarter.end(), {0.0f, 1.0f});
  for (const Kernels* table : tables()) {
    auto y = x;
    for (int turn = 0; turn < 2; ++turn) table->rope(y.data(), quarter.data(), pairs);
    for (std::size_t i = 0; i < y.size(); ++i) RC_ASSERT(y[i] == -x[i]);
  }
}

RC_GTEST_PROP(Rope, TheErrorIsBounded, ()) {
  Bits bits(*rc::gen::arbitrary<std::uint64_t>());
  const std::size_t n = 2 * draw_length(1);
  RC_ASSERT(rope_accuracy(spread(n, 20, bits), spread(n, 3, bits)).fault() == "");
}

}  // namespace prumo::testing
