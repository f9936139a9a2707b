// Random and special arguments for the kernels, and what they gave, made comparable.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

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
  kSpecial,   ///< NaN, infinities, denormals and zeros among ordinary numbers
};

inline Kind any_kind(Draw& draw) {
  constexpr Kind kinds[] = {Kind::kOrdinary, Kind::kOrdinary, Kind::kWide, Kind::kFew,
                            Kind::kSpecial};
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
                                1e-40f};
  constexpr float few[] = {-1.0f, -0.0f, 0.0f, 1.0f};
  switch (kind) {
    case Kind::kFew:
      return few[draw.below(std::size(few))];
    case Kind::kWide:
      return std::ldexp(draw.unit(), static_cast<int>(draw.below(250)) - 125);
    case Kind::kSpecial:
      if (draw.one_in(8)) return specials[draw.below(std::size(specials))];
      [[fallthrough]];
    case Kind::kOrdinary:
      break;
  }
  return draw.unit() * 8;
}

inline std::vector<float> make_floats(Draw& draw, std::size_t n, Kind kind) {
  std::vector<float> out(n);
  for (float& x : out) x = make_float(draw, kind);
  return out;
}

/// Memory at a multiple of 64 bytes, zero at first.
class Aligned {
 public:
  explicit Aligned(std::size_t bytes) : memory_(bytes + kLine), size_(bytes) {}
  std::byte* data() {
    const auto at = reinterpret_cast<std::uintptr_t>(memory_.data());
    return memory_.data() + (kLine - at % kLine) % kLine;
  }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  static constexpr std::size_t kLine = 64;
  std::vector<std::byte> memory_;
  std::size_t size_;
};

/// Everything that one call gave.
struct Answer {
  std::vector<float> floats;         ///< equal by bits, except that any NaN equals any other
  std::vector<std::uint64_t> words;  ///< equal by bits

  bool operator==(const Answer& other) const {
    return words == other.words &&
           std::equal(floats.begin(), floats.end(), other.floats.begin(), other.floats.end(),
                      [](float a, float b) {
                        return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) ||
                               (a != a && b != b);
                      });
  }
};

/// The first table whose answer is not that of the first table, the reference; nullptr if none.
template <class Call>
const Kernels* first_difference(std::span<const Kernels* const> tables, Call&& call) {
  const Answer expected = call(*tables.front());
  for (const Kernels* table : tables.subspan(1)) {
    if (!(call(*table) == expected)) return table;
  }
  return nullptr;
}

}  // namespace prumo::cli
