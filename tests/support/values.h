// Vectors of floats that try a kernel in different ways, and lengths that meet its tails.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include "support/floats.h"

namespace prumo::testing {

/// What kind of numbers some test data holds.
enum class Values {
  kOrdinary,  ///< in [-1, 1]
  kWide,      ///< magnitudes from 2^-60 to 2^66: sums cancel, products overflow now and then
  kTiny,      ///< magnitudes near 2^-75 and below: products and sums are denormal
  kSpecial,   ///< ordinary, but for a few infinities, NaNs, zeros, denormals or any bits at all
};
inline constexpr std::array<Values, 4> kAllValues = {Values::kOrdinary, Values::kWide,
                                                     Values::kTiny, Values::kSpecial};

/// One float of a kind; kSpecial is nothing but special here.
inline float make_float(Values values, Bits& bits) {
  const float x = bits.unit();
  switch (values) {
    case Values::kOrdinary:
      return x;
    case Values::kWide:
      return std::ldexp(x, static_cast<int>(bits.below(127)) - 60);
    case Values::kTiny:
      return std::ldexp(x, -60 - static_cast<int>(bits.below(90)));
    case Values::kSpecial:
      return bits.below(2) == 0 ? kSpecialFloats[bits.below(kSpecialFloats.size())] : bits.any();
  }
  return x;
}

/// n floats of a kind. Among kSpecial at most three are special: more, and every sum would be NaN.
inline std::vector<float> make_floats(std::size_t n, Values values, Bits& bits) {
  std::vector<float> out(n);
  const Values most = values == Values::kSpecial ? Values::kOrdinary : values;
  for (float& x : out) x = make_float(most, bits);
  if (values == Values::kSpecial && n != 0) {
    for (std::size_t i = bits.below(4); i > 0; --i) {
      out[bits.below(n)] = make_float(Values::kSpecial, bits);
    }
  }
  return out;
}

/// 0 .. 130: every tail of 16 lanes, unrolled up to eight times; then some sizes of real models.
inline std::vector<std::size_t> vector_lengths() {
  std::vector<std::size_t> out;
  for (std::size_t n = 0; n <= 130; ++n) out.push_back(n);
  for (std::size_t n : {192u, 255u, 256u, 257u, 512u, 576u, 1023u, 1536u, 2048u}) out.push_back(n);
  return out;
}

}  // namespace prumo::testing
