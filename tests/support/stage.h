// Where a law puts a kernel's arguments: every input and output touches a page that may not be
// touched, and outputs are surrounded by canaries.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "support/floats.h"
#include "support/guarded.h"

namespace prumo::testing {

using Side = Guarded<std::byte>::Side;
inline constexpr std::array<Side, 2> kSides = {Side::kLeft, Side::kRight};

/// Memory for one argument, used again from call to call: mapping pages for each would cost more
/// than the kernels do. With Side::kRight the argument's end is the end of the memory, with kLeft
/// its beginning is the beginning.
class Stage {
 public:
  /// Room for n elements; what it holds is arbitrary. Over-aligned elements on the right need a
  /// size that is a multiple of their alignment, which sizeof is.
  template <class T>
  T* room(std::size_t n, Side side) {
    const std::size_t bytes = n * sizeof(T);
    std::unique_ptr<Guarded<std::byte>>& memory = memory_[side == Side::kLeft ? 0 : 1];
    if (memory == nullptr || memory->size() < bytes) {
      constexpr std::size_t kUnit = std::size_t{1} << 16;
      memory = std::make_unique<Guarded<std::byte>>((bytes + kUnit) / kUnit * kUnit, side);
    }
    std::byte* first = memory->data() + (side == Side::kLeft ? 0 : memory->size() - bytes);
    return reinterpret_cast<T*>(first);
  }

  /// A copy of n elements.
  template <class T>
  T* put(const T* from, std::size_t n, Side side) {
    T* to = room<T>(n, side);
    if (n != 0) std::memcpy(static_cast<void*>(to), from, n * sizeof(T));
    return to;
  }

 private:
  std::unique_ptr<Guarded<std::byte>> memory_[2];
};

/// Room for a result, filled with canaries; on the side without a guard page there are canaries
/// too.
class Output {
 public:
  static constexpr unsigned char kCanaryByte = 0xA5;
  static constexpr std::uint32_t kCanary = 0xA5A5A5A5;

  template <class T>
  T* room(std::size_t n, Side side) {
    const std::size_t bytes = n * sizeof(T);
    std::byte* all = stage_.room<std::byte>(bytes + kMargin, side);
    std::memset(all, kCanaryByte, bytes + kMargin);
    margin_ = side == Side::kLeft ? all + bytes : all;
    return reinterpret_cast<T*>(side == Side::kLeft ? all : all + kMargin);
  }

  /// Room that begins as a copy: for a kernel that works in place.
  template <class T>
  T* put(const T* from, std::size_t n, Side side) {
    T* to = room<T>(n, side);
    if (n != 0) std::memcpy(static_cast<void*>(to), from, n * sizeof(T));
    return to;
  }

  /// Whether nothing was written beside the room.
  [[nodiscard]] bool intact() const {
    return std::all_of(margin_, margin_ + kMargin,
                       [](std::byte b) { return b == std::byte{kCanaryByte}; });
  }

 private:
  static constexpr std::size_t kMargin = 512;
  Stage stage_;
  const std::byte* margin_ = nullptr;
};

inline bool is_canary(float x) {
  return std::bit_cast<std::uint32_t>(x) == Output::kCanary;
}

/// "1.5 (3fc00000)".
inline std::string shown(float x) {
  char text[64];
  std::snprintf(text, sizeof text, "%.9g (%08x)", static_cast<double>(x),
                std::bit_cast<std::uint32_t>(x));
  return text;
}

/// "" when both have the same bits (NaN payloads are free), or where they first differ.
inline std::string difference(const float* got, const float* wanted, std::size_t n) {
  const std::size_t i = first_difference(got, wanted, n);
  if (i == n) return "";
  return "element " + std::to_string(i) + " of " + std::to_string(n) + " is " + shown(got[i]) +
         " and should be " + shown(wanted[i]);
}

}  // namespace prumo::testing
