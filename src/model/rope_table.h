// Cosines and sines of rotary embedding for every position, the same on every machine.
#pragma once

#include <cstddef>
#include <span>

namespace prumo {

/// The largest angle, position * f(i), that the table is accurate for.
inline constexpr double kMaxRopeAngle = 0x1p20;

/// Fills table[positions][pairs][2] with (cos, sin) of position * f(i), f(i) = scale * base^(-i /
/// pairs) / divisors[i]. `divisors` has `pairs` elements or none. 1 <= base <= 1e30; position *
/// f(i), up to kMaxRopeAngle, is within an ulp of float. Computed in double by our own polynomials,
/// since libraries differ in the last bit.
void fill_rope_table(float* table, std::size_t positions, std::size_t pairs, double base,
                     double scale, std::span<const float> divisors);

namespace exact {
// Double functions with a fixed sequence of operations, within a few ulp.
double log(double x);                              ///< x > 0, normal
double exp(double x);                              ///< |x| <= 700
void sin_cos(double x, double& sin, double& cos);  ///< |x| <= 2^20
}  // namespace exact

}  // namespace prumo
