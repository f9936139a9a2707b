// Products in which one element or one block of the activations is all there is: then the result is
// that part's exact product rounded once, for every part, and one that is lost or counted twice is
// seen whatever the others hold.
#pragma once

#include <string>

#include "support/accuracy.h"

namespace prumo::testing {

/// A product as the engine makes them: weights of ordinary size, activations quantized by the
/// contract.
inline Product ordinary_product(gguf::TensorType type, std::size_t rows, std::size_t columns,
                                std::size_t tokens, Bits& bits) {
  Product p = make_product(type, rows, columns, tokens, Values::kOrdinary, Values::kOrdinary, bits);
  for (QuantizedBlock& block : p.blocks) {
    const auto x = make_floats(kBlock, Values::kOrdinary, bits);
    block = quantized(x.data());
  }
  return p;
}

/// Whether the lone part's product is rounded once: not in types that add a minimum by itself.
inline bool rounds_once(gguf::TensorType type) {
  return block_format(type).min_at == 0;
}

/// Token t of the product has nothing but columns [t * part, (t + 1) * part).
inline Product lone_parts(gguf::TensorType type, std::size_t rows, std::size_t columns,
                          std::size_t part, Bits& bits) {
  Product p = ordinary_product(type, rows, columns, columns / part, bits);
  for (std::size_t t = 0; t < p.tokens; ++t) {
    for (std::size_t k = 0; k < columns; ++k) {
      if (k / part == t) continue;
      const std::size_t at = t * columns + k;
      if (is_quantized(type)) {
        p.blocks[at / kBlock].q[k % kBlock] = 0;
      } else {
        p.x[at] = 0;
      }
    }
  }
  // With a power of two for a scale nothing but the last product can round.
  for (QuantizedBlock& block : p.blocks) {
    block.scale = std::ldexp(1.0f, -static_cast<int>(bits.below(10)));
    complete(block);
  }
  return p;
}

/// Every table gives each lone part's exact product, rounded once.
inline std::string lone_law(const Product& p) {
  if (!rounds_once(p.type)) return product_accuracy(p).fault();
  const BlockFormat format = block_format(p.type);
  const std::size_t row_size = p.columns / format.elements * format.bytes;
  std::vector<float> exact(p.tokens * p.y_stride);
  for (std::size_t r = 0; r < p.rows; ++r) {
    for (std::size_t t = 0; t < p.tokens; ++t) {
      double sum = 0;
      for (std::size_t k = 0; k < p.columns; ++k) {
        const std::size_t at = t * p.columns + k;
        sum += weight_value(p.type, p.file.data() + r * row_size, k) * seen(p, at);
      }
      exact[t * p.y_stride + r] = static_cast<float>(sum);
    }
  }
  for (const Kernels* table : tables()) {
    const Answer answer = multiply(*table, p);
    for (std::size_t t = 0; t < p.tokens; ++t) {
      for (std::size_t r = 0; r < p.rows; ++r) {
        const float got = answer.y[t * p.y_stride + r];
        const float wanted = exact[t * p.y_stride + r];
        // A zero may have either sign: the others add 0 * w.
        if (got == wanted) continue;
        return std::string(table->name) + ": " + p.name() + ": row " + std::to_string(r) +
               " times part " + std::to_string(t) + " alone is " + shown(got) + " and should be " +
               shown(wanted);
      }
    }
  }
  return "";
}

}  // namespace prumo::testing
