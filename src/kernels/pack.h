// Matrices as the kernels want them: 16 rows interleaved, so that one SIMD lane is one row and a row's sum runs in
// file order on every instruction set. A panel takes exactly the bytes of its 16 rows.
//
//   F32, F16, BF16   [column][16 rows]
//   Q8_0, a block    16 f16 scales, then [8 groups of 4 columns][16 rows][4 bytes], bytes as q xor 0x80 (q + 128)
//   Q4_0, a block    16 f16 scales, then [4 groups][16 rows][4 bytes]; byte i of group g has column 4g+i in its low
//                    nibble and column 4g+i+16 in its high one, as in the file
//   Q6_K, 256 columns  16 f16 scales; [16 sub-blocks][16 rows] int8 sub-scales; then low nibbles [32 words][16 rows]
//                    [4 bytes] and high bit pairs [16 words][16 rows][4 bytes], word order as in the file
#pragma once

#include <cstddef>

#include "gguf/format.h"

namespace prumo {

/// Bytes of `columns` elements (a multiple of the type's block) as the file stores them.
std::size_t row_bytes(gguf::TensorType type, std::size_t columns);

/// Bytes of a packed matrix of `rows` rows: the last panel is padded with zero rows.
std::size_t packed_bytes(gguf::TensorType type, std::size_t rows, std::size_t columns);

/// Packs panels [panel_begin, panel_end) of a matrix of `rows` rows from the file's row-major bytes.
/// Panel p is written at out + p * packed_bytes(type, 16, columns).
void pack_panels(gguf::TensorType type, const std::byte* file, std::size_t rows, std::size_t columns,
                 std::size_t panel_begin, std::size_t panel_end, std::byte* out);

}  // namespace prumo
