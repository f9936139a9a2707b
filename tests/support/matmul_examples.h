// Products small enough to check by hand, and what they must not be confused with.
#pragma once

#include <initializer_list>

#include "support/matmul_law.h"

namespace prumo::testing {

/// A float type's bits for a number that it holds exactly.
inline void store_weight(gguf::TensorType type, float x, std::byte* at) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if (type == gguf::TensorType::kF32) {
    std::memcpy(at, &bits, sizeof bits);
  } else if (type == gguf::TensorType::kBF16 || x == 0.0f) {
    store_u16(at, static_cast<std::uint16_t>(bits >> 16));
  } else {
    const std::uint32_t exponent = (bits >> 23 & 0xFF) - 112;
    store_u16(at, static_cast<std::uint16_t>((bits >> 16 & 0x8000) | exponent << 10 |
                                             (bits >> 13 & 1023)));
  }
}

/// One row of a float type times one token.
inline Product one_row(gguf::TensorType type, std::initializer_list<float> weights,
                       std::vector<float> x) {
  Product p{.type = type, .rows = 1, .columns = x.size(), .tokens = 1};
  p.panel_end = 1;
  p.y_stride = kPanelRows;
  p.file.resize(weights.size() * block_format(type).bytes);
  std::byte* at = p.file.data();
  for (float w : weights) {
    store_weight(type, w, at);
    at += block_format(type).bytes;
  }
  p.x = std::move(x);
  return p;
}

/// One row of a quantized type, given as the file has it, times one token of scale 1.
inline Product one_row(gguf::TensorType type, const std::vector<int>& bytes,
                       const std::vector<int>& q) {
  Product p{.type = type, .rows = 1, .columns = q.size(), .tokens = 1};
  p.panel_end = 1;
  p.y_stride = kPanelRows;
  for (int b : bytes) p.file.push_back(std::byte{static_cast<unsigned char>(b)});
  p.blocks.resize(q.size() / kBlock);
  for (std::size_t i = 0; i < q.size(); ++i) {
    p.blocks[i / kBlock].q[i % kBlock] = static_cast<std::int8_t>(q[i]);
  }
  for (QuantizedBlock& block : p.blocks) {
    block.scale = 1.0f;
    complete(block);
  }
  return p;
}

/// "" when every table's first element is `value` and the 15 padding rows are zero.
inline std::string gives(const Product& p, float value) {
  for (const Kernels* table : tables()) {
    std::vector<float> wanted(kPanelRows, 0.0f);
    wanted[0] = value;
    const std::string fault = difference(multiply(*table, p).y.data(), wanted.data(), kPanelRows);
    if (!fault.empty()) return std::string(table->name) + ": " + fault;
  }
  return "";
}

/// Examples that hold for F32, F16 and BF16.
inline std::string float_examples(gguf::TensorType type) {
  std::string fault = gives(one_row(type, {1, 2, 3}, {4, 5, 6}), 32);
  // In order: 2^30 swallows the 1. Any other order gives 1.
  if (fault.empty()) {
    fault = gives(one_row(type, {32768, 1, -32768}, {32768, 1, 32768}), 0);
  }
  return fault;
}

/// The last product is 1 + 2^-7 + 2^-17 + 2^-24: rounded by itself it would lose 2^-24.
inline std::string fused_example(gguf::TensorType type) {
  const float w = 1 + 0x1p-7f;
  const float x = 1 + 0x1p-17f;
  return gives(one_row(type, {-1, w}, {1 + 0x1p-7f + 0x1p-17f, x}), 0x1p-24f);
}

}  // namespace prumo::testing
