#include "kernels/dequantize.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/half.h"
#include "kernels/quants.h"

namespace prumo {
namespace {

std::uint16_t load_u16(const std::byte* at) {
  std::uint16_t out;
  std::memcpy(&out, at, sizeof out);
  return out;
}

// What turns the quants of one block of a type into numbers.
struct Scales {
  float scale[16];  // of every 16 columns of 256, of all of 32
  float minimum[16];
  int offset;
};

Scales scales_of(gguf::TensorType type, const std::byte* block) {
  using enum gguf::TensorType;
  Scales out{};
  const auto half = [&](std::size_t at) { return half_to_float(load_u16(block + at)); };
  const auto all = [&](float scale, float minimum, int offset) {
    std::fill(std::begin(out.scale), std::end(out.scale), scale);
    std::fill(std::begin(out.minimum), std::end(out.minimum), minimum);
    out.offset = offset;
    return out;
  };
  const auto each = [&](auto&& factor, std::size_t d) {
    for (std::size_t i = 0; i < 16; ++i) out.scale[i] = half(d) * static_cast<float>(factor(i));
  };
  switch (type) {
    case kQ8_0:
      return all(half(0), 0, 128);
    case kQ4_0:
      return all(half(0), 0, 8);
    case kQ5_0:
      return all(half(0), 0, 16);
    case kQ4_1:
    case kQ5_1:
      return all(half(0), half(2), 0);
    case kQ2_K:
      each([&](std::size_t i) { return std::to_integer<int>(block[i]) & 15; }, 80);
      for (std::size_t i = 0; i < 16; ++i) {
        out.minimum[i] = -(half(82) * static_cast<float>(std::to_integer<int>(block[i]) >> 4));
      }
      return out;
    case kQ3_K: {
      const auto numbers = read_six_bits(type, block);
      each([&](std::size_t i) { return numbers[i] - 32; }, 108);
      out.offset = 4;
      return out;
    }
    case kQ4_K:
    case kQ5_K: {
      const auto numbers = read_six_bits(type, block);
      each([&](std::size_t i) { return int{numbers[i / 2]}; }, 0);
      for (std::size_t i = 0; i < 16; ++i) {
        out.minimum[i] = -(half(2) * static_cast<float>(numbers[8 + i / 2]));
      }
      return out;
    }
    case kQ6_K:
      each([&](std::size_t i) { return int{static_cast<std::int8_t>(block[192 + i])}; }, 208);
      out.offset = 32;
      return out;
    case kF32:
    case kF16:
    case kBF16:
      break;
  }
  return out;
}

bool has_minimum(gguf::TensorType type) {
  using enum gguf::TensorType;
  return type == kQ4_1 || type == kQ5_1 || type == kQ2_K || type == kQ4_K || type == kQ5_K;
}

void dequantize_block(gguf::TensorType type, const std::byte* block, std::size_t n, float* out) {
  const Scales scales = scales_of(type, block);
  const bool adds = has_minimum(type);
  for (std::size_t sub = 0; sub < n / 32; ++sub) {
    const auto quants = read_quants(type, block, sub);
    for (std::size_t i = 0; i < 32; ++i) {
      const std::size_t of = 2 * sub + i / 16;
      const float x = scales.scale[of] * static_cast<float>(quants[i] - scales.offset);
      out[32 * sub + i] = adds ? x + scales.minimum[of] : x;
    }
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
    default:
      break;
  }
  const gguf::TypeTraits& traits = gguf::type_traits(type);
  for (std::size_t b = 0; b < n / traits.elements; ++b) {
    dequantize_block(type, row + b * traits.bytes, traits.elements, out + b * traits.elements);
  }
}

}  // namespace prumo
