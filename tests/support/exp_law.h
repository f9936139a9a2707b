// The three forms of kernels/exp.h as plain functions over arrays.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "kernels/exp.h"
#include "support/ready_test.h"
#include "support/stage.h"
#include "support/tables.h"

namespace prumo::testing {

#if PRUMO_X86
PRUMO_AVX2_BEGIN
inline void exp_avx2(const float* x, float* y) {
  _mm256_storeu_ps(y, avx2::exp(_mm256_loadu_ps(x)));
  _mm256_storeu_ps(y + 8, avx2::exp(_mm256_loadu_ps(x + 8)));
}
PRUMO_ISA_END
PRUMO_AVX512_BEGIN
inline void exp_avx512(const float* x, float* y) {
  _mm512_storeu_ps(y, avx512::exp(_mm512_loadu_ps(x)));
}
PRUMO_ISA_END
#endif

/// exp of 16 floats by one instruction set.
inline void exp16(Isa isa, const float* x, float* y) {
#if PRUMO_X86
  if (isa == Isa::kAvx2) return exp_avx2(x, y);
  if (isa == Isa::kAvx512) return exp_avx512(x, y);
#endif
  for (std::size_t i = 0; i < 16; ++i) y[i] = scalar::exp(x[i]);
}

/// Every instruction set gives the scalar bits for these 16 floats.
inline std::string exp_fault(const float* x) {
  float wanted[16];
  for (std::size_t i = 0; i < 16; ++i) wanted[i] = scalar::exp(x[i]);
  for (const Kernels* table : supported_kernels()) {
    float y[16];
    exp16(table->isa, x, y);
    for (std::size_t i = 0; i < 16; ++i) {
      if (same_bits(y[i], wanted[i])) continue;
      return std::string(table->name) + ": exp of " + shown(x[i]) + " is " + shown(y[i]) +
             " and should be " + shown(wanted[i]);
    }
  }
  return "";
}
/// The same, with a test to paste.
inline std::string exp_law(const float* x) {
  const std::string fault = exp_fault(x);
  return fault.empty()
             ? fault
             : ready_test(fault, "exp_law(" + source(std::vector<float>(x, x + 16)) + ".data())");
}

}  // namespace prumo::testing
