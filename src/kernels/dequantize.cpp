#include "kernels/dequantize.h"

#include <cstdint>
#include <cstring>

#include "base/half.h"

namespace prumo {
namespace {

std::uint16_t load_u16(const std::byte* at) {
  std::uint16_t out;
  std::memcpy(&out, at, sizeof out);
  return out;
}

void q8_0(const std::byte* block, float* out) {
  const float d = half_to_float(load_u16(block));
  for (std::size_t i = 0; i < 32; ++i)
    out[i] = d * static_cast<float>(static_cast<std::int8_t>(block[2 + i]));
}

void q4_0(const std::byte* block, float* out) {
  const float d = half_to_float(load_u16(block));
  for (std::size_t i = 0; i < 16; ++i) {
    const int byte = std::to_integer<int>(block[2 + i]);
    out[i] = d * static_cast<float>((byte & 15) - 8);
    out[i + 16] = d * static_cast<float>((byte >> 4) - 8);
  }
}

// 256 weights of 6 bits: 128 bytes of low nibbles, 64 bytes of high bit pairs, 16 int8 sub-scales,
// an f16 scale. Either half of 128 weights is four runs of 32 that share their bytes.
void q6_k(const std::byte* block, float* out) {
  const float d = half_to_float(load_u16(block + 208));
  for (std::size_t i = 0; i < 256; ++i) {
    const std::size_t half = i / 128;
    const std::size_t run = i % 128 / 32;
    const std::size_t l = i % 32;
    const int low_byte = std::to_integer<int>(block[half * 64 + (run % 2) * 32 + l]);
    const int high_byte = std::to_integer<int>(block[128 + half * 32 + l]);
    const int low = run < 2 ? low_byte & 15 : low_byte >> 4;
    const int high = (high_byte >> (2 * run)) & 3;
    const auto scale = static_cast<std::int8_t>(block[192 + i / 16]);
    out[i] = d * static_cast<float>(scale) * static_cast<float>((low | (high << 4)) - 32);
  }
}

}  // namespace

void dequantize(gguf::TensorType type, const std::byte* row, std::size_t n, float* out) {
  using enum gguf::TensorType;
  switch (type) {
    case kF32:
      std::memcpy(out, row, n * sizeof(float));
      return;
    case kF16:
      for (std::size_t i = 0; i < n; ++i) out[i] = half_to_float(load_u16(row + 2 * i));
      return;
    case kBF16:
      for (std::size_t i = 0; i < n; ++i) out[i] = bf16_to_float(load_u16(row + 2 * i));
      return;
    case kQ8_0:
      for (std::size_t i = 0; i < n; i += 32) q8_0(row + i / 32 * 34, out + i);
      return;
    case kQ4_0:
      for (std::size_t i = 0; i < n; i += 32) q4_0(row + i / 32 * 18, out + i);
      return;
    case kQ6_K:
      for (std::size_t i = 0; i < n; i += 256) q6_k(row + i / 256 * 210, out + i);
      return;
  }
}

}  // namespace prumo
