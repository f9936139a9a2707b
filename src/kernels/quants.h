// Quantized blocks as a file stores them, taken apart into integers. Layouts: the ggml project's
// ggml-common.h and ggml-quants.c.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "gguf/format.h"

namespace prumo {

/// The quants of columns 32 sub .. 32 sub + 31 of a block, unsigned, nothing taken off; of Q8_0
/// with 128 added.
inline std::array<std::uint8_t, 32> read_quants(gguf::TensorType type, const std::byte* block,
                                                std::size_t sub) {
  using enum gguf::TensorType;
  std::array<std::uint8_t, 32> out{};
  const auto each = [&out](auto&& quant) {
    for (std::size_t i = 0; i < 32; ++i) out[i] = static_cast<std::uint8_t>(quant(i));
  };
  const auto byte = [](const std::byte* at) { return std::to_integer<unsigned>(*at); };
  // 16 bytes of two nibbles: columns 0 .. 15 have the low ones.
  const auto nibble = [&](const std::byte* at, std::size_t i) {
    return i < 16 ? byte(at + i) & 15u : byte(at + i - 16) >> 4;
  };
  const auto bit_of = [&](const std::byte* at, std::size_t i) {
    return byte(at + i / 8) >> (i % 8) & 1u;
  };
  // The K types: 32 bytes serve several runs of 32 columns, a run having the same bits of each.
  const auto run = [&](const std::byte* at, std::size_t i, std::size_t shift, unsigned mask) {
    return byte(at + i) >> shift & mask;
  };
  const std::size_t pair_at = sub / 4 * 32;    // where two bits of this run lie
  const std::size_t pair_shift = sub % 4 * 2;  //
  const std::size_t nibble_at = sub / 2 * 32;  // where its nibbles lie, but for Q6_K
  const std::size_t nibble_shift = sub % 2 * 4;
  switch (type) {
    case kQ8_0:
      each([&](std::size_t i) { return byte(block + 2 + i) ^ 0x80u; });
      break;
    case kQ4_0:
      each([&](std::size_t i) { return nibble(block + 2, i); });
      break;
    case kQ4_1:
      each([&](std::size_t i) { return nibble(block + 4, i); });
      break;
    case kQ5_0:
      each([&](std::size_t i) { return nibble(block + 6, i) | bit_of(block + 2, i) << 4; });
      break;
    case kQ5_1:
      each([&](std::size_t i) { return nibble(block + 8, i) | bit_of(block + 4, i) << 4; });
      break;
    case kQ2_K:
      each([&](std::size_t i) { return run(block + 16 + pair_at, i, pair_shift, 3); });
      break;
    case kQ3_K:
      each([&](std::size_t i) {
        return run(block + 32 + pair_at, i, pair_shift, 3) | run(block, i, sub, 1) << 2;
      });
      break;
    case kQ4_K:
      each([&](std::size_t i) { return run(block + 16 + nibble_at, i, nibble_shift, 15); });
      break;
    case kQ5_K:
      each([&](std::size_t i) {
        return run(block + 48 + nibble_at, i, nibble_shift, 15) | run(block + 16, i, sub, 1) << 4;
      });
      break;
    case kQ6_K:
      each([&](std::size_t i) {
        return run(block + sub / 4 * 64 + sub % 2 * 32, i, sub % 4 / 2 * 4, 15) |
               run(block + 128 + pair_at, i, pair_shift, 3) << 4;
      });
      break;
    case kF32:
    case kF16:
    case kBF16:
      break;
  }
  return out;
}

/// The sixteen numbers of six bits of a block: of Q4_K and Q5_K eight scales, then eight minima; of
/// Q3_K sixteen scales with 32 added.
inline std::array<std::uint8_t, 16> read_six_bits(gguf::TensorType type, const std::byte* block) {
  std::array<std::uint8_t, 16> out{};
  const bool q3 = type == gguf::TensorType::kQ3_K;
  const std::byte* const at = block + (q3 ? 96 : 4);
  const auto byte = [&](std::size_t i) { return std::to_integer<unsigned>(at[i]); };
  for (std::size_t i = 0; i < 16; ++i) {
    unsigned value = 0;
    if (q3) {
      value = (i < 8 ? byte(i) & 15u : byte(i - 8) >> 4) | (byte(8 + i % 4) >> (i / 4 * 2) & 3u)
                                                               << 4;
    } else if (i % 8 < 4) {  // whole in the first eight bytes
      value = byte(i / 8 * 4 + i % 8) & 63u;
    } else {  // a nibble of the last four bytes, and the top of one of the first eight
      const unsigned nibbles = byte(8 + i % 4);
      value = (i < 8 ? nibbles & 15u : nibbles >> 4) | byte(i / 8 * 4 + i % 4) >> 6 << 4;
    }
    out[i] = static_cast<std::uint8_t>(value);
  }
  return out;
}

}  // namespace prumo
