// Elements of a row as floats: how a token's embedding is read, and the oracle of the matrix
// kernels.
#pragma once

#include <cstddef>

#include "gguf/format.h"

namespace prumo {

/// out[i] = element i of a row stored as the file stores it; n is a multiple of the type's block.
/// F16 and BF16 widen exactly. Of quantized types, with the f16 scale d and minimum m of the block,
/// and s and t the small numbers of the column's sub-block:
///
///   Q8_0 d*q   Q4_0 d*(q-8)   Q5_0 d*(q-16)   Q6_K (d*s)*(q-32)   Q3_K (d*(s-32))*(q-4)
///   Q4_1, Q5_1 d*q + m   Q2_K, Q4_K, Q5_K (d*s)*q - m*t
///
/// d*s and m*t are exact; every other operation rounds once.
void dequantize(gguf::TensorType type, const std::byte* row, std::size_t n, float* out);

}  // namespace prumo
