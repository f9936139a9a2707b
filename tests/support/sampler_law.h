// What the sampler owes for any logits and options: the reference's token from every table of
// kernels. And logits of many shapes to ask it with.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "support/floats.h"
#include "support/guarded.h"
#include "support/ready_test.h"
#include "support/sampler_reference.h"
#include "support/tables.h"

namespace prumo::testing {

/// Shapes of logits.
enum class Shape {
  kNormal,      ///< normal, sd 3
  kModel,       ///< the same and a few far above, as a trained model's are
  kFlat,        ///< uniform in [0, 1/16]
  kEqual,       ///< all the same
  kTies,        ///< integers in [-4, 4], zeros of either sign
  kMasked,      ///< normal, more than half -inf
  kHuge,        ///< any finite floats
  kNeighbours,  ///< within 8 units in the last place of 5
  kSteps,       ///< 2^-i: every refinement by value meets it again
};
inline constexpr std::array<Shape, 9> kAllShapes = {
    Shape::kNormal, Shape::kModel, Shape::kFlat,       Shape::kEqual, Shape::kTies,
    Shape::kMasked, Shape::kHuge,  Shape::kNeighbours, Shape::kSteps};

/// About normal, sd 1: twelve uniform numbers.
inline float normal(Bits& bits) {
  float sum = 0;
  for (int i = 0; i < 12; ++i) sum += bits.unit();
  return sum / 2;
}

inline float make_logit(Shape shape, std::size_t i, Bits& bits) {
  switch (shape) {
    case Shape::kNormal:
      return 3 * normal(bits);
    case Shape::kModel:
      return 3 * normal(bits) + (bits.below(512) == 0 ? 12.0f : 0.0f);
    case Shape::kFlat:
      return (1 + bits.unit()) / 32;
    case Shape::kEqual:
      return -2.5f;
    case Shape::kTies: {
      const float x = static_cast<float>(bits.below(9)) - 4;
      return x == 0 && bits.below(2) == 0 ? -0.0f : x;
    }
    case Shape::kMasked:
      return bits.below(8) < 5 ? -std::numeric_limits<float>::infinity() : 2 * normal(bits);
    case Shape::kHuge: {
      const float x = bits.any();
      return std::isfinite(x) ? x : 0.0f;
    }
    case Shape::kNeighbours:
      return std::bit_cast<float>(0x40A00000u + static_cast<std::uint32_t>(bits.below(17)) - 8u);
    case Shape::kSteps:
      return std::ldexp(1.0f, -static_cast<int>(i % 160));
  }
  return 0;
}

/// n logits of a shape; at least one of them is finite.
inline std::vector<float> make_logits(Shape shape, std::size_t n, Bits& bits) {
  std::vector<float> out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = make_logit(shape, i, bits);
  if (shape == Shape::kMasked) out[bits.below(n)] = 1.0f;
  return out;
}

inline std::string shown(const SamplerOptions& options) {
  char text[160];
  std::snprintf(text, sizeof text, "temp %.9g, k %zu, p %.9g, min-p %.9g, seed %llu",
                static_cast<double>(options.temperature), options.top_k,
                static_cast<double>(options.top_p), static_cast<double>(options.min_p),
                static_cast<unsigned long long>(options.seed));
  return text;
}

inline std::string source(const SamplerOptions& o) {
  return "{.temperature = " + source(o.temperature) + ", .top_k = " + source(o.top_k) +
         ", .top_p = " + source(o.top_p) + ", .min_p = " + source(o.min_p) +
         ", .seed = " + source(o.seed) + "}";
}

/// "" or how a table's sampler departs from the reference at one of the positions [first, first +
/// n). The logits lie against a guard page.
inline std::string sampler_fault(const std::vector<float>& logits, const SamplerOptions& options,
                                 std::uint64_t first, std::uint64_t n) {
  using Guards = Guarded<float>;
  const Guards guarded(logits.data(), logits.size(), Guards::Side::kRight);
  std::vector<Sampler> samplers;
  for (const Kernels* table : tables()) samplers.emplace_back(*table, logits.size(), options);
  for (std::uint64_t position = first; position < first + n; ++position) {
    const auto wanted = reference_sample(logits.data(), logits.size(), options, position);
    for (std::size_t i = 0; i < samplers.size(); ++i) {
      const Result<std::int32_t> got = samplers[i].sample(guarded.data(), position);
      const bool same = wanted ? got.ok() && *got == *wanted
                               : !got.ok() && got.error().code == ErrorCode::kNonFiniteLogits;
      if (same) continue;
      return std::string(tables()[i]->name) + ", vocabulary " + std::to_string(logits.size()) +
             ", position " + std::to_string(position) + ", " + shown(options) + ": " +
             (got.ok() ? std::to_string(*got) : "an error") + " and should be " +
             (wanted ? std::to_string(*wanted) : "an error");
    }
  }
  return "";
}
/// The same, with a test to paste.
inline std::string sampler_law(const std::vector<float>& logits, const SamplerOptions& options,
                               std::uint64_t first, std::uint64_t n) {
  const std::string fault = sampler_fault(logits, options, first, n);
  if (fault.empty()) return fault;
  return ready_test(fault, "sampler_law(" + source(logits) + ",\n      " + source(options) + ", " +
                               source(first) + ", " + source(n) + ")");
}

}  // namespace prumo::testing
