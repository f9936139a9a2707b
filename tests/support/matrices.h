// Random matrices in the file's own layout, and random quantized activations. Block formats: ggml,
// src/ggml-common.h.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "gguf/format.h"
#include "kernels/kernels.h"
#include "support/values.h"

namespace prumo::testing {

inline constexpr std::array<gguf::TensorType, 13> kTensorTypes = {
    gguf::TensorType::kF32,  gguf::TensorType::kF16,  gguf::TensorType::kBF16,
    gguf::TensorType::kQ8_0, gguf::TensorType::kQ4_0, gguf::TensorType::kQ4_1,
    gguf::TensorType::kQ5_0, gguf::TensorType::kQ5_1, gguf::TensorType::kQ2_K,
    gguf::TensorType::kQ3_K, gguf::TensorType::kQ4_K, gguf::TensorType::kQ5_K,
    gguf::TensorType::kQ6_K};

/// Elements and bytes of a block and where its f16 scale and minimum lie, written down a second
/// time on purpose: the code under test has its own.
struct BlockFormat {
  const char* name;
  std::size_t elements;
  std::size_t bytes;
  std::size_t scale_at;
  std::size_t min_at = 0;  ///< 0: there is no minimum
  double most = 0;         ///< the largest weight over the scale, minimum left out
  double most_min = 0;     ///< the largest minimum over the f16 one
};

inline BlockFormat block_format(gguf::TensorType type) {
  using enum gguf::TensorType;
  switch (type) {
    case kF32:
      return {"F32", 1, 4, 0};
    case kF16:
      return {"F16", 1, 2, 0};
    case kBF16:
      return {"BF16", 1, 2, 0};
    case kQ8_0:
      return {"Q8_0", 32, 34, 0, 0, 128};
    case kQ4_0:
      return {"Q4_0", 32, 18, 0, 0, 8};
    case kQ4_1:
      return {"Q4_1", 32, 20, 0, 2, 15, 1};
    case kQ5_0:
      return {"Q5_0", 32, 22, 0, 0, 16};
    case kQ5_1:
      return {"Q5_1", 32, 24, 0, 2, 31, 1};
    case kQ2_K:
      return {"Q2_K", 256, 84, 80, 82, 3 * 15, 15};
    case kQ3_K:
      return {"Q3_K", 256, 110, 108, 0, 4 * 32};
    case kQ4_K:
      return {"Q4_K", 256, 144, 0, 2, 15 * 63, 63};
    case kQ5_K:
      return {"Q5_K", 256, 176, 0, 2, 31 * 63, 63};
    case kQ6_K:
      return {"Q6_K", 256, 210, 208, 0, 32 * 128};
  }
  return {};
}

inline std::uint16_t load_u16(const std::byte* at) {
  return static_cast<std::uint16_t>(std::to_integer<unsigned>(at[0]) |
                                    std::to_integer<unsigned>(at[1]) << 8);
}
inline void store_u16(std::byte* at, std::uint16_t x) {
  at[0] = std::byte{static_cast<unsigned char>(x & 0xFF)};
  at[1] = std::byte{static_cast<unsigned char>(x >> 8)};
}

/// An f16 by its bits.
inline std::uint16_t make_half(Values values, Bits& bits) {
  const auto any = static_cast<std::uint16_t>(bits.next());
  const auto with_exponent = [&](std::size_t exponent) {
    return static_cast<std::uint16_t>((any & 0x83FFu) | exponent << 10);
  };
  switch (values) {
    case Values::kOrdinary:
      return with_exponent(8 + bits.below(7));
    case Values::kWide:
      return with_exponent(bits.below(31));
    case Values::kTiny:
      return with_exponent(bits.below(2));
    case Values::kSpecial: {
      constexpr std::uint16_t kSpecial[] = {0,      0x8000, 1,      0x83FF, 0x7BFF,
                                            0x7C00, 0xFC00, 0x7E00, 0x7C01, 0xFE12};
      return bits.below(2) == 0 ? any : kSpecial[bits.below(std::size(kSpecial))];
    }
  }
  return any;
}

/// The bytes of one block. kWide blocks have the largest quants there are, so that integer sums
/// reach their limits; a kSpecial block has a special scale.
inline void make_block(gguf::TensorType type, Values values, Bits& bits, std::byte* block) {
  using enum gguf::TensorType;
  const BlockFormat format = block_format(type);
  if (type == kF32 || type == kBF16) {
    const auto u = std::bit_cast<std::uint32_t>(make_float(values, bits));
    if (type == kBF16) return store_u16(block, static_cast<std::uint16_t>(u >> 16));
    std::memcpy(block, &u, sizeof u);
    return;
  }
  if (type != kF16) {
    constexpr unsigned char kLimits8[] = {0x80, 0x7F, 0x81};
    constexpr unsigned char kLimits[] = {0x00, 0xFF, 0x0F, 0xF0};
    const auto is_int8 = [&](std::size_t i) {
      return type == kQ8_0 || (type == kQ6_K && i >= 192 && i < 208);
    };
    // One block in four all alike: the sum of 32 products of the same sign is the largest.
    const bool alike = values == Values::kWide && bits.below(4) == 0;
    const unsigned char fill = kLimits[bits.below(2)];
    const unsigned char fill8 = kLimits8[bits.below(2)];
    for (std::size_t i = 0; i < format.bytes; ++i) {
      auto byte = static_cast<unsigned char>(bits.next());
      if (values == Values::kWide) byte = is_int8(i) ? kLimits8[i % 3] : kLimits[byte % 4];
      if (alike) byte = is_int8(i) ? fill8 : fill;
      block[i] = std::byte{byte};
    }
  }
  store_u16(block + format.scale_at, make_half(values, bits));
  if (format.min_at != 0) store_u16(block + format.min_at, make_half(values, bits));
}

/// rows x columns (a multiple of the block) in the file's layout. Among kSpecial one block in 16 is
/// special.
inline std::vector<std::byte> make_matrix(gguf::TensorType type, std::size_t rows,
                                          std::size_t columns, Values values, Bits& bits) {
  const BlockFormat format = block_format(type);
  const std::size_t blocks = rows * (columns / format.elements);
  std::vector<std::byte> out(blocks * format.bytes);
  for (std::size_t b = 0; b < blocks; ++b) {
    const bool ordinary = values == Values::kSpecial && bits.below(16) != 0;
    make_block(type, ordinary ? Values::kOrdinary : values, bits, out.data() + b * format.bytes);
  }
  return out;
}

/// Gives a block what follows from its quants and its scale, and the scale what it may be: none but
/// 0, NaN and numbers of 11 significant bits in [2^-107, 2^94].
inline void complete(QuantizedBlock& block) {
  if (!std::isnan(block.scale) && block.scale != 0.0f) {
    int exponent = 0;
    const double mantissa = std::frexp(std::fabs(static_cast<double>(block.scale)), &exponent);
    exponent = std::isinf(block.scale) ? 94 : std::clamp(exponent, -106, 94);
    const double rounded = std::isinf(block.scale) ? 0.5 : std::floor(mantissa * 2048) / 2048;
    block.scale = static_cast<float>(std::ldexp(rounded, exponent));
  }
  std::int32_t half[2] = {0, 0};
  for (std::size_t i = 0; i < kBlock; ++i) half[i / 16] += block.q[i];
  block.bias = static_cast<float>(-12582912.0 * static_cast<double>(block.scale));
  block.scaled_sum = static_cast<float>(static_cast<double>(block.scale) * (half[0] + half[1]));
  block.base = 0x4B400000 - 128 * (half[0] + half[1]);
  for (std::size_t h = 0; h < 2; ++h) {
    block.base_of_half[h] = 0x4B400000 - 128 * half[h];
    block.half_sum[h] = static_cast<std::int16_t>(half[h]);
  }
  block.unused = 0;
}

/// Activations as `quantize` leaves them: q in [-127, 127], offsets that agree. kWide has q = 127
/// or -127 everywhere, often all alike; kSpecial has zero blocks and blocks of a NaN.
inline QuantizedBlock make_activations(Values values, Bits& bits) {
  QuantizedBlock block{};
  const std::size_t limits = values == Values::kWide ? 1 + bits.below(3) : 0;
  for (std::int8_t& q : block.q) {
    const bool up = limits == 1 || (limits == 3 && bits.below(2) == 0);
    q = static_cast<std::int8_t>(limits != 0 ? (up ? 127 : -127)
                                             : static_cast<int>(bits.below(255)) - 127);
  }
  block.scale = std::fabs(make_float(values, bits));
  if (values == Values::kSpecial) {
    std::memset(block.q, 0, sizeof block.q);
    block.scale = bits.below(2) == 0 ? 0.0f : std::numeric_limits<float>::quiet_NaN();
  }
  complete(block);
  return block;
}

/// n blocks of a kind; among kSpecial at most two are special.
inline std::vector<QuantizedBlock> make_activations(std::size_t n, Values values, Bits& bits) {
  std::vector<QuantizedBlock> out(n);
  const Values most = values == Values::kSpecial ? Values::kOrdinary : values;
  for (QuantizedBlock& block : out) block = make_activations(most, bits);
  if (values == Values::kSpecial && n != 0) {
    for (std::size_t i = bits.below(3); i > 0; --i) {
      out[bits.below(n)] = make_activations(Values::kSpecial, bits);
    }
  }
  return out;
}

}  // namespace prumo::testing
