// Weights of a row by the text of each format, one column at a time, in integers and doubles; and
// the product with quantized activations from them. Formats: ggml, src/ggml-common.h and
// src/ggml-quants.c.
#pragma once

#include <cmath>
#include <vector>

#include "support/oracles.h"

namespace prumo::testing {

/// Column k of a quantized row: (scale * factor) * quant + minimum.
struct Column {
  double scale;        ///< the block's f16
  int factor = 1;      ///< the sub-block's small number
  int quant = 0;       ///< what is always taken off taken off
  double minimum = 0;  ///< the block's f16 times min_factor, its sign included
  double min_scale = 0;
  int min_factor = 0;
};

inline Column column_of(gguf::TensorType type, const std::byte* row, std::size_t k) {
  using enum gguf::TensorType;
  const BlockFormat format = block_format(type);
  const std::byte* const block = row + k / format.elements * format.bytes;
  const auto at = [&](std::size_t i) { return std::to_integer<int>(block[i]); };
  const auto bits = [&](std::size_t byte, std::size_t from, int count) {
    return at(byte) / (1 << from) % (1 << count);
  };
  Column c{half_value(load_u16(block + format.scale_at))};
  const std::size_t i = k % format.elements;
  const std::size_t l = i % 32;
  const std::size_t run = i / 32;
  const double m = format.min_at == 0 ? 0 : half_value(load_u16(block + format.min_at));
  const auto nibble = [&](std::size_t first) { return bits(first + i % 16, i < 16 ? 0 : 4, 4); };
  // Scale `j` of the eight of Q4_K and Q5_K, or minimum j at j + 8: bytes 4 .. 15 of the block.
  const auto six = [&](std::size_t j, bool minimum) {
    const std::size_t first = minimum ? 8 : 4;
    if (j < 4) return bits(first + j, 0, 6);
    return bits(12 + j - 4, minimum ? 4 : 0, 4) + 16 * bits(first + j - 4, 6, 2);
  };
  switch (type) {
    case kQ8_0:
      c.quant = static_cast<std::int8_t>(at(2 + i));
      break;
    case kQ4_0:
      c.quant = nibble(2) - 8;
      break;
    case kQ4_1:
      c.quant = nibble(4);
      break;
    case kQ5_0:
      c.quant = nibble(6) + 16 * bits(2 + i / 8, i % 8, 1) - 16;
      break;
    case kQ5_1:
      c.quant = nibble(8) + 16 * bits(4 + i / 8, i % 8, 1);
      break;
    case kQ2_K:
      c.factor = bits(i / 16, 0, 4);
      c.quant = bits(16 + i / 128 * 32 + l, run % 4 * 2, 2);
      c.min_factor = -bits(i / 16, 4, 4);
      break;
    case kQ3_K: {
      const std::size_t s = i / 16;
      c.factor = bits(96 + s % 8, s < 8 ? 0 : 4, 4) + 16 * bits(104 + s % 4, s / 4 * 2, 2) - 32;
      c.quant = bits(32 + i / 128 * 32 + l, run % 4 * 2, 2) - (bits(l, run, 1) == 1 ? 0 : 4);
      break;
    }
    case kQ4_K:
      c.factor = six(run, false);
      c.quant = bits(16 + run / 2 * 32 + l, run % 2 * 4, 4);
      c.min_factor = -six(run, true);
      break;
    case kQ5_K:
      c.factor = six(run, false);
      c.quant = bits(48 + run / 2 * 32 + l, run % 2 * 4, 4) + 16 * bits(16 + l, run, 1);
      c.min_factor = -six(run, true);
      break;
    case kQ6_K: {
      const std::size_t in_half = i % 128;
      c.factor = static_cast<std::int8_t>(at(192 + i / 16));
      c.quant = bits(i / 128 * 64 + in_half % 64, in_half < 64 ? 0 : 4, 4) +
                16 * bits(128 + i / 128 * 32 + l, in_half / 32 * 2, 2) - 32;
      break;
    }
    default:
      break;
  }
  if (type == kQ4_1 || type == kQ5_1) c.min_factor = 1;
  c.min_scale = m;
  c.minimum = c.min_factor > 0 ? m : -(m * -c.min_factor);
  return c;
}

/// Element k of a row, as a float is nearest to it. Exact but for types with a minimum, where a
/// product and a minimum, exact each, are added with one rounding.
inline double weight_value(gguf::TensorType type, const std::byte* row, std::size_t k) {
  float f = 0;
  switch (type) {
    case gguf::TensorType::kF32:
      std::memcpy(&f, row + 4 * k, sizeof f);
      return static_cast<double>(f);
    case gguf::TensorType::kF16:
      return half_value(load_u16(row + 2 * k));
    case gguf::TensorType::kBF16:
      return bf16_value(load_u16(row + 2 * k));
    default: {
      const Column c = column_of(type, row, k);
      const double product = c.scale * c.factor * c.quant;
      if (block_format(type).min_at == 0) return product;
      return static_cast<double>(static_cast<float>(product) + static_cast<float>(c.minimum));
    }
  }
}

/// A row of a matrix as numbers: of float types the weights, of quantized ones the columns.
struct DecodedRow {
  gguf::TensorType type{};
  std::vector<float> weights;
  std::vector<Column> columns;
};

inline DecodedRow decode_row(gguf::TensorType type, const std::byte* row, std::size_t columns) {
  DecodedRow out{type, {}, {}};
  for (std::size_t k = 0; k < columns; ++k) {
    if (is_quantized(type)) {
      out.columns.push_back(column_of(type, row, k));
    } else {
      out.weights.push_back(static_cast<float>(weight_value(type, row, k)));
    }
  }
  return out;
}

/// Row times x for quantized types, as the files of the kernels say: of every 32 columns exact
/// sums, each joining with one fma.
inline float dot_in_blocks(const DecodedRow& row, const QuantizedBlock* x) {
  using enum gguf::TensorType;
  const bool halves = row.type == kQ6_K;                      // two sums, a scale each
  const bool whole = row.type == kQ3_K || row.type == kQ2_K;  // factors are within the sum
  float acc = 0;
  for (std::size_t b = 0; b < row.columns.size() / kBlock; ++b) {
    const Column* const c = row.columns.data() + b * kBlock;
    const std::size_t step = halves ? 16 : 32;
    for (std::size_t begin = 0; begin < kBlock; begin += step) {
      std::int64_t dot = 0;
      for (std::size_t i = begin; i < begin + step; ++i) {
        dot += c[i].quant * (whole ? c[i].factor : 1) * x[b].q[i];
      }
      const double scale = c[begin].scale * (whole ? 1 : c[begin].factor);
      acc = std::fma(static_cast<float>(scale), x[b].scale * static_cast<float>(dot), acc);
    }
    if (block_format(row.type).min_at == 0) continue;
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < kBlock; ++i) {
      sum += (row.type == kQ2_K ? c[i].min_factor : 1) * x[b].q[i];
    }
    const double min = row.type == kQ2_K ? c[0].min_scale : c[0].minimum;
    acc = std::fma(static_cast<float>(min), x[b].scale * static_cast<float>(sum), acc);
  }
  return acc;
}

}  // namespace prumo::testing
