// Elements of a row as floats: blocks by hand, all bytes at all places, all scales.
#include <gtest/gtest.h>

#include "support/dequantize_law.h"

namespace prumo::testing {
namespace {

using enum gguf::TensorType;

std::vector<std::byte> bytes_of(const std::vector<int>& values) {
  std::vector<std::byte> out;
  for (int v : values) out.push_back(std::byte{static_cast<unsigned char>(v)});
  return out;
}

TEST(Dequantize, Q8_0ByHand) {
  std::vector<int> block(34, 0);
  block[1] = 0xC0;  // -2
  block[2] = 1;
  block[3] = -128;
  block[33] = 127;
  float out[32];
  dequantize(kQ8_0, bytes_of(block).data(), 32, out);
  EXPECT_EQ(out[0], -2);
  EXPECT_EQ(out[1], 256);
  EXPECT_EQ(out[2], 0);
  EXPECT_EQ(out[31], -254);
}

TEST(Dequantize, Q4_0ByHand) {
  std::vector<int> block(18, 0x88);
  block[0] = 0x00;
  block[1] = 0x38;  // 0.5
  block[2] = 0xF0;
  block[17] = 0x1A;
  float out[32];
  dequantize(kQ4_0, bytes_of(block).data(), 32, out);
  EXPECT_EQ(out[0], -4);
  EXPECT_EQ(out[1], 0);
  EXPECT_EQ(out[15], 1);
  EXPECT_EQ(out[16], 3.5f);
  EXPECT_EQ(out[31], -3.5f);
}

TEST(Dequantize, Q6_KByHand) {
  std::vector<int> block(210, 0);
  for (std::size_t i = 192; i < 208; ++i) block[i] = static_cast<int>(i) - 191;
  block[0] = 0x21;
  block[128] = 0xE4;  // pairs 0, 1, 2, 3 for weights 0, 32, 64, 96
  block[192 + 15] = -2;
  block[127] = 0xF0;
  block[191] = 0xC0;
  block[209] = 0x3C;  // 1
  float out[256];
  dequantize(kQ6_K, bytes_of(block).data(), 256, out);
  EXPECT_EQ(out[0], 1 * (1 - 32));
  EXPECT_EQ(out[32], 3 * (16 - 32));
  EXPECT_EQ(out[64], 5 * (2 + 32 - 32));
  EXPECT_EQ(out[96], 7 * (48 - 32));
  EXPECT_EQ(out[1], -32);
  EXPECT_EQ(out[255], -2 * (15 + 48 - 32));
}

TEST(Dequantize, FloatsWidenExactly) {
  const auto f16 = bytes_of({0x00, 0x3C, 0xFF, 0x7B, 0x01, 0x00, 0x00, 0xFC});
  float out[4];
  dequantize(kF16, f16.data(), 4, out);
  EXPECT_EQ(out[0], 1);
  EXPECT_EQ(out[1], 65504);
  EXPECT_EQ(out[2], 0x1p-24f);
  EXPECT_EQ(out[3], -std::numeric_limits<float>::infinity());
  const auto bf16 = bytes_of({0x80, 0x3F, 0x01, 0x00, 0x00, 0x80, 0x80, 0x7F});
  dequantize(kBF16, bf16.data(), 4, out);
  EXPECT_EQ(out[0], 1);
  EXPECT_EQ(out[1], 0x1p-133f);
  EXPECT_TRUE(same_bits(out[2], -0.0f));
  EXPECT_EQ(out[3], std::numeric_limits<float>::infinity());
}

TEST(Dequantize, EveryHalfAndBfloat) {
  std::vector<std::byte> row(2 * 65536);
  for (std::size_t h = 0; h < 65536; ++h) {
    store_u16(row.data() + 2 * h, static_cast<std::uint16_t>(h));
  }
  EXPECT_EQ(dequantize_law(kF16, row, Side::kRight), "");
  EXPECT_EQ(dequantize_law(kBF16, row, Side::kLeft), "");
  EXPECT_EQ(dequantize_law(kF32, row, Side::kRight), "");
}

// Every byte value at every place of a block, and at the same time every 41st scale.
TEST(Dequantize, EveryByteAtEveryPlace) {
  for (gguf::TensorType type : kTensorTypes) {
    if (!is_quantized(type)) continue;
    const BlockFormat format = block_format(type);
    std::vector<std::byte> row(256 * format.bytes);
    std::uint16_t scale = 1;
    for (std::size_t shift = 0; shift < 7; ++shift) {
      for (std::size_t b = 0; b < 256; ++b) {
        std::byte* block = row.data() + b * format.bytes;
        for (std::size_t i = 0; i < format.bytes; ++i) {
          block[i] = std::byte{static_cast<unsigned char>(b + i * (2 * shift + 1))};
        }
        store_u16(block + format.scale_at, scale);
        if (format.min_at != 0) {
          store_u16(block + format.min_at, static_cast<std::uint16_t>(scale ^ 0x9234u));
        }
        scale = static_cast<std::uint16_t>(scale + 41);
      }
      ASSERT_EQ(dequantize_law(type, row, kSides[shift % 2]), "");
    }
  }
}

TEST(Dequantize, EveryScale) {
  Bits bits(1);
  for (gguf::TensorType type : kTensorTypes) {
    if (!is_quantized(type)) continue;
    const BlockFormat format = block_format(type);
    std::vector<std::byte> block(format.bytes);
    for (std::size_t scale = 0; scale < 65536; scale += format.elements == 256 ? 13 : 1) {
      make_block(type, Values::kOrdinary, bits, block.data());
      store_u16(block.data() + format.scale_at, static_cast<std::uint16_t>(scale));
      ASSERT_EQ(dequantize_law(type, block, Side::kRight), "") << scale;
    }
  }
}

TEST(Dequantize, Nothing) {
  for (gguf::TensorType type : kTensorTypes) EXPECT_EQ(dequantize_law(type, {}, Side::kLeft), "");
}

}  // namespace
}  // namespace prumo::testing
