// Laws of every matrix product, for any shape and any kind of numbers. The files of the weight
// types name them.
#pragma once

#include <algorithm>
#include <string>

#include "support/gen.h"
#include "support/lone_law.h"

namespace prumo::testing {

inline std::size_t draw(std::size_t from, std::size_t to) {
  return *rc::gen::inRange<std::size_t>(from, to + 1);
}

inline Values draw_kind() {
  return *rc::gen::elementOf(std::vector<Values>(kAllValues.begin(), kAllValues.end()));
}

/// Up to 80 rows, 40 tokens and 1280 columns; numbers of the kinds given, from a drawn seed.
inline Product draw_product(gguf::TensorType type, Values weights, Values activations) {
  const std::size_t block = block_format(type).elements;
  const std::size_t columns = block * draw(block == 1 ? 0 : 1, block == 1 ? 130 : 1280 / block);
  Bits bits(*rc::gen::arbitrary<std::uint64_t>());
  Product p = make_product(type, draw(1, 80), columns, draw(0, 40), weights, activations, bits);
  p.y_stride += draw(0, 40);
  p.side = kSides[draw(0, 1)];
  p.x_shift = p.side == Side::kLeft ? draw(0, 15) : 0;
  return p;
}

inline void every_table_gives_the_oracles_bits(gguf::TensorType type) {
  Product p = draw_product(type, draw_kind(), draw_kind());
  p.panel_begin = draw(0, p.panels());
  p.panel_end = draw(p.panel_begin, p.panels());
  obeys(product_law(p));
}

inline void a_batch_is_its_tokens(gguf::TensorType type) {
  obeys(batch_law(draw_product(type, draw_kind(), draw_kind())));
}

inline void panels_may_be_cut_anywhere(gguf::TensorType type) {
  const Product p = draw_product(type, draw_kind(), draw_kind());
  obeys(split_law(p, draw(0, p.panels())));
}

/// Numbers this far from the limits of a float: twice the activations is twice the result, exactly.
inline void doubling_doubles(gguf::TensorType type) {
  const Product p = draw_product(type, Values::kOrdinary, Values::kOrdinary);
  Product twice = p;
  for (float& x : twice.x) x *= 2;
  for (QuantizedBlock& block : twice.blocks) {
    block.scale *= 2;
    complete(block);
  }
  for (const Kernels* table : tables()) {
    std::vector<float> wanted = multiply(*table, p).y;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (is_promised(p, i)) wanted[i] *= 2;
    }
    const std::vector<float> got = multiply(*table, twice).y;
    RC_ASSERT(difference(got.data(), wanted.data(), wanted.size()) == "");
  }
}

/// Whatever lane and panel a row comes to lie in, its result is the same.
inline void a_row_is_the_same_at_every_place(gguf::TensorType type) {
  const Product p = draw_product(type, draw_kind(), draw_kind());
  const std::size_t row_size = p.file.size() / p.rows;
  const std::size_t by = draw(0, p.rows - 1);
  Product turned = p;
  std::rotate(turned.file.begin(), turned.file.begin() + static_cast<std::ptrdiff_t>(by * row_size),
              turned.file.end());
  for (const Kernels* table : tables()) {
    const std::vector<float> y = multiply(*table, p).y;
    const std::vector<float> z = multiply(*table, turned).y;
    for (std::size_t t = 0; t < p.tokens; ++t) {
      for (std::size_t r = 0; r < p.rows; ++r) {
        RC_ASSERT(same_bits(z[t * p.y_stride + r], y[t * p.y_stride + (r + by) % p.rows]));
      }
    }
  }
}

/// Columns of zero weights add nothing to a result, whatever finite number they meet.
inline void zero_columns_add_nothing(gguf::TensorType type) {
  const Product p = draw_product(type, Values::kOrdinary, Values::kOrdinary);
  const BlockFormat format = block_format(type);
  Bits bits(*rc::gen::arbitrary<std::uint64_t>());
  Product wide = make_product(type, p.rows, p.columns + format.elements, p.tokens,
                              Values::kOrdinary, Values::kOrdinary, bits);
  wide.y_stride = p.y_stride;
  const std::size_t row_size = p.columns / format.elements * format.bytes;
  std::fill(wide.file.begin(), wide.file.end(), std::byte{0});
  for (std::size_t r = 0; r < p.rows; ++r) {
    std::copy_n(p.file.data() + r * row_size, row_size,
                wide.file.data() + r * (row_size + format.bytes));
  }
  const auto copy_tokens = [&](const auto& from, auto& to) {
    const std::size_t n = p.tokens == 0 ? 0 : from.size() / p.tokens;
    const std::size_t m = p.tokens == 0 ? 0 : to.size() / p.tokens;
    for (std::size_t t = 0; t < p.tokens; ++t) {
      std::copy_n(from.data() + t * n, n, to.data() + t * m);
    }
  };
  copy_tokens(p.x, wide.x);
  copy_tokens(p.blocks, wide.blocks);
  for (const Kernels* table : tables()) {
    const std::vector<float> wanted = multiply(*table, p).y;
    const std::vector<float> got = multiply(*table, wide).y;
    RC_ASSERT(difference(got.data(), wanted.data(), wanted.size()) == "");
  }
}

/// Within the bound of support/accuracy.h of the true value.
inline void the_error_is_bounded(gguf::TensorType type) {
  const std::size_t block = block_format(type).elements;
  const std::size_t columns = block * draw(1, block == 1 ? 600 : 1024 / block);
  Bits bits(*rc::gen::arbitrary<std::uint64_t>());
  Product p = ordinary_product(type, draw(1, 33), columns, draw(1, 5), bits);
  for (float& x : p.x) x = std::ldexp(x, static_cast<int>(bits.below(24)) - 12);
  RC_ASSERT(product_accuracy(p).fault() == "");
}

/// One column, or half a block, alone: nothing is lost, and nothing is rounded twice.
inline void every_lone_part_is_exact(gguf::TensorType type) {
  const std::size_t block = block_format(type).elements;
  const std::size_t columns = block * draw(1, block == 1 ? 100 : 256 / block);
  Bits bits(*rc::gen::arbitrary<std::uint64_t>());
  RC_ASSERT(lone_law(lone_parts(type, draw(1, 20), columns, 1, bits)) == "");
  if (!is_quantized(type)) return;
  RC_ASSERT(lone_law(lone_parts(type, draw(1, 20), columns, exact_part(type), bits)) == "");
}

}  // namespace prumo::testing
