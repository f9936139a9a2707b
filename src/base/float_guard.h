// The floating-point environment that the exact arithmetic assumes, whatever the caller had set.
#pragma once

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace prumo {

/// While it lives: rounding to nearest even, denormals kept, no traps. Gives the caller's settings back.
class FloatGuard {
 public:
#if defined(__x86_64__)
  FloatGuard() : saved_(_mm_getcsr()) {
    if (saved_ != kDefault) _mm_setcsr(kDefault);
  }
  ~FloatGuard() {
    if (saved_ != kDefault) _mm_setcsr(saved_);
  }
#else
  FloatGuard() = default;
#endif
  FloatGuard(const FloatGuard&) = delete;
  FloatGuard& operator=(const FloatGuard&) = delete;

 private:
#if defined(__x86_64__)
  static constexpr unsigned kDefault = 0x1F80;
  unsigned saved_;
#endif
};

}  // namespace prumo
