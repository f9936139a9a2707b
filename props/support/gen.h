// Generators for RapidCheck. Its own floats have no NaN, infinity, -0 or denormal: these are made
// of bits.
#pragma once

#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include "support/floats.h"

namespace prumo::testing {

/// A generator at its full range from the first case on. RapidCheck's integers grow with the case's
/// size: the first words would all be denormal floats, and the first of a range all its beginning.
template <class T>
rc::Gen<T> full_range(rc::Gen<T> gen) {
  return rc::gen::resize(rc::kNominalSize, std::move(gen));
}

/// Any float at all, special values often. Shrinks to 0.
inline rc::Gen<float> any_float() {
  return rc::gen::weightedOneOf<float>(
      {{3, rc::gen::map(full_range(rc::gen::arbitrary<std::uint32_t>()),
                        [](std::uint32_t bits) { return std::bit_cast<float>(bits); })},
       {2, rc::gen::elementOf(std::vector<float>(kSpecialFloats.begin(), kSpecialFloats.end()))},
       {3, rc::gen::map(full_range(rc::gen::inRange(-1000, 1001)),
                        [](int i) { return static_cast<float>(i) / 64.0f; })}});
}

/// A finite float of ordinary size, in [-64, 64], ties often.
inline rc::Gen<float> finite_float() {
  return rc::gen::oneOf(rc::gen::map(full_range(rc::gen::inRange(-4096, 4097)),
                                     [](int i) { return static_cast<float>(i) / 64.0f; }),
                        rc::gen::map(full_range(rc::gen::inRange(-(1 << 24), (1 << 24) + 1)),
                                     [](int i) { return static_cast<float>(i) * 0x1p-18f; }));
}

/// Fails the case with what a law said, its lines as they are: a test to paste among them.
inline void obeys(const std::string& fault) {
  if (!fault.empty()) RC_FAIL(fault);
}

/// n values of a generator.
template <class T>
rc::Gen<std::vector<T>> vector_of(std::size_t n, rc::Gen<T> gen) {
  return rc::gen::container<std::vector<T>>(n, std::move(gen));
}

}  // namespace prumo::testing
