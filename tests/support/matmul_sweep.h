// Products of one weight type over the shapes and values that a kernel's code divides by: panels,
// tokens, columns, alignments, special numbers. Each sweep answers "" or with the first fault.
#pragma once

#include "support/matmul_law.h"

namespace prumo::testing {

/// Column counts worth a try: every tail for float types, one to several blocks for the others.
inline std::vector<std::size_t> column_counts(gguf::TensorType type) {
  std::vector<std::size_t> out;
  const std::size_t block = block_format(type).elements;
  if (block == 1) {
    for (std::size_t n = 0; n <= 67; ++n) out.push_back(n);
    return out;
  }
  for (std::size_t n : {0u, 1u, 2u, 3u, 4u, 5u, 7u, 8u, 9u, 20u, 37u}) {
    if (n * block <= 1280) out.push_back(n * block);
  }
  return out;
}

/// Every number of rows up to 50 with few tokens; then every number of tokens up to 26 and some
/// more, of panels up to 4 and of columns, with one another.
inline std::string sweep_shapes(gguf::TensorType type) {
  Bits bits(1);
  const auto check = [&](std::size_t rows, std::size_t columns, std::size_t tokens) {
    Product p =
        make_product(type, rows, columns, tokens, Values::kOrdinary, Values::kOrdinary, bits);
    p.side = kSides[bits.below(2)];
    p.y_stride += bits.below(2) * (1 + bits.below(20));
    return product_law(p);
  };
  const std::vector<std::size_t> columns = column_counts(type);
  for (std::size_t rows = 1; rows <= 50; ++rows) {
    for (std::size_t tokens : {1u, 2u, 5u}) {
      const std::string fault = check(rows, columns[1 + bits.below(columns.size() - 1)], tokens);
      if (!fault.empty()) return fault;
    }
  }
  for (std::size_t n : columns) {
    for (std::size_t tokens = 0; tokens <= 40; tokens += tokens < 26 ? 1 : 7) {
      for (std::size_t panels = 1; panels <= 4; ++panels) {
        const std::string fault = check(panels * kPanelRows - bits.below(16), n, tokens);
        if (!fault.empty()) return fault;
      }
    }
  }
  return "";
}

/// Every kind of weight with every kind of activation.
inline std::string sweep_values(gguf::TensorType type) {
  Bits bits(2);
  const std::size_t block = block_format(type).elements;
  for (Values weights : kAllValues) {
    for (Values activations : kAllValues) {
      for (std::size_t round = 0; round < 12; ++round) {
        const std::size_t columns = block == 1 ? 1 + bits.below(80) : block * (1 + bits.below(3));
        const std::size_t tokens = bits.below(4) == 0 ? 17 + bits.below(6) : 1 + bits.below(9);
        Product p =
            make_product(type, 1 + bits.below(40), columns, tokens, weights, activations, bits);
        p.side = kSides[round % 2];
        const std::string fault = product_law(p);
        if (!fault.empty()) return fault;
      }
    }
  }
  return "";
}

/// Every start of x within a cache line, every part of the panels, strides wider than the rows.
inline std::string sweep_placements(gguf::TensorType type) {
  Bits bits(3);
  const std::size_t block = block_format(type).elements;
  const std::size_t columns = block == 1 ? 45 : 2 * block;
  Product p = make_product(type, 75, columns, 6, Values::kOrdinary, Values::kOrdinary, bits);
  for (Side side : kSides) {
    p.side = side;
    for (std::size_t shift = 0; shift < 16; ++shift) {
      p.x_shift = side == Side::kLeft ? shift : 0;
      p.y_stride = p.panels() * kPanelRows + shift;
      p.panel_begin = shift % 3;
      p.panel_end = p.panels() - shift % 2;
      const std::string fault = product_law(p);
      if (!fault.empty()) return fault;
    }
    p.x_shift = 0;
    for (p.panel_begin = 0; p.panel_begin <= p.panels(); ++p.panel_begin) {
      for (p.panel_end = p.panel_begin; p.panel_end <= p.panels(); ++p.panel_end) {
        const std::string fault = product_law(p);
        if (!fault.empty()) return fault;
      }
    }
    p.panel_begin = 0;
    p.panel_end = p.panels();
  }
  return "";
}

/// Batches against single tokens, and every cut of the panels, for a few kinds of numbers.
inline std::string sweep_divisions(gguf::TensorType type) {
  Bits bits(4);
  const std::size_t block = block_format(type).elements;
  for (Values values : kAllValues) {
    const std::size_t columns = block == 1 ? 70 : 2 * block;
    const Product p = make_product(type, 70, columns, 19, values, values, bits);
    std::string fault = batch_law(p);
    for (std::size_t cut = 0; cut <= p.panels() && fault.empty(); ++cut) fault = split_law(p, cut);
    if (!fault.empty()) return fault;
  }
  return "";
}

/// A matrix of a real model's size.
inline std::string sweep_large(gguf::TensorType type) {
  Bits bits(5);
  const auto law = [&](std::size_t rows, std::size_t columns, std::size_t tokens) {
    return product_law(
        make_product(type, rows, columns, tokens, Values::kOrdinary, Values::kOrdinary, bits));
  };
  // The second: so many long activations that they are taken in two parts.
  const std::string first = law(200, 1536, 9);
  return first.empty() ? law(17, 5120, 67) : first;
}

}  // namespace prumo::testing
