// What targets whose input is a GGUF file give to the engine: changes to the structure of the file
// (tests/support/gguf_mutator.h) in place of changes to its bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "support/gguf_mutator.h"

// The engine's own way of changing bytes, where there is one.
extern "C" __attribute__((weak)) std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size,
                                                              std::size_t max_size);

namespace prumo::fuzz {

inline std::span<const std::byte> as_bytes(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const std::byte*>(data), size};
}

inline testing::MutateBytes bytes_mutator() {
  return LLVMFuzzerMutate != nullptr ? LLVMFuzzerMutate : testing::mutate_bytes_simply;
}

/// LLVMFuzzerCustomMutator of a GGUF file.
inline std::size_t mutate_gguf(std::uint8_t* data, std::size_t size, std::size_t max_size,
                               unsigned seed) {
  testing::GgufMutator mutator(seed, bytes_mutator());
  const testing::Bytes out = mutator.mutate(as_bytes(data, size), max_size);
  if (!out.empty()) std::memcpy(data, out.data(), out.size());
  return out.size();
}

/// LLVMFuzzerCustomCrossOver of two.
inline std::size_t cross_gguf(std::span<const std::byte> a, std::span<const std::byte> b,
                              std::uint8_t* out, std::size_t max_size, unsigned seed) {
  testing::GgufMutator mutator(seed, bytes_mutator());
  const testing::Bytes mixed = mutator.cross(a, b, max_size);
  if (!mixed.empty()) std::memcpy(out, mixed.data(), mixed.size());
  return mixed.size();
}

}  // namespace prumo::fuzz
