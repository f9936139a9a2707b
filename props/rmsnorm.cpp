// Laws of RMS normalization.
#include <gtest/gtest.h>

#include "support/accuracy.h"
#include "support/vector_laws.h"
#include "support/vectors.h"

namespace prumo::testing {

RC_GTEST_PROP(RmsNorm, EveryTableGivesTheOraclesBits, ()) {
  const std::size_t n = draw_length(1);
  const float eps = *rc::gen::element(0.0f, 1e-6f, 1e-5f, 1.0f);
  obeys(rmsnorm_law(draw_finite(n), draw_finite(n), eps));
  obeys(rmsnorm_law(draw_mostly_finite(n), draw_any(n), eps));
}

RC_GTEST_PROP(RmsNorm, AnyBitsAtAll, ()) {
  const std::size_t n = draw_length(1);
  obeys(rmsnorm_law(draw_any(n), draw_any(n), *any_float()));
}

// Without eps, 4^k in every square and 2^-k in the root: the same bits, as nothing here is near a
// limit of float.
RC_GTEST_PROP(RmsNorm, PowersOfTwoCancel, ()) {
  const std::size_t n = draw_length(1);
  auto x = draw_finite(n);
  x[0] = 1;
  auto scaled = x;
  const int k = *rc::gen::inRange(-10, 11);
  for (float& v : scaled) v = std::ldexp(v, k);
  const auto weight = draw_finite(n);
  for (const Kernels* table : tables()) {
    std::vector<float> y(n);
    std::vector<float> z(n);
    table->rmsnorm(x.data(), weight.data(), n, 0.0f, y.data());
    table->rmsnorm(scaled.data(), weight.data(), n, 0.0f, z.data());
    RC_ASSERT(difference(z.data(), y.data(), n) == "");
  }
}

RC_GTEST_PROP(RmsNorm, SignsOfElementsTouchNoOthers, ()) {
  const std::size_t n = draw_length(1);
  const auto x = draw_finite(n);
  auto flipped = x;
  const std::size_t place = *rc::gen::inRange<std::size_t>(0, n);
  flipped[place] = -flipped[place];
  const auto weight = draw_finite(n);
  for (const Kernels* table : tables()) {
    std::vector<float> y(n);
    std::vector<float> z(n);
    table->rmsnorm(x.data(), weight.data(), n, 1e-5f, y.data());
    table->rmsnorm(flipped.data(), weight.data(), n, 1e-5f, z.data());
    y[place] = -y[place];
    RC_ASSERT(difference(z.data(), y.data(), n) == "");
  }
}

RC_GTEST_PROP(RmsNorm, TheErrorIsBounded, ()) {
  Bits bits(*rc::gen::arbitrary<std::uint64_t>());
  const std::size_t n = draw_length(1);
  const int range = *rc::gen::inRange(0, 16);
  const float eps = std::ldexp(1.0f, -*rc::gen::inRange(0, 30));
  RC_ASSERT(rmsnorm_accuracy(spread(n, range, bits), spread(n, range, bits), eps).fault() == "");
}

}  // namespace prumo::testing
