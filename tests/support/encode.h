// Rows of numbers in every type that a file may store them in. Encoders are plain ones with
// sensible rounding: what is compared with them is the types, not the art of choosing scales.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/half.h"
#include "support/quant_oracle.h"

namespace prumo::testing {

using Row = std::vector<float>;

inline float store_scale(std::byte* at, float scale) {
  const std::uint16_t half = float_to_half(scale);
  store_u16(at, half);
  return static_cast<float>(half_value(half));
}

inline int quant(float x, float scale, int least, int most) {
  if (scale == 0.0f) return 0;
  const double q = nearest_even(static_cast<double>(x) / static_cast<double>(scale));
  return static_cast<int>(std::clamp(q, static_cast<double>(least), static_cast<double>(most)));
}

/// The element of n that is largest in magnitude, with its sign.
inline float extreme(const float* x, std::size_t n) {
  return *std::max_element(x, x + n, [](float a, float b) { return std::fabs(a) < std::fabs(b); });
}

/// 32 elements: the largest becomes 127.
inline void encode_q8_0(const float* x, std::byte* out) {
  const float scale = store_scale(out, std::fabs(extreme(x, 32)) / 127);
  for (std::size_t i = 0; i < 32; ++i) {
    out[2 + i] = static_cast<std::byte>(quant(x[i], scale, -127, 127));
  }
}

/// 32 elements: the largest becomes -8, whatever its sign, since quants go from -8 to 7.
inline void encode_q4_0(const float* x, std::byte* out) {
  const float scale = store_scale(out, extreme(x, 32) / -8);
  for (std::size_t i = 0; i < 16; ++i) {
    const int low = quant(x[i], scale, -8, 7) + 8;
    const int high = quant(x[i + 16], scale, -8, 7) + 8;
    out[2 + i] = static_cast<std::byte>(low | high << 4);
  }
}

/// Of 19 scales around the one that makes the largest of 16 elements -32, the one with the least
/// squared error.
inline float best_scale(const float* x) {
  const float largest = extreme(x, 16);
  float best = 0;
  double least = INFINITY;
  for (int step = -9; step <= 9; ++step) {
    const float scale = largest / (-32 + 0.1f * static_cast<float>(step));
    double error = 0;
    for (std::size_t i = 0; i < 16; ++i) {
      const double d =
          static_cast<double>(x[i]) - static_cast<double>(scale) * quant(x[i], scale, -32, 31);
      error += d * d;
    }
    if (error < least) least = error, best = scale;
  }
  return best;
}

/// 256 elements: 16 scales in units of the largest's 128th part; layout as in column_of.
inline void encode_q6_k(const float* x, std::byte* out) {
  float scales[16];
  for (std::size_t j = 0; j < 16; ++j) scales[j] = best_scale(x + 16 * j);
  const float scale = store_scale(out + 208, extreme(scales, 16) / -128);
  std::fill(out, out + 192, std::byte{0});
  for (std::size_t j = 0; j < 16; ++j) {
    out[192 + j] = static_cast<std::byte>(quant(scales[j], scale, -128, 127));
  }
  for (std::size_t k = 0; k < 256; ++k) {
    const auto sub = static_cast<float>(static_cast<std::int8_t>(out[192 + k / 16]));
    const int q = quant(x[k], scale * sub, -32, 31) + 32;
    const std::size_t half = k / 128, run = k % 128 / 32;
    out[64 * half + k % 64] |= static_cast<std::byte>((q & 15) << (run < 2 ? 0 : 4));
    out[128 + 32 * half + k % 32] |= static_cast<std::byte>((q >> 4) << (2 * run));
  }
}

/// Bits of a small number into a byte.
inline void put(std::byte& byte, int value, std::size_t shift) {
  byte |= static_cast<std::byte>(value << shift);
}

/// 32 elements of Q5_0: the largest becomes -16.
inline void encode_q5_0(const float* x, std::byte* out) {
  const float scale = store_scale(out, extreme(x, 32) / -16);
  std::fill(out + 2, out + 22, std::byte{0});
  for (std::size_t i = 0; i < 32; ++i) {
    const int q = quant(x[i], scale, -16, 15) + 16;
    put(out[6 + i % 16], q & 15, i < 16 ? 0 : 4);
    put(out[2 + i / 8], q >> 4, i % 8);
  }
}

/// 32 elements of Q4_1 (most 15) or Q5_1 (most 31): the least becomes 0, the largest `most`.
inline void encode_with_minimum(const float* x, int most, std::byte* out) {
  const auto [least, largest] = std::minmax_element(x, x + 32);
  const float scale = store_scale(out, (*largest - *least) / static_cast<float>(most));
  const float minimum = store_scale(out + 2, *least);
  std::byte* const quants = out + (most == 15 ? 4 : 8);
  std::fill(out + 4, quants + 16, std::byte{0});
  for (std::size_t i = 0; i < 32; ++i) {
    const int q = quant(x[i] - minimum, scale, 0, most);
    put(quants[i % 16], q & 15, i < 16 ? 0 : 4);
    if (most == 31) put(out[4 + i / 8], q >> 4, i % 8);
  }
}

/// Scales and minima of the sub-blocks of a K block, in units of one f16 each.
struct SubBlocks {
  float scale, minimum;  ///< of the units
  int scales[16], minima[16];
};

/// Sub-blocks of `size` elements with quants 0 .. most: the least, or zero, becomes 0 and the
/// largest `most`. Scales and minima are at most `limit` units.
inline SubBlocks sub_blocks(const float* x, std::size_t size, int most, int limit, std::byte* scale,
                            std::byte* minimum) {
  SubBlocks out{};
  const std::size_t n = 256 / size;
  float scales[16] = {};
  float minima[16] = {};
  for (std::size_t j = 0; j < n; ++j) {
    const auto [least, largest] = std::minmax_element(x + j * size, x + (j + 1) * size);
    minima[j] = std::max(0.0f, -*least);
    scales[j] = std::max(0.0f, *largest + minima[j]) / static_cast<float>(most);
  }
  out.scale = store_scale(scale, extreme(scales, n) / static_cast<float>(limit));
  out.minimum = store_scale(minimum, extreme(minima, n) / static_cast<float>(limit));
  for (std::size_t j = 0; j < n; ++j) {
    out.scales[j] = quant(scales[j], out.scale, 0, limit);
    out.minima[j] = quant(minima[j], out.minimum, 0, limit);
  }
  return out;
}

/// Element k of the block as a quant of its sub-block j.
inline int sub_quant(const SubBlocks& b, float x, std::size_t j, int most) {
  const float minimum = b.minimum * static_cast<float>(b.minima[j]);
  return quant(x + minimum, b.scale * static_cast<float>(b.scales[j]), 0, most);
}

inline void encode_q2_k(const float* x, std::byte* out) {
  std::fill(out, out + 84, std::byte{0});
  const SubBlocks b = sub_blocks(x, 16, 3, 15, out + 80, out + 82);
  for (std::size_t j = 0; j < 16; ++j)
    out[j] = static_cast<std::byte>(b.scales[j] | b.minima[j] << 4);
  for (std::size_t k = 0; k < 256; ++k) {
    put(out[16 + k / 128 * 32 + k % 32], sub_quant(b, x[k], k / 16, 3), k / 32 % 4 * 2);
  }
}

/// Q4_K (most 15) and Q5_K (most 31).
inline void encode_q45_k(const float* x, int most, std::byte* out) {
  const std::size_t quants = most == 15 ? 16 : 48;
  std::fill(out, out + quants + 128, std::byte{0});
  const SubBlocks b = sub_blocks(x, 32, most, 63, out, out + 2);
  for (std::size_t j = 0; j < 4; ++j) {
    put(out[4 + j], b.scales[j], 0);
    put(out[8 + j], b.minima[j], 0);
    put(out[12 + j], b.scales[j + 4] & 15, 0);
    put(out[12 + j], b.minima[j + 4] & 15, 4);
    put(out[4 + j], b.scales[j + 4] >> 4, 6);
    put(out[8 + j], b.minima[j + 4] >> 4, 6);
  }
  for (std::size_t k = 0; k < 256; ++k) {
    const int q = sub_quant(b, x[k], k / 32, most);
    put(out[quants + k / 64 * 32 + k % 32], q & 15, k / 32 % 2 * 4);
    if (most == 31) put(out[16 + k % 32], q >> 4, k / 32);
  }
}

/// Of every 16 elements the largest becomes -4; the scales are in units of the largest's 32nd part.
inline void encode_q3_k(const float* x, std::byte* out) {
  std::fill(out, out + 110, std::byte{0});
  float scales[16];
  for (std::size_t j = 0; j < 16; ++j) scales[j] = extreme(x + 16 * j, 16) / -4;
  const float scale = store_scale(out + 108, extreme(scales, 16) / -32);
  for (std::size_t j = 0; j < 16; ++j) {
    const int s = quant(scales[j], scale, -32, 31);
    put(out[96 + j % 8], (s + 32) & 15, j < 8 ? 0 : 4);
    put(out[104 + j % 4], (s + 32) >> 4, j / 4 * 2);
    for (std::size_t k = 16 * j; k < 16 * j + 16; ++k) {
      const int q = quant(x[k], scale * static_cast<float>(s), -4, 3) + 4;
      put(out[32 + k / 128 * 32 + k % 32], q & 3, k / 32 % 4 * 2);
      put(out[k % 32], q >> 2, k / 32);
    }
  }
}

/// A row in the file's layout; its length is a multiple of the block.
inline void encode(gguf::TensorType type, const Row& x, std::byte* out) {
  const BlockFormat format = block_format(type);
  for (std::size_t k = 0; k < x.size(); k += format.elements, out += format.bytes) {
    switch (type) {
      case gguf::TensorType::kF32:
        std::memcpy(out, &x[k], sizeof(float));
        break;
      case gguf::TensorType::kF16:
        store_u16(out, float_to_half(x[k]));
        break;
      case gguf::TensorType::kBF16:
        store_u16(out, float_to_bf16(x[k]));
        break;
      case gguf::TensorType::kQ8_0:
        encode_q8_0(&x[k], out);
        break;
      case gguf::TensorType::kQ4_0:
        encode_q4_0(&x[k], out);
        break;
      case gguf::TensorType::kQ6_K:
        encode_q6_k(&x[k], out);
        break;
      case gguf::TensorType::kQ4_1:
        encode_with_minimum(&x[k], 15, out);
        break;
      case gguf::TensorType::kQ5_0:
        encode_q5_0(&x[k], out);
        break;
      case gguf::TensorType::kQ5_1:
        encode_with_minimum(&x[k], 31, out);
        break;
      case gguf::TensorType::kQ2_K:
        encode_q2_k(&x[k], out);
        break;
      case gguf::TensorType::kQ3_K:
        encode_q3_k(&x[k], out);
        break;
      case gguf::TensorType::kQ4_K:
        encode_q45_k(&x[k], 15, out);
        break;
      case gguf::TensorType::kQ5_K:
        encode_q45_k(&x[k], 31, out);
        break;
    }
  }
}

}  // namespace prumo::testing
