// Laws of silu(gate) * up.
#include <gtest/gtest.h>

#include "support/accuracy.h"
#include "support/vector_laws.h"
#include "support/vectors.h"

namespace prumo::testing {

RC_GTEST_PROP(SwiGlu, EveryTableGivesTheOraclesBits, ()) {
  const std::size_t n = draw_length();
  obeys(swiglu_law(draw_finite(n), draw_finite(n)));
  obeys(swiglu_law(draw_any(n), draw_any(n)));
}

RC_GTEST_PROP(SwiGlu, ElementsDoNotTouchOneAnother, ()) {
  const std::size_t n = draw_length(1);
  const auto gate = draw_any(n);
  const auto up = draw_any(n);
  const std::size_t i = *rc::gen::inRange<std::size_t>(0, n);
  for (const Kernels* table : tables()) {
    std::vector<float> y(n);
    table->swiglu(gate.data(), up.data(), n, y.data());
    float one = 0;
    table->swiglu(gate.data() + i, up.data() + i, 1, &one);
    RC_ASSERT(same_bits(y[i], one));
  }
}

RC_GTEST_PROP(SwiGlu, IsLinearInUpForPowersOfTwo, ()) {
  const std::size_t n = draw_length();
  const auto gate = draw_finite(n);
  const auto up = draw_finite(n);
  auto scaled = up;
  for (float& v : scaled) v *= -4.0f;
  for (const Kernels* table : tables()) {
    std::vector<float> y(n);
    std::vector<float> z(n);
    table->swiglu(gate.data(), up.data(), n, y.data());
    table->swiglu(gate.data(), scaled.data(), n, z.data());
    for (std::size_t i = 0; i < n; ++i) RC_ASSERT(z[i] == y[i] * -4.0f);
  }
}

// silu lies between the gate and 0, and on its own side of it: 1 + exp(-g) is at least 1.
RC_GTEST_PROP(SwiGlu, LiesBetweenZeroAndTheGate, ()) {
  const std::size_t n = draw_length();
  const auto gate = draw_finite(n);
  const std::vector<float> up(n, 1.0f);
  for (const Kernels* table : tables()) {
    std::vector<float> y(n);
    table->swiglu(gate.data(), up.data(), n, y.data());
    for (std::size_t i = 0; i < n; ++i) {
      RC_ASSERT(std::fabs(y[i]) <= std::fabs(gate[i]));
      RC_ASSERT(std::signbit(y[i]) == std::signbit(gate[i]));
      if (gate[i] > 17.0f) RC_ASSERT(y[i] == gate[i]);
    }
  }
}

RC_GTEST_PROP(SwiGlu, TheErrorIsBounded, ()) {
  Bits bits(*rc::gen::arbitrary<std::uint64_t>());
  const std::size_t n = draw_length(1);
  RC_ASSERT(swiglu_accuracy(spread(n, 7, bits), spread(n, 20, bits)).fault() == "");
}

}  // namespace prumo::testing
