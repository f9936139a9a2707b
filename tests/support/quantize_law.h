// What `quantize` owes on any input: the oracle's blocks, to the byte, from every table.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "support/oracles.h"
#include "support/ready_test.h"
#include "support/stage.h"
#include "support/tables.h"

namespace prumo::testing {

/// One block by the contract. The product of two floats is exact in double, so narrowing it is the
/// one rounding of a float product.
inline QuantizedBlock quantized(const float* x) {
  QuantizedBlock block{};
  float max = 0;
  bool usable = true;
  for (std::size_t i = 0; i < kBlock; ++i) {
    usable = usable && std::fabs(x[i]) <= 0x1p100f;
    max = std::fmax(max, std::fabs(x[i]));
  }
  if (!usable) {
    block.scale = std::numeric_limits<float>::quiet_NaN();
  } else if (static_cast<double>(max) > 0x1p-100) {
    block.scale = round_to_bits(max / 127.0f, 11);
    const float inverse = 127.0f / max;
    for (std::size_t i = 0; i < kBlock; ++i) {
      const double product = static_cast<double>(x[i]) * static_cast<double>(inverse);
      block.q[i] = static_cast<std::int8_t>(nearest_even(static_cast<float>(product)));
    }
  }
  complete(block);
  return block;
}

/// "" when two blocks agree in everything but a NaN's payload.
inline std::string difference(const QuantizedBlock& got, const QuantizedBlock& wanted) {
  for (std::size_t i = 0; i < kBlock; ++i) {
    if (got.q[i] != wanted.q[i]) {
      return "q[" + std::to_string(i) + "] is " + std::to_string(int{got.q[i]}) +
             " and should be " + std::to_string(int{wanted.q[i]});
    }
  }
  if (!same_bits(got.scale, wanted.scale)) {
    return "scale is " + shown(got.scale) + " and should be " + shown(wanted.scale);
  }
  if (!same_bits(got.bias, wanted.bias)) return "bias is " + shown(got.bias);
  if (!same_bits(got.scaled_sum, wanted.scaled_sum)) {
    return "scaled_sum is " + shown(got.scaled_sum) + " and should be " + shown(wanted.scaled_sum);
  }
  const std::size_t integers = offsetof(QuantizedBlock, base);
  const auto* a = reinterpret_cast<const std::byte*>(&got);
  const auto* b = reinterpret_cast<const std::byte*>(&wanted);
  if (std::memcmp(a + integers, b + integers, sizeof(QuantizedBlock) - integers) != 0) {
    return "the sums are not those of its q";
  }
  return "";
}

/// n is a multiple of 32; `shift` floats lie between x and a cache line on the left side.
inline std::string quantize_fault(const float* x, std::size_t n, std::size_t shift) {
  static Stage x_stage;
  static Output out_stage;
  for (const Kernels* table : tables()) {
    for (Side side : kSides) {
      float* in = x_stage.room<float>(n + shift, side) + shift;
      std::copy(x, x + n, in);
      QuantizedBlock* out = out_stage.room<QuantizedBlock>(n / kBlock, side);
      table->quantize(in, n, out);
      std::string fault = out_stage.intact() ? "" : "it wrote beside out";
      for (std::size_t b = 0; b < n / kBlock && fault.empty(); ++b) {
        fault = difference(out[b], quantized(x + b * kBlock));
        if (!fault.empty()) fault = "block " + std::to_string(b) + ": " + fault;
      }
      if (!fault.empty())
        return std::string(table->name) + ", n " + std::to_string(n) + ": " + fault;
    }
  }
  return "";
}
/// The same, with a test to paste.
inline std::string quantize_law(const float* x, std::size_t n, std::size_t shift = 0) {
  const std::string fault = quantize_fault(x, n, shift);
  return fault.empty()
             ? fault
             : ready_test(fault, "quantize_law(" + source(std::vector<float>(x, x + n)) +
                                     ".data(), " + source(n) + ", " + source(shift) + ")");
}

}  // namespace prumo::testing
