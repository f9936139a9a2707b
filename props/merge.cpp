// Laws of key ranges joined into one softmax.
#include <gtest/gtest.h>

#include "support/accuracy.h"
#include "support/gen.h"
#include "support/merge_law.h"
#include "support/oracles.h"

namespace prumo::testing {

namespace {
Merge draw_merge(Values kind) {
  Bits bits(*rc::gen::arbitrary<std::uint64_t>());
  Merge m = make_merge(*rc::gen::inRange<std::size_t>(1, 20),
                       *rc::gen::inRange<std::size_t>(1, 140), kind, bits);
  m.scale = *rc::gen::element(0.125f, 1.0f, 20.0f);
  return m;
}
}  // namespace

RC_GTEST_PROP(Merge, EveryTableGivesTheOraclesBits, ()) {
  obeys(merge_law(
      draw_merge(*rc::gen::elementOf(std::vector<Values>(kAllValues.begin(), kAllValues.end())))));
}

RC_GTEST_PROP(Merge, DoublingTheOutputsDoublesTheResult, ()) {
  const Merge m = draw_merge(Values::kOrdinary);
  Merge twice = m;
  for (float& x : twice.out) x *= 2;
  for (const Kernels* table : tables()) {
    std::string fault;
    auto wanted = join(*table, m, Side::kRight, fault);
    for (float& x : wanted) x *= 2;
    const auto got = join(*table, twice, Side::kRight, fault);
    RC_ASSERT(difference(got.data(), wanted.data(), wanted.size()) == "");
  }
}

// Ranges that weigh nothing (their maximum is 2^10 below, times a scale of at least 1/8) may come
// and go.
RC_GTEST_PROP(Merge, RangesFarBelowChangeNothing, ()) {
  const Merge m = draw_merge(Values::kOrdinary);
  Merge more = m;
  ++more.ranges;
  more.max.push_back(-1024);
  more.sum.push_back(5);
  more.out.insert(more.out.end(), m.head_dim, 3.0f);
  for (const Kernels* table : tables()) {
    std::string fault;
    const auto wanted = join(*table, m, Side::kRight, fault);
    const auto got = join(*table, more, Side::kLeft, fault);
    RC_ASSERT(difference(got.data(), wanted.data(), wanted.size()) == "");
  }
}

// Where every range has the same quotient v = out / sum, so has the whole. In roundings u: a sum of
// R positive terms is off by R of itself, numerator and denominator, out of v * sum by 1, the
// quotient by 1.
RC_GTEST_PROP(Merge, EqualQuotientsStay, ()) {
  Merge m = draw_merge(Values::kOrdinary);
  const float v = *finite_float();
  for (std::size_t i = 0; i < m.out.size(); ++i) m.out[i] = v * m.sum[i / m.head_dim];
  for (const Kernels* table : tables()) {
    std::string fault;
    for (float y : join(*table, m, Side::kRight, fault)) {
      const double steps = 2 * static_cast<double>(m.ranges) + 2;
      const double bound = 1.001 * steps * kUnitRoundoff * std::fabs(static_cast<double>(v));
      RC_ASSERT(std::fabs(static_cast<double>(y) - static_cast<double>(v)) <= bound);
    }
  }
}

RC_GTEST_PROP(Merge, TheErrorIsBounded, ()) {
  Bits bits(*rc::gen::arbitrary<std::uint64_t>());
  const auto ranges = *rc::gen::inRange<std::size_t>(1, 40);
  const auto head_dim = 2 * *rc::gen::inRange<std::size_t>(1, 40);
  auto m = make_merge(ranges, head_dim, Values::kOrdinary, bits);
  for (float& max : m.max) max *= 8;
  RC_ASSERT(merge_accuracy(m).fault() == "");
}

}  // namespace prumo::testing
