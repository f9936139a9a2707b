// Matrices as the kernels want them: panels of 16 rows, interleaved so that one SIMD lane is one
// row and a row's sum runs in file order on every instruction set.
//
//   F32, F16   [column][16 rows] values
//   BF16       [16 rows][column] values
//
// A panel of a quantized type is read from front to back in one stream. The file's blocks (of 32 or
// 256 columns) follow each other, two of them behind one cache line of scales, or one where a block
// has a minimum too:
//
//   d            [2 blocks][16 rows] f16, then block, block    Q8_0 Q4_0 Q5_0 Q3_K Q6_K
//   d and m      [2][16 rows] f16, then the block              Q4_1 Q5_1 Q2_K Q4_K Q5_K
//
// of which the last has one block when the row's number of blocks is odd. A block is sub-scales,
// high bits and quants; `[8]` is a run of 32 columns:
//
//            sub-scales           high           quants
//   Q8_0                                         8 words of bytes, 128 added
//   Q4_0                                         4 words of nibbles
//   Q4_1                                         4 words of nibbles
//   Q5_0                          1 word of bits 4 words of nibbles
//   Q5_1                          1 word of bits 4 words of nibbles
//   Q2_K     16 bytes                            [8] 2 words of pairs
//   Q3_K     3 words of six bits  [8] 1 of bits  [8] 2 words of pairs
//   Q4_K     3 words of six bits                 [8] 4 words of nibbles
//   Q5_K     3 words of six bits  [8] 1 of bits  [8] 4 words of nibbles
//   Q6_K     16 bytes             [8] 2 of pairs [8] 4 words of nibbles
//
// A byte is [16 rows][1 byte], a word [16 rows][4 bytes]. Column i of 32 is in byte i % 4 of a
// row's word: as a nibble in word i / 4 % 4, low for i < 16; as a pair of bits in word i / 16, from
// bit 2 (i / 4 % 4) up; as a bit in the one word, bit i / 4. Sixteen six-bit numbers are three
// words: the low nibbles of 0 .. 7, of 8 .. 15, and the high pairs of all. So a panel has exactly
// the bytes that its rows have in the file, but for half a line of scales after an odd block.
#pragma once

#include <cstddef>

#include "gguf/format.h"

namespace prumo {

/// Where the blocks of a quantized type lie in a panel, in bytes from its start: every line of
/// scales and every block on a cache line when the panel begins on one.
struct PanelLayout {
  static constexpr std::size_t kLine = 64;
  std::size_t runs;  ///< of 32 columns in a block: 1 or 8
  // What one row of a block has of each.
  std::size_t f16s;       ///< the scale, or the scale and the minimum
  std::size_t sub_bytes;  ///< sub-scales are bytes or words
  std::size_t sub_words;
  std::size_t high;    ///< words
  std::size_t quants;  ///< words

  // Where 16 rows' parts begin in a block that has its sub-scales first.
  [[nodiscard]] constexpr std::size_t high_at() const { return sub_bytes * 16 + sub_words * kLine; }
  [[nodiscard]] constexpr std::size_t quants_at() const { return high_at() + high * kLine; }
  [[nodiscard]] constexpr std::size_t block_bytes() const { return quants_at() + quants * kLine; }

  /// Blocks behind one line of scales.
  [[nodiscard]] constexpr std::size_t blocks_a_line() const { return 2 / f16s; }
  /// The f16s of block B.
  [[nodiscard]] constexpr std::size_t scales_at(std::size_t B) const {
    const std::size_t in_line = B % blocks_a_line();
    return B / blocks_a_line() * kLine + (B - in_line) * block_bytes() + in_line * (kLine / 2);
  }
  [[nodiscard]] constexpr std::size_t block_at(std::size_t B) const {
    return (B / blocks_a_line() + 1) * kLine + B * block_bytes();
  }
  /// Of a panel of n blocks.
  [[nodiscard]] constexpr std::size_t bytes(std::size_t n) const {
    return (n + blocks_a_line() - 1) / blocks_a_line() * kLine + n * block_bytes();
  }
};

/// Of a quantized type.
constexpr PanelLayout panel_layout(gguf::TensorType type) {
  using enum gguf::TensorType;
  switch (type) {
    case kQ8_0:
      return {1, 1, 0, 0, 0, 8};
    case kQ4_0:
      return {1, 1, 0, 0, 0, 4};
    case kQ4_1:
      return {1, 2, 0, 0, 0, 4};
    case kQ5_0:
      return {1, 1, 0, 0, 1, 4};
    case kQ5_1:
      return {1, 2, 0, 0, 1, 4};
    case kQ2_K:
      return {8, 2, 16, 0, 0, 16};
    case kQ3_K:
      return {8, 1, 0, 3, 8, 16};
    case kQ4_K:
      return {8, 2, 0, 3, 0, 32};
    case kQ5_K:
      return {8, 2, 0, 3, 8, 32};
    case kQ6_K:
      return {8, 1, 16, 0, 16, 32};
    case kF32:
    case kF16:
    case kBF16:
      break;
  }
  return {1, 1, 0, 0, 0, 0};
}

/// Bytes of `columns` elements (a multiple of the type's block) as the file stores them.
std::size_t row_bytes(gguf::TensorType type, std::size_t columns);

/// Bytes from one panel to the next: a multiple of 64.
std::size_t panel_bytes(gguf::TensorType type, std::size_t columns);

/// Bytes of a packed matrix: ceil(rows / 16) panels.
std::size_t packed_bytes(gguf::TensorType type, std::size_t rows, std::size_t columns);

/// Packs panels [panel_begin, panel_end) of a matrix of `rows` rows from the file's row-major
/// bytes. Panel p is written whole at out + p * panel_bytes; rows beyond the last, and scales of
/// a block that there is not, are zero (a Q8_0 padding row has zero scales, so that whatever its
/// quants say it adds nothing).
void pack_panels(gguf::TensorType type, const std::byte* file, std::size_t rows,
                 std::size_t columns, std::size_t panel_begin, std::size_t panel_end,
                 std::byte* out);

}  // namespace prumo
