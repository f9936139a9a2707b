// Drawn lengths and vectors for the kernels that walk along one vector.
#pragma once

#include <vector>

#include "support/gen.h"

namespace prumo::testing {

/// 0 .. 200, tails and unrolled bodies alike.
inline std::size_t draw_length(std::size_t from = 0) {
  return *rc::gen::inRange<std::size_t>(from, 201);
}
/// n floats of any bits, special ones often.
inline std::vector<float> draw_any(std::size_t n) {
  return *vector_of(n, any_float());
}
/// n floats in [-64, 64], equal ones often.
inline std::vector<float> draw_finite(std::size_t n) {
  return *vector_of(n, finite_float());
}
/// A multiple of 2^-10 in [-64, 64]: 16 bits, so that sums of a few are exact.
inline rc::Gen<float> coarse_float() {
  return rc::gen::map(full_range(rc::gen::inRange(-65536, 65537)),
                      [](int i) { return static_cast<float>(i) * 0x1p-10f; });
}
inline std::vector<float> draw_coarse(std::size_t n) {
  return *vector_of(n, coarse_float());
}
/// n floats in [-64, 64] with one of any bits among them, so that not all of a result is NaN.
inline std::vector<float> draw_mostly_finite(std::size_t n) {
  std::vector<float> x = draw_finite(n);
  if (n != 0) x[*rc::gen::inRange<std::size_t>(0, n)] = *any_float();
  return x;
}

}  // namespace prumo::testing
