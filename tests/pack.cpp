// Packing: sizes, every shape against the text of pack.h, parts of a matrix, padding rows.
#include <gtest/gtest.h>

#include "support/pack_law.h"

namespace prumo::testing {
namespace {

using enum gguf::TensorType;

TEST(Pack, SizesByHand) {
  EXPECT_EQ(row_bytes(kF32, 3), 12u);
  EXPECT_EQ(row_bytes(kBF16, 3), 6u);
  EXPECT_EQ(row_bytes(kQ8_0, 64), 68u);
  EXPECT_EQ(row_bytes(kQ4_0, 64), 36u);
  EXPECT_EQ(row_bytes(kQ6_K, 512), 420u);
  EXPECT_EQ(packed_bytes(kF16, 17, 3), 2 * 128u);  // 96, on cache lines
  EXPECT_EQ(packed_bytes(kBF16, 17, 3), 2 * 128u);
  EXPECT_EQ(packed_bytes(kQ8_0, 16, 32), 64u + 512u);
  EXPECT_EQ(packed_bytes(kQ4_0, 1, 64), 64u + 512u);
  EXPECT_EQ(packed_bytes(kQ6_K, 33, 256), 3 * (64u + 256u + 1024u + 2048u));
}

TEST(Pack, ByHand) {
  // Row 2 of Q8_0: its scale, and the quants of columns 0 and 5.
  std::vector<std::byte> file(3 * 34);
  std::byte* row = file.data() + 2 * 34;
  row[0] = std::byte{0x34};
  row[1] = std::byte{0x12};
  row[2 + 0] = std::byte{0x01};
  row[2 + 5] = std::byte{0xFF};
  std::vector<std::byte> out(packed_bytes(kQ8_0, 3, 32));
  pack_panels(kQ8_0, file.data(), 3, 32, 0, 1, out.data());
  EXPECT_EQ(out[4], std::byte{0x34});
  EXPECT_EQ(out[5], std::byte{0x12});
  EXPECT_EQ(out[64 + 8], std::byte{0x81});
  EXPECT_EQ(out[64 + 64 + 8 + 1], std::byte{0x7F});
  EXPECT_EQ(out[64 + 8 + 1], std::byte{0x80});
}

TEST(Pack, EveryShape) {
  Bits bits(1);
  for (gguf::TensorType type : kTensorTypes) {
    const std::size_t block = block_format(type).elements;
    for (std::size_t rows = 1; rows <= 50; ++rows) {
      for (std::size_t blocks = 0; blocks <= (block == 256 ? 3u : 7u); ++blocks) {
        const auto matrix = make_matrix(type, rows, blocks * block, Values::kOrdinary, bits);
        ASSERT_EQ(
            pack_law(type, matrix, rows, blocks * block, 0, (rows + 15) / 16, kSides[rows % 2]),
            "");
      }
    }
  }
}

TEST(Pack, EveryPartOfTheMatrix) {
  Bits bits(2);
  for (gguf::TensorType type : kTensorTypes) {
    const std::size_t columns = 3 * block_format(type).elements;
    const auto matrix = make_matrix(type, 70, columns, Values::kSpecial, bits);
    for (std::size_t begin = 0; begin <= 5; ++begin) {
      for (std::size_t end = begin; end <= 5; ++end) {
        ASSERT_EQ(pack_law(type, matrix, 70, columns, begin, end, Side::kRight), "");
      }
    }
  }
}

}  // namespace
}  // namespace prumo::testing
