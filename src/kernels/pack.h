// Matrices as the kernels want them: panels of 16 rows, interleaved so that one SIMD lane is one
// row and a row's sum runs in file order on every instruction set. A panel is one or more sections,
// each [block][16 rows] of something, each starting on a cache line; the panel keeps the file's
// bits per weight but for that rounding.
//
//   F32, F16   [column][16 rows] values
//   BF16       [16 rows][column] values
//
// and of the quantized types, b being a block of 32 columns and B a block of 256:
//
//            scales         sub-scales           high         quants
//   Q8_0     [b] d                                            [b][8 words] bytes, 128 added
//   Q4_0     [b] d                                            [b][4 words] nibbles
//   Q4_1     [b] d, m                                         [b][4 words] nibbles
//   Q5_0     [b] d                               [b] bits     [b][4 words] nibbles
//   Q5_1     [b] d, m                            [b] bits     [b][4 words] nibbles
//   Q2_K     [B] d, m       [B] 16 bytes                      [b][2 words] pairs
//   Q3_K     [B] d          [B] six-bit words    [b] bits     [b][2 words] pairs
//   Q4_K     [B] d, m       [B] six-bit words                 [b][4 words] nibbles
//   Q5_K     [B] d, m       [B] six-bit words    [b] bits     [b][4 words] nibbles
//   Q6_K     [B] d          [B] 16 bytes         [b] pairs    [b][4 words] nibbles
//
// d and m are [16 rows] f16 each, a byte [16 rows][1 byte], a word [16 rows][4 bytes]. Column i of
// 32 is in byte i % 4 of a row's word: as a nibble in word i / 4 % 4, low for i < 16; as a pair of
// bits in word i / 16, from bit 2 (i / 4 % 4) up; as a bit in the one word, bit i / 4. Sixteen
// six-bit numbers are three words: the low nibbles of 0 .. 7, of 8 .. 15, and the high pairs of
// all. So a panel has exactly the bytes that its rows have in the file.
#pragma once

#include <cstddef>

#include "gguf/format.h"

namespace prumo {

/// Sections of a panel as byte offsets from its start, and the bytes from one panel to the next.
/// Offsets and stride are multiples of 64. A section that a type has not is empty.
struct PanelLayout {
  std::size_t scales;  ///< always 0
  std::size_t sub_scales;
  std::size_t high;
  std::size_t quants;  ///< or the values themselves
  std::size_t stride;
};

/// Bytes of `columns` elements (a multiple of the type's block) as the file stores them.
std::size_t row_bytes(gguf::TensorType type, std::size_t columns);

PanelLayout panel_layout(gguf::TensorType type, std::size_t columns);

/// Bytes of a packed matrix: ceil(rows / 16) panels.
std::size_t packed_bytes(gguf::TensorType type, std::size_t rows, std::size_t columns);

/// Packs panels [panel_begin, panel_end) of a matrix of `rows` rows from the file's row-major
/// bytes. Panel p is written whole at out + p * stride; rows beyond the last, and the bytes between
/// sections, are zero (a Q8_0 padding row has zero scales, so that whatever its quants say it adds
/// nothing).
void pack_panels(gguf::TensorType type, const std::byte* file, std::size_t rows,
                 std::size_t columns, std::size_t panel_begin, std::size_t panel_end,
                 std::byte* out);

}  // namespace prumo
