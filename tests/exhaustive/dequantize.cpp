// Every weight that a quantized block can hold: all quants with all scales, from `dequantize` and
// from the matrix products.
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "kernels/dequantize.h"
#include "support/dequantize_law.h"
#include "support/every.h"
#include "support/matmul_law.h"
#include "support/whole_blocks.h"

namespace prumo::testing {
namespace {

using enum gguf::TensorType;

// The bits of an element, with every NaN alike.
std::uint32_t bits_of(float x) {
  return is_nan(x) ? 0x7FC00000u : std::bit_cast<std::uint32_t>(x);
}

// All 256 bytes in order, beginning with another one at every scale, as blocks of one scale.
template <class Expected>
void every_byte_with_every_scale(gguf::TensorType type, Expected expected) {
  const BlockFormat format = block_format(type);
  const std::size_t quants = format.bytes - 2;
  const std::size_t blocks = 256 / quants;
  std::vector<std::byte> row(blocks * format.bytes);
  std::vector<float> out(blocks * format.elements);
  Every every(61);
  for (std::uint32_t scale = 0; scale < 65536; ++scale) {
    if (!every()) continue;
    for (std::size_t i = 0; i < 256; ++i) {
      row[i / quants * format.bytes + 2 + i % quants] =
          std::byte{static_cast<unsigned char>(i + scale)};
    }
    for (std::size_t b = 0; b < blocks; ++b) {
      store_u16(row.data() + b * format.bytes, static_cast<std::uint16_t>(scale));
    }
    dequantize(type, row.data(), out.size(), out.data());
    const double d = half_value(static_cast<std::uint16_t>(scale));
    for (std::size_t i = 0; i < out.size(); ++i) {
      const auto wanted = static_cast<float>(d * expected(row.data(), i));
      ASSERT_EQ(bits_of(out[i]), bits_of(wanted)) << "scale " << scale << ", weight " << i;
    }
  }
}

TEST(DequantizeWhole, Q8_0EveryByteWithEveryScale) {
  every_byte_with_every_scale(
      kQ8_0, [](const std::byte* row, std::size_t k) { return column_of(kQ8_0, row, k).quant; });
}

TEST(DequantizeWhole, Q4_0EveryByteWithEveryScale) {
  every_byte_with_every_scale(
      kQ4_0, [](const std::byte* row, std::size_t k) { return column_of(kQ4_0, row, k).quant; });
}

constexpr gguf::TensorType kOthers[] = {kQ4_1, kQ5_0, kQ5_1, kQ2_K, kQ3_K, kQ4_K, kQ5_K};

// Every quant with every sub-scale under every f16 scale; and, beside some scales each, with every
// sub-minimum under every f16 minimum. (All scales with all minima would be 2^32 blocks; they meet
// in one addition.)
TEST(DequantizeWhole, EveryQuantWithEverySubScaleAndScale) {
  Every every(1201);
  for (const gguf::TensorType type : kOthers) {
    const BlockFormat format = block_format(type);
    std::vector<std::byte> row = all_pairs(type);
    const auto lay = [&](std::size_t at, std::uint32_t half) {
      for (std::size_t b = 0; b < row.size(); b += format.bytes) {
        store_u16(row.data() + b + at, static_cast<std::uint16_t>(half));
      }
    };
    for (std::uint32_t value = 0; value < 65536; ++value) {
      if (format.min_at == 0) {
        if (!every()) continue;
        lay(format.scale_at, value);
        ASSERT_EQ(dequantize_law(type, row, Side::kRight), "") << "scale " << value;
        continue;
      }
      for (const std::uint32_t other : {0x3C00u, 0xFBFFu, value * 40503u}) {
        for (const bool minimum : {false, true}) {
          if (!every()) continue;
          lay(minimum ? format.min_at : format.scale_at, value);
          lay(minimum ? format.scale_at : format.min_at, other);
          ASSERT_EQ(dequantize_law(type, row, Side::kRight), "")
              << (minimum ? "minimum " : "scale ") << value << ", the other " << other % 65536;
        }
      }
    }
  }
}

// Every byte at every place, 256 of the scales with each, and a minimum that goes its own way.
TEST(DequantizeWhole, EveryByteAtEveryPlace) {
  Every every(1201);
  for (const gguf::TensorType type : kTensorTypes) {
    if (!is_quantized(type) || type == kQ8_0 || type == kQ4_0) continue;
    const BlockFormat format = block_format(type);
    std::vector<std::byte> row(format.bytes);
    for (std::uint32_t scale = 0; scale < 65536; ++scale) {
      if (!every()) continue;
      for (std::size_t i = 0; i < row.size(); ++i) {
        row[i] = std::byte{static_cast<unsigned char>(scale + i * (2 * (scale >> 8) + 1))};
      }
      store_u16(row.data() + format.scale_at, static_cast<std::uint16_t>(scale));
      if (format.min_at != 0) {
        store_u16(row.data() + format.min_at, static_cast<std::uint16_t>(scale * 40503u));
      }
      ASSERT_EQ(dequantize_law(type, row, Side::kRight), "") << "scale " << scale;
    }
  }
}

// A block of Q6_K whose sub-block s has the four quants 4 g .. 4 g + 3, each four times, under the
// sub-scale `first` + s; the low nibbles and high pairs are laid out by the format.
std::array<std::byte, 210> q6_k_block(unsigned g, unsigned first, std::uint16_t scale) {
  std::array<std::byte, 210> block{};
  for (std::size_t k = 0; k < 256; ++k) {
    const unsigned quant = 4 * g + k % 4;
    const std::size_t half = k / 128;
    const std::size_t run = k % 128 / 32;
    block[64 * half + k % 64] |=
        std::byte{static_cast<unsigned char>((quant & 15u) << (run < 2 ? 0 : 4))};
    block[128 + 32 * half + k % 32] |=
        std::byte{static_cast<unsigned char>((quant >> 4) << (2 * run))};
  }
  for (std::size_t s = 0; s < 16; ++s) {
    block[192 + s] = std::byte{static_cast<unsigned char>(first + s)};
  }
  store_u16(block.data() + 208, scale);
  return block;
}

// 64 quants x 256 sub-scales x 65536 scales, all 2^30 of them: (d * sub-scale) * quant, where the
// first product of 11 and 8 bits is exact and the second is too.
TEST(DequantizeWhole, Q6_KEveryQuantWithEverySubScaleAndScale) {
  float out[256];
  Every every(997);
  for (unsigned g = 0; g < 16; ++g) {
    for (unsigned first = 0; first < 256; first += 16) {
      auto block = q6_k_block(g, first, 0);
      for (std::size_t k = 0; k < 256; ++k) {
        const Column w = column_of(kQ6_K, block.data(), k);
        ASSERT_EQ(w.quant, static_cast<int>(4 * g + k % 4) - 32);
        ASSERT_EQ(w.factor, int{static_cast<std::int8_t>(first + k / 16)});
      }
      for (std::uint32_t scale = 0; scale < 65536; ++scale) {
        if (!every()) continue;
        store_u16(block.data() + 208, static_cast<std::uint16_t>(scale));
        dequantize(kQ6_K, block.data(), 256, out);
        const double d = half_value(static_cast<std::uint16_t>(scale));
        bool same = true;
        for (std::size_t k = 0; k < 256; ++k) {
          const int sub_scale = static_cast<std::int8_t>(first + k / 16);
          const int quant = static_cast<int>(4 * g + k % 4) - 32;
          same = same && bits_of(out[k]) == bits_of(static_cast<float>((d * sub_scale) * quant));
        }
        ASSERT_TRUE(same) << "quants from " << 4 * g << ", sub-scales from " << first << ", scale "
                          << scale;
      }
    }
  }
}

// A product with one block a row and one activation that is not zero, y = (d * s) * weight.
Product one_hot(gguf::TensorType type, std::size_t rows, std::size_t place, float scale) {
  const BlockFormat format = block_format(type);
  Product p{.type = type, .rows = rows, .columns = format.elements, .tokens = 1};
  p.panel_end = p.panels();
  p.y_stride = p.panel_end * kPanelRows;
  p.file.resize(rows * format.bytes);
  p.blocks.resize(format.elements / kBlock);
  for (QuantizedBlock& block : p.blocks) block.scale = scale;
  p.blocks[place / kBlock].q[place % kBlock] = 1;
  for (QuantizedBlock& block : p.blocks) complete(block);
  return p;
}

// In a product the quants and the scale never meet before the one fma: all bytes at all places
// under one scale, and all scales with one quant, are all there is.
TEST(ProductWhole, EveryByteAtEveryPlace) {
  Every every(20);
  for (const gguf::TensorType type : kTensorTypes) {
    if (!is_quantized(type)) continue;
    const BlockFormat format = block_format(type);
    for (std::size_t place = 0; place < format.elements; ++place) {
      for (std::size_t shift = 0; shift < (type == kQ6_K ? 16u : 1u); ++shift) {
        if (!every()) continue;
        Product p = one_hot(type, 256, place, 0x1p-3f);
        for (std::size_t b = 0; b < 256; ++b) {
          std::byte* block = p.file.data() + b * format.bytes;
          for (std::size_t i = 0; i < format.bytes; ++i) {
            // Of Q6_K every quant meets every sub-scale in the 16 shifts.
            const bool sub_scale = type == kQ6_K && i >= 192;
            block[i] = std::byte{
                static_cast<unsigned char>(b + (sub_scale ? 16 * shift + b / 16 : i / 32 * 85))};
          }
          store_u16(block + format.scale_at, 0x4200);
          if (format.min_at != 0) store_u16(block + format.min_at, 0x3A00);
        }
        ASSERT_EQ(product_law(p), "") << "place " << place;
      }
    }
  }
}

// The integers that a product makes of quants and sub-scales: every pair at every place.
TEST(ProductWhole, EveryQuantWithEverySubScaleAtEveryPlace) {
  Every every(60);
  for (const gguf::TensorType type : {kQ2_K, kQ3_K, kQ4_K, kQ5_K}) {
    const BlockFormat format = block_format(type);
    const Numbers n = numbers_of(type);
    std::vector<std::byte> file;
    for (unsigned q = 0; q < n.quants; ++q) {
      for (unsigned f = 0; f < n.factors; ++f) {
        const auto block = whole_block(type, q, f);
        file.insert(file.end(), block.begin(), block.end());
        store_u16(&file[file.size() - format.bytes + format.scale_at], 0x4200);
        if (format.min_at != 0)
          store_u16(&file[file.size() - format.bytes + format.min_at], 0x3A00);
      }
    }
    for (std::size_t place = 0; place < format.elements; ++place) {
      if (!every()) continue;
      Product p = one_hot(type, n.quants * n.factors, place, 0x1p-3f);
      p.file = file;
      ASSERT_EQ(product_law(p), "") << "place " << place;
    }
  }
}

TEST(ProductWhole, EveryScale) {
  Every every(5);
  for (const gguf::TensorType type : kTensorTypes) {
    if (!is_quantized(type)) continue;
    const BlockFormat format = block_format(type);
    for (const float activation : {1.0f, 0x1p-107f, 0x1p93f, 7.0f}) {
      for (std::size_t first = 0; first < 65536; first += 4096) {
        if (!every()) continue;
        Product p = one_hot(type, 4096, first / 4096 % format.elements, activation);
        std::fill(p.file.begin(), p.file.end(), std::byte{0x5B});
        for (std::size_t r = 0; r < p.rows; ++r) {
          store_u16(p.file.data() + r * format.bytes + format.scale_at,
                    static_cast<std::uint16_t>(first + r));
          if (format.min_at == 0) continue;
          store_u16(p.file.data() + r * format.bytes + format.min_at,
                    static_cast<std::uint16_t>((first + r) * 40503u));
        }
        ASSERT_EQ(product_law(p), "") << "scales from " << first;
      }
    }
  }
}

}  // namespace
}  // namespace prumo::testing
