// Laws of 16-bit floats, for any float.
#include "base/half.h"

#include <gtest/gtest.h>

#include "support/gen.h"
#include "support/oracles.h"

namespace prumo::testing {

// No half lies nearer to x than the one chosen. Beyond the largest, 65536 stands for infinity.
RC_GTEST_PROP(Half, IsTheNearest, ()) {
  const float x = *rc::gen::oneOf(any_float(), finite_float());
  RC_PRE(std::isfinite(x));
  const std::uint16_t h = float_to_half(x);
  const auto value = [](int magnitude) {
    return magnitude >= 0x7C00 ? 65536.0 : half_value(static_cast<std::uint16_t>(magnitude));
  };
  const double size = std::fabs(static_cast<double>(x));
  const int magnitude = h & 0x7FFF;
  RC_ASSERT((h >> 15 != 0) == std::signbit(x));
  if (size >= 65536) {
    RC_ASSERT(magnitude == 0x7C00);
    return;
  }
  const double error = std::fabs(value(magnitude) - size);
  for (int neighbour : {magnitude - 1, magnitude + 1}) {
    if (neighbour < 0 || neighbour > 0x7C00) continue;
    const double other = std::fabs(value(neighbour) - size);
    RC_ASSERT(error < other || (error == other && magnitude % 2 == 0));
  }
}

RC_GTEST_PROP(Half, KeepsOrderAndSign, ()) {
  const float a = *any_float();
  const float b = *any_float();
  RC_PRE(!is_nan(a) && !is_nan(b) && a <= b);
  RC_ASSERT(half_to_float(float_to_half(a)) <= half_to_float(float_to_half(b)));
  RC_ASSERT(float_to_half(-a) == (float_to_half(a) ^ 0x8000));
}

RC_GTEST_PROP(Half, ConvertingTwiceIsConvertingOnce, ()) {
  const float x = *any_float();
  const std::uint16_t h = float_to_half(x);
  RC_ASSERT(float_to_half(half_to_float(h)) == h);
  RC_ASSERT(is_nan(half_to_float(h)) == is_nan(x));
}

RC_GTEST_PROP(Bf16, IsTheNearest, ()) {
  const float x = *any_float();
  RC_PRE(std::isfinite(x));
  const std::uint16_t h = float_to_bf16(x);
  // 2^128 stands for infinity.
  const auto value = [](int magnitude) {
    return magnitude >= 0x7F80 ? 0x1p128 : bf16_value(static_cast<std::uint16_t>(magnitude));
  };
  const double size = std::fabs(static_cast<double>(x));
  const int magnitude = h & 0x7FFF;
  RC_ASSERT((h >> 15 != 0) == std::signbit(x));
  const double error = std::fabs(value(magnitude) - size);
  for (int neighbour : {magnitude - 1, magnitude + 1}) {
    if (neighbour < 0 || neighbour > 0x7F80) continue;
    const double other = std::fabs(value(neighbour) - size);
    RC_ASSERT(error < other || (error == other && magnitude % 2 == 0));
  }
}

RC_GTEST_PROP(Bf16, ConvertingTwiceIsConvertingOnce, ()) {
  const float x = *any_float();
  const std::uint16_t h = float_to_bf16(x);
  RC_ASSERT(float_to_bf16(bf16_to_float(h)) == h);
  RC_ASSERT(is_nan(bf16_to_float(h)) == is_nan(x));
}

}  // namespace prumo::testing
