// The fuzz target of all matrix products: input bytes become a shape and the numbers in it, and
// every table must give the oracle's bits, in however many shares the panels are dealt.
#pragma once

#include "support/check.h"
#include "support/matmul_law.h"
#include "support/product_input.h"

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

// What runs on threads asks for the machine's cores, which MemorySanitizer does not see through.
#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#define PRUMO_FUZZ_NO_THREADS 1
#endif
#endif

/// How the panels are dealt: whole, in shares, in a quarter of those on threads. The seed says it,
/// by numbers of its own, so that inputs mean the matrices that they meant before.
inline void deal(std::uint32_t seed, testing::Product& p) {
  testing::Bits bits(~std::uint64_t{seed});
  p.shares = 1 + bits.below(3);
  p.on_threads = p.shares > 1 && bits.below(4) == 0;
#if defined(PRUMO_FUZZ_NO_THREADS)
  p.on_threads = false;
#endif
}

/// 15 bytes of shape and kinds, then numbers: weights in the file's layout first. Arguments lie
/// against guard pages (support/stage.h), which is as exact as a copy of exact size.
inline int fuzz_product(gguf::TensorType type, const std::uint8_t* data, std::size_t size) {
  using testing::Values;
  Input in(data, size);
  const ProductShape s = read_shape(in, testing::block_format(type));
  testing::Bits bits(s.seed);
  testing::Product p =
      testing::make_product(type, s.rows, s.columns, s.tokens, static_cast<Values>(s.weights % 4),
                            static_cast<Values>(s.activations % 4), bits);
  p.panel_begin = s.panel_begin;
  p.panel_end = s.panel_end;
  p.y_stride += s.wider;
  p.side = s.left ? testing::Side::kLeft : testing::Side::kRight;
  p.x_shift = s.x_shift;
  deal(s.seed, p);
  if (s.weights >= 4) fill(in, bits, p.file.data(), p.file.size());
  if (s.activations >= 4) fill_activations(in, bits, p);

  const std::string fault = testing::product_law(p);
  CHECK(fault.empty(), fault);
  return 0;
}

}  // namespace prumo::fuzz
