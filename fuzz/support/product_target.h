// The fuzz target of all matrix products: input bytes become a shape and the numbers in it, and
// every table must give the oracle's bits.
#pragma once

#include <algorithm>

#include "support/check.h"
#include "support/matmul_law.h"

namespace prumo::fuzz {

/// n bytes: the input's own while they last, then a generator's.
inline void fill(Input& in, testing::Bits& bits, std::byte* out, std::size_t n) {
  const std::size_t own = n < in.size() ? n : in.size();
  if (own != 0) std::memcpy(out, in.data(), own);
  in.skip(own);
  for (std::size_t i = own; i < n; ++i) {
    out[i] = std::byte{static_cast<unsigned char>(bits.next())};
  }
}

/// Activations of any bits, with q and offsets as the contract has them.
inline void fill_activations(Input& in, testing::Bits& bits, testing::Product& p) {
  fill(in, bits, reinterpret_cast<std::byte*>(p.x.data()), p.x.size() * sizeof(float));
  for (QuantizedBlock& block : p.blocks) {
    fill(in, bits, reinterpret_cast<std::byte*>(block.q), sizeof block.q);
    fill(in, bits, reinterpret_cast<std::byte*>(&block.scale), sizeof block.scale);
    for (std::int8_t& q : block.q) q = q == -128 ? std::int8_t{-127} : q;
    testing::complete(block);
  }
}

/// 14 bytes of shape and kinds, then numbers: weights in the file's layout first. Arguments lie
/// against guard pages (support/stage.h), which is as exact as a copy of exact size.
inline int fuzz_product(gguf::TensorType type, const std::uint8_t* data, std::size_t size) {
  using testing::Values;
  constexpr std::size_t kMostProducts = 32768;  // what an execution may cost
  Input in(data, size);
  const auto below = [&in](std::size_t n) { return in.take<std::uint8_t>() % n; };
  const testing::BlockFormat format = testing::block_format(type);
  const std::size_t rows = 1 + below(50);
  const std::size_t panels = (rows + kPanelRows - 1) / kPanelRows;
  const std::size_t columns =
      format.elements * (format.elements == 1 ? below(68) : 1 + below(256 / format.elements));
  const std::size_t most_tokens = kMostProducts / (panels * kPanelRows * (columns + 1));
  const std::size_t tokens = below(std::min<std::size_t>(most_tokens, 28) + 1);
  const std::size_t weights = below(6);
  const std::size_t activations = below(6);
  testing::Bits bits(in.take<std::uint32_t>());

  testing::Product p =
      testing::make_product(type, rows, columns, tokens, static_cast<Values>(weights % 4),
                            static_cast<Values>(activations % 4), bits);
  p.panel_begin = below(panels + 1);
  p.panel_end = p.panel_begin + below(panels - p.panel_begin + 1);
  p.y_stride += below(20);
  p.side = testing::kSides[below(2)];
  p.x_shift = p.side == testing::Side::kLeft ? below(16) : 0;
  if (weights >= 4) fill(in, bits, p.file.data(), p.file.size());
  if (activations >= 4) fill_activations(in, bits, p);

  const std::string fault = testing::product_law(p);
  CHECK(fault.empty(), fault);
  return 0;
}

}  // namespace prumo::fuzz
