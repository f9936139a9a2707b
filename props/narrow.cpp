// Laws of the conversion to binary16.
#include <gtest/gtest.h>

#include "base/half.h"
#include "support/accuracy.h"
#include "support/narrow_law.h"
#include "support/vectors.h"

namespace prumo::testing {

RC_GTEST_PROP(Narrow, EveryTableConvertsAsHalfDoes, ()) {
  obeys(narrow_law(draw_any(draw_length())));
  obeys(narrow_law(draw_finite(draw_length())));
}

RC_GTEST_PROP(Narrow, HalvesComeBack, ()) {
  const auto halves = *vector_of(draw_length(), full_range(rc::gen::arbitrary<std::uint16_t>()));
  std::vector<float> x;
  for (std::uint16_t h : halves) x.push_back(half_to_float(h));
  for (const Kernels* table : tables()) {
    std::vector<std::uint16_t> y(x.size());
    table->narrow(x.data(), x.size(), y.data());
    for (std::size_t i = 0; i < x.size(); ++i) RC_ASSERT(same_half(y[i], halves[i]));
  }
}

RC_GTEST_PROP(Narrow, TheErrorIsBounded, ()) {
  Bits bits(*rc::gen::arbitrary<std::uint64_t>());
  RC_ASSERT(narrow_accuracy(spread(draw_length(1), 15, bits)).fault() == "");
}

}  // namespace prumo::testing
