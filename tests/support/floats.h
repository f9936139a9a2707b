// Floats that break things, and bit-for-bit comparison.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace prumo::testing {

/// -inf, -1, -0, +0, least denormal, 1, max, +inf, and NaNs: quiet of either sign, signalling, with
/// a payload.
inline constexpr std::array<float, 12> kSpecialFloats = {std::bit_cast<float>(0xFF800000u),
                                                         -1.0f,
                                                         -0.0f,
                                                         0.0f,
                                                         std::bit_cast<float>(0x00000001u),
                                                         1.0f,
                                                         std::bit_cast<float>(0x7F7FFFFFu),
                                                         std::bit_cast<float>(0x7F800000u),
                                                         std::bit_cast<float>(0x7FC00000u),
                                                         std::bit_cast<float>(0xFFC00000u),
                                                         std::bit_cast<float>(0x7F800001u),
                                                         std::bit_cast<float>(0x7FC12345u)};

constexpr bool is_nan(float x) {
  return (std::bit_cast<std::uint32_t>(x) & 0x7FFFFFFFu) > 0x7F800000u;
}

/// The exact arithmetic's equality: the same bits, or both NaN (payloads are free).
constexpr bool same_bits(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) ||
         (is_nan(a) && is_nan(b));
}

/// Index of the first element that differs by same_bits, or n.
inline std::size_t first_difference(const float* a, const float* b, std::size_t n) {
  std::size_t i = 0;
  while (i < n && same_bits(a[i], b[i])) ++i;
  return i;
}

/// A small generator for reproducible test data (SplitMix64, Steele et al. 2014). Seeds are printed
/// by the tests.
class Bits {
 public:
  explicit Bits(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  /// Uniform in [0, n), n >= 1.
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(next() % n); }
  /// Roughly uniform in [-1, 1).
  float unit() { return static_cast<float>(static_cast<std::int64_t>(next()) >> 11) * 0x1p-52f; }
  /// Any 32 bits as a float.
  float any() { return std::bit_cast<float>(static_cast<std::uint32_t>(next())); }

 private:
  std::uint64_t state_;
};

}  // namespace prumo::testing
