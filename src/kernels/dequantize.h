// Elements of a row as floats: how a token's embedding is read, and the oracle of the matrix
// kernels.
#pragma once

#include <cstddef>

#include "gguf/format.h"

namespace prumo {

/// out[i] = element i of a row stored as the file stores it; n is a multiple of the type's block.
/// One rounding at most an element: Q8_0 d*q, Q4_0 d*(q-8), Q6_K (d*scale)*(q-32); F16 and BF16
/// widen exactly.
void dequantize(gguf::TensorType type, const std::byte* row, std::size_t n, float* out);

}  // namespace prumo
