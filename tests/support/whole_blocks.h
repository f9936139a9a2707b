// Blocks of the quantized types with a minimum or with numbers of five bits and fewer, laid out by
// the text of each format so that few of them hold every value.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <set>
#include <utility>
#include <vector>

#include "support/quant_oracle.h"

namespace prumo::testing {

/// How many values a weight's quant and a sub-block's small numbers have (1: there are none).
struct Numbers {
  unsigned quants, factors, sub_blocks;
};
inline Numbers numbers_of(gguf::TensorType type) {
  using enum gguf::TensorType;
  switch (type) {
    case kQ4_1:
      return {16, 1, 1};
    case kQ5_0:
    case kQ5_1:
      return {32, 1, 1};
    case kQ2_K:
      return {4, 16, 16};
    case kQ3_K:
      return {8, 64, 16};
    case kQ4_K:
      return {16, 64, 8};
    default:
      return {32, 64, 8};  // Q5_K
  }
}

/// The small numbers of a K block: sub-block s has f + s as its scale, and as its minimum.
inline void lay_factors(gguf::TensorType type, unsigned f, std::byte* block) {
  using enum gguf::TensorType;
  const auto or_into = [&](std::size_t i, unsigned bits) {
    block[i] |= std::byte{static_cast<unsigned char>(bits)};
  };
  const Numbers n = numbers_of(type);
  for (unsigned s = 0; s < n.sub_blocks; ++s) {
    const unsigned v = (f + s) % n.factors;
    if (type == kQ2_K) {
      or_into(s, v * 17);
    } else if (type == kQ3_K) {
      or_into(96 + s % 8, (v & 15) << (s < 8 ? 0 : 4));
      or_into(104 + s % 4, (v >> 4) << (s / 4 * 2));
    } else if (s < 4) {
      or_into(4 + s, v);
      or_into(8 + s, v);
    } else {
      or_into(12 + s - 4, (v & 15) * 17);
      or_into(4 + s - 4, (v >> 4) << 6);
      or_into(8 + s - 4, (v >> 4) << 6);
    }
  }
}

/// A block whose weight k has the quant q + k, with the lowest one taken for 0; its f16s are zeros.
inline std::vector<std::byte> whole_block(gguf::TensorType type, unsigned q, unsigned f) {
  using enum gguf::TensorType;
  const BlockFormat format = block_format(type);
  std::vector<std::byte> block(format.bytes);
  const auto or_into = [&](std::size_t i, unsigned bits) {
    block[i] |= std::byte{static_cast<unsigned char>(bits)};
  };
  const Numbers n = numbers_of(type);
  if (n.factors > 1) lay_factors(type, f, block.data());
  for (unsigned k = 0; k < format.elements; ++k) {
    const unsigned v = (q + k) % n.quants;
    const unsigned l = k % 32, run = k / 32;
    switch (type) {
      case kQ2_K:
        or_into(16 + k / 128 * 32 + l, v << (run % 4 * 2));
        break;
      case kQ3_K:
        or_into(32 + k / 128 * 32 + l, (v & 3) << (run % 4 * 2));
        or_into(l, (v >> 2) << run);
        break;
      case kQ4_K:
      case kQ5_K:
        or_into((type == kQ4_K ? 16 : 48) + run / 2 * 32 + l, (v & 15) << (run % 2 * 4));
        if (type == kQ5_K) or_into(16 + l, (v >> 4) << run);
        break;
      default: {
        const std::size_t high = type == kQ5_0 ? 2 : 4;
        or_into(high + (type == kQ4_1 ? 0 : 4) + k % 16, (v & 15) << (k < 16 ? 0 : 4));
        if (type != kQ4_1) or_into(high + k / 8, (v >> 4) << (k % 8));
      }
    }
  }
  return block;
}

/// Blocks in which every quant meets every sub-scale, as column_of sees them.
inline std::vector<std::byte> all_pairs(gguf::TensorType type) {
  using enum gguf::TensorType;
  const Numbers n = numbers_of(type);
  std::vector<std::byte> row;
  for (unsigned f = 0; f < n.factors; f += n.sub_blocks) {
    const auto block = whole_block(type, 0, f);
    row.insert(row.end(), block.begin(), block.end());
  }
  std::set<std::pair<int, int>> pairs;
  std::set<int> minima;
  const std::size_t elements = row.size() / block_format(type).bytes * block_format(type).elements;
  for (std::size_t k = 0; k < elements; ++k) {
    const Column c = column_of(type, row.data(), k);
    pairs.emplace(c.factor, c.quant);
    minima.insert(c.min_factor);
  }
  EXPECT_EQ(pairs.size(), n.quants * n.factors);
  EXPECT_EQ(minima.size(), type == kQ3_K ? 1 : n.factors);
  return row;
}

}  // namespace prumo::testing
