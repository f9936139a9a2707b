// Random and special arguments for the kernels, and what they gave, made comparable. All of it lies
// in memory with a guard behind it.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cli/guarded.h"
#include "kernels/exp.h"
#include "kernels/kernels.h"

namespace prumo::cli {

/// Random numbers from a seed and a stream (SplitMix64: G. Steele, D. Lea, C. Flood, "Fast
/// Splittable Pseudorandom Number Generators", OOPSLA 2014).
class Draw {
 public:
  Draw(std::uint64_t seed, std::uint64_t stream) : state_(seed) { state_ = bits() ^ stream; }

  std::uint64_t bits() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(bits() % n); }
  std::size_t from(std::size_t least, std::size_t most) { return least + below(most - least + 1); }
  bool one_in(std::size_t n) { return below(n) == 0; }
  /// Uniform in [-1, 1).
  float unit() { return static_cast<float>(static_cast<std::int32_t>(bits() >> 32)) * 0x1p-31f; }
  /// Mostly 1 .. small; now and then up to `most`: tails matter more than lengths.
  std::size_t length(std::size_t most) {
    return one_in(4) ? from(1, most) : from(1, std::min<std::size_t>(most, 80));
  }

 private:
  std::uint64_t state_;
};

/// What kind of floats an input is made of.
enum class Kind : std::uint8_t {
  kOrdinary,  ///< in [-8, 8)
  kWide,      ///< every finite exponent
  kFew,       ///< -1, -0, 0, 1: ties
  kTiny,      ///< denormals
  kSpecial,   ///< NaN, infinities, denormals, zeros and bounds of exp among ordinary numbers
};
using Floats = GuardedVector<float>;

inline Kind any_kind(Draw& draw) {
  constexpr Kind kinds[] = {Kind::kOrdinary, Kind::kOrdinary, Kind::kWide,
                            Kind::kFew,      Kind::kTiny,     Kind::kSpecial};
  return kinds[draw.below(std::size(kinds))];
}

inline float make_float(Draw& draw, Kind kind) {
  using Float = std::numeric_limits<float>;
  constexpr float specials[] = {Float::quiet_NaN(),
                                -Float::quiet_NaN(),
                                Float::infinity(),
                                -Float::infinity(),
                                Float::denorm_min(),
                                -Float::denorm_min(),
                                Float::max(),
                                -Float::max(),
                                -0.0f,
                                0.0f,
                                Float::min(),
                                1e-40f,
                                exp_constants::kMin,
                                -exp_constants::kMin,
                                exp_constants::kMax,
                                -exp_constants::kMax};
  constexpr float few[] = {-1.0f, -0.0f, 0.0f, 1.0f};
  switch (kind) {
    case Kind::kFew:
      return few[draw.below(std::size(few))];
    case Kind::kTiny:
      return std::bit_cast<float>(static_cast<std::uint32_t>(draw.bits()) & 0x807FFFFFu);
    case Kind::kWide:
      return std::ldexp(draw.unit(), static_cast<int>(draw.below(250)) - 125);
    case Kind::kSpecial:
      if (draw.one_in(8)) return specials[draw.below(std::size(specials))];
      if (draw.one_in(16)) return std::bit_cast<float>(static_cast<std::uint32_t>(draw.bits()));
      [[fallthrough]];
    case Kind::kOrdinary:
      break;
  }
  return draw.unit() * 8;
}

inline Floats make_floats(Draw& draw, std::size_t n, Kind kind) {
  Floats out(n);
  for (float& x : out) x = make_float(draw, kind);
  return out;
}

/// Everything that one call gave.
struct Answer {
  Floats floats;                       ///< equal by bits, except that any NaN equals any other
  GuardedVector<std::uint64_t> words;  ///< equal by bits
};

inline bool same(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) || (a != a && b != b);
}

/// Where two answers first differ, for a person; empty if nowhere.
inline std::string difference(const Answer& got, const Answer& expected) {
  if (got.words.size() != expected.words.size()) {
    return fmt::format("it gives {} numbers and should give {}", got.words.size(),
                       expected.words.size());
  }
  for (std::size_t i = 0; i < got.floats.size(); ++i) {
    const float is = got.floats[i];
    const float should = expected.floats[i];
    if (same(is, should)) continue;
    return fmt::format("result {} is {} (0x{:08x}) and should be {} (0x{:08x})", i, is,
                       std::bit_cast<std::uint32_t>(is), should,
                       std::bit_cast<std::uint32_t>(should));
  }
  for (std::size_t i = 0; i < got.words.size(); ++i) {
    if (got.words[i] == expected.words[i]) continue;
    return fmt::format("integer result {} is {} (0x{:x}) and should be {} (0x{:x})", i,
                       got.words[i], got.words[i], expected.words[i], expected.words[i]);
  }
  return "";
}

/// A table that does not do as the first one, the reference, and how; no table if all agree.
struct Difference {
  const Kernels* table = nullptr;
  std::string how;
};

/// Calls every table and compares. `shape` describes the input.
template <class Shape, class Call>
Difference first_difference(std::span<const Kernels* const> tables, Shape&& shape, Call&& call) {
  guard_says_isa(tables.front()->name.data());
  const Answer expected = call(*tables.front());
  for (const Kernels* table : tables.subspan(1)) {
    guard_says_isa(table->name.data());
    const std::string how = difference(call(*table), expected);
    if (!how.empty()) return {table, how + ", for " + shape()};
  }
  return {};
}

}  // namespace prumo::cli
