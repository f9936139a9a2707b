// The committed seeds that have names: what they are made of, and one function a family of targets.
// fuzz/support/seeds.cpp writes and compares them.
#pragma once

#include <bit>
#include <string>
#include <utility>
#include <vector>

#include "support/floats.h"
#include "support/gguf_builder.h"

namespace prumo::fuzz {

using testing::Bytes;

/// One file, fuzz/corpus/TARGET/seed-NAME.
struct Seed {
  std::string target, name;
  Bytes bytes;
};
using Seeds = std::vector<Seed>;

/// Random numbers that depend on a seed's name alone, so that seeds come and go without changing
/// one another (FNV-1a).
inline testing::Bits bits_of(const std::string& name) {
  std::uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return testing::Bits(hash);
}

inline void put_byte(Bytes& out, std::size_t byte) {
  out.push_back(std::byte{static_cast<unsigned char>(byte)});
}
inline void put_floats(Bytes& out, const std::vector<float>& values) {
  for (const float v : values) testing::put(out, std::bit_cast<std::uint32_t>(v));
}

void add_vector_seeds(Seeds& seeds);     ///< kernels that walk along vectors
void add_product_seeds(Seeds& seeds);    ///< matrix products
void add_matrix_seeds(Seeds& seeds);     ///< pack, dequantize
void add_key_seeds(Seeds& seeds);        ///< config, vocab
void add_text_seeds(Seeds& seeds);       ///< spm, stream, utf8
void add_scan_seeds(Seeds& seeds);       ///< argmax, tile_max, tile_weight, collect, sampler
void add_attention_seeds(Seeds& seeds);  ///< over caches of floats and of Q8_0
void add_history_seeds(Seeds& seeds);    ///< arena

}  // namespace prumo::fuzz
