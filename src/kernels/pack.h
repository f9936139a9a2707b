// Matrices as the kernels want them: panels of 16 rows, interleaved so that one SIMD lane is one
// row and a row's sum runs in file order on every instruction set. A panel is one or more sections,
// each [block][16 rows] of something, each starting on a cache line; the panel keeps the file's
// bits per weight but for that rounding.
//
//   F32, F16         [column][16 rows] values
//   BF16             [16 rows][column] values
//   Q8_0             scales  [block of 32][16 rows] f16
//                    quants  [block][8 groups of 4 columns][16 rows][4 bytes], each byte q xor
//                    0x80, that is q + 128
//   Q4_0             scales  [block of 32][16 rows] f16
//                    quants  [block][4 groups][16 rows][4 bytes]; byte i of group g has column 4g+i
//                    in its low nibble and column 4g+i+16 in its high one, as in the file
//   Q6_K             scales  [block of 256][16 rows] f16
//                    sub-scales  [block][16 sub-blocks of 16 columns][16 rows] int8
//                    quants  [block]{[32 words of low nibbles][16 rows][4 bytes], [16 words of high
//                    bit pairs][16 rows] [4 bytes]}, words in the file's order
#pragma once

#include <cstddef>

#include "gguf/format.h"

namespace prumo {

/// Sections of a panel as byte offsets from its start, and the bytes from one panel to the next.
/// Offsets and stride are multiples of 64. Types without a section have its offset equal to that of
/// `quants`.
struct PanelLayout {
  std::size_t scales;  ///< always 0
  std::size_t sub_scales;
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
