// The floating-point environment that the exact arithmetic assumes, whatever the caller had set.
#pragma once

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace prumo {

/// While it lives: rounding to nearest even, denormals kept, no traps. Gives the caller's settings
/// back.
class FloatGuard {
 public:
#if defined(__x86_64__)
  FloatGuard() : saved_(_mm_getcsr()) {
    if (changed()) _mm_setcsr(kDefault);
  }
  ~FloatGuard() {
    if (changed()) _mm_setcsr(saved_);
  }
#else
  FloatGuard() = default;
#endif
  FloatGuard(const FloatGuard&) = delete;
  FloatGuard& operator=(const FloatGuard&) = delete;

 private:
#if defined(__x86_64__)
  static constexpr unsigned kDefault = 0x1F80;
  static constexpr unsigned kFlags = 0x3F;  // what has happened, not how to compute
  [[nodiscard]] bool changed() const {
    return (saved_ & ~kFlags) != kDefault;
  }
  unsigned saved_;
#endif
};

}  // namespace prumo
