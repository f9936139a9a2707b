// How the bytes of an input become the shape of a matrix product: for the targets of all matrix
// products, and for the generator of their seeds, which must say the same.
#pragma once

#include <algorithm>

#include "kernels/kernels.h"
#include "support/check.h"
#include "support/matrices.h"

namespace prumo::fuzz {

/// The shape of a product, and where its numbers come from: below 4 the four kinds of
/// testing::Values, else the input's own bytes.
struct ProductShape {
  std::size_t rows = 1, columns = 0, tokens = 0;
  std::size_t weights = 0, activations = 0;
  std::uint32_t seed = 0;
  std::size_t panel_begin = 0, panel_end = 0;
  std::size_t wider = 0;  ///< floats that the rows of y have besides the panels'
  bool left = false;      ///< whether arguments begin behind a guard page; else they end before one
  std::size_t x_shift = 0;

  friend bool operator==(const ProductShape&, const ProductShape&) = default;
};

/// What an execution may cost, in products; one input in eight may cost more, or no product of a
/// super-block's columns would have the tokens that pay for unpacking, and no row a second stretch.
inline constexpr std::size_t kMostProducts = 32768;
inline constexpr std::size_t kMostOfLarge = 163840;

/// 15 bytes: one whose lowest three bits are set in an input that may cost more, then the shape.
inline ProductShape read_shape(Input& in, const testing::BlockFormat& format) {
  const auto below = [&in](std::size_t n) { return in.take<std::uint8_t>() % n; };
  const std::size_t most_products = below(8) == 7 ? kMostOfLarge : kMostProducts;
  ProductShape s;
  s.rows = 1 + below(50);
  const std::size_t panels = (s.rows + kPanelRows - 1) / kPanelRows;
  s.columns = format.elements *
              (format.elements == 1 ? below(68) : 1 + below(format.elements == 256 ? 3 : 20));
  const std::size_t most_tokens = most_products / (panels * kPanelRows * (s.columns + 1));
  s.tokens = below(std::min<std::size_t>(most_tokens, 28) + 1);
  s.weights = below(6);
  s.activations = below(6);
  s.seed = in.take<std::uint32_t>();
  s.panel_begin = below(panels + 1);
  s.panel_end = s.panel_begin + below(panels - s.panel_begin + 1);
  s.wider = below(20);
  s.left = below(2) == 0;
  s.x_shift = s.left ? below(16) : 0;
  return s;
}

}  // namespace prumo::fuzz
