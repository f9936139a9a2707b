// What packing owes: panels that can be unpacked into the file's bytes by the arithmetic of
// pack.h's text, zeros everywhere else, and nothing written outside the panels asked for.
#pragma once

#include <string>
#include <vector>

#include "kernels/pack.h"
#include "support/quant_oracle.h"
#include "support/ready_test.h"
#include "support/stage.h"

namespace prumo::testing {

inline std::size_t to_line(std::size_t bytes) {
  return (bytes + 63) / 64 * 64;
}

/// What the sections of a panel hold of every block of 32 (b) or 256 (B) columns, from the text.
struct ExpectedSections {
  std::size_t f16s;       ///< one or two a row
  std::size_t sub_bytes;  ///< of a row's sub-scales
  bool six_bits;          ///< whether those are six-bit numbers
  std::size_t high, low;  ///< bits a column
  int added;              ///< what a stored quant has on top of the number
};

inline ExpectedSections expected_sections(gguf::TensorType type) {
  using enum gguf::TensorType;
  switch (type) {
    case kQ8_0:
      return {1, 0, false, 0, 8, 128};
    case kQ4_0:
      return {1, 0, false, 0, 4, 8};
    case kQ4_1:
      return {2, 0, false, 0, 4, 0};
    case kQ5_0:
      return {1, 0, false, 1, 4, 16};
    case kQ5_1:
      return {2, 0, false, 1, 4, 0};
    case kQ2_K:
      return {2, 16, false, 0, 2, 0};
    case kQ3_K:
      return {1, 12, true, 1, 2, 4};
    case kQ4_K:
      return {2, 12, true, 0, 4, 0};
    case kQ5_K:
      return {2, 12, true, 1, 4, 0};
    case kQ6_K:
      return {1, 16, false, 2, 4, 32};
    default:
      return {};
  }
}

inline PanelLayout expected_layout(gguf::TensorType type, std::size_t blocks) {
  if (!is_quantized(type)) return {0, 0, 0, 0, to_line(blocks * 16 * block_format(type).bytes)};
  const ExpectedSections e = expected_sections(type);
  const std::size_t columns = blocks * block_format(type).elements;
  PanelLayout at{};
  at.sub_scales = to_line(blocks * 16 * 2 * e.f16s);
  at.high = at.sub_scales + blocks * 16 * e.sub_bytes;
  at.quants = at.high + columns / 8 * e.high * 16;
  at.stride = at.quants + columns / 8 * e.low * 16;
  return at;
}

/// Puts the `bits` bits of column i of 32, for row r, where the text has them.
inline void put_column(std::byte* section, std::size_t bits, std::size_t i, std::size_t r,
                       unsigned value) {
  std::size_t word = 0;
  std::size_t shift = 0;
  if (bits == 8) word = i / 4;
  if (bits == 4) word = i / 4 % 4, shift = i < 16 ? 0 : 4;
  if (bits == 2) word = i / 16, shift = i / 4 % 4 * 2;
  if (bits == 1) shift = i / 4;
  section[word * 64 + r * 4 + i % 4] |= std::byte{static_cast<unsigned char>(value << shift)};
}

/// Row r of a panel of a quantized type.
inline void put_row(gguf::TensorType type, const PanelLayout& at, const std::byte* row,
                    std::size_t columns, std::size_t r, std::byte* panel) {
  const BlockFormat format = block_format(type);
  const ExpectedSections e = expected_sections(type);
  for (std::size_t b = 0; b < columns / format.elements; ++b) {
    const std::byte* block = row + b * format.bytes;
    for (std::size_t s = 0; s < e.f16s; ++s) {
      std::memcpy(panel + at.scales + ((b * e.f16s + s) * 16 + r) * 2,
                  block + (s == 0 ? format.scale_at : format.min_at), 2);
    }
    for (std::size_t n = 0; n < 16 && e.sub_bytes != 0; ++n) {
      if (!e.six_bits) {
        const std::size_t first = type == gguf::TensorType::kQ6_K ? 192 : 0;
        panel[at.sub_scales + (b * 16 + n) * 16 + r] = block[first + n];
        continue;
      }
      const bool q3 = type == gguf::TensorType::kQ3_K;
      const Column c = column_of(type, block, q3 ? 16 * n : 32 * (n % 8));
      const int number = q3 ? c.factor + 32 : n < 8 ? c.factor : -c.min_factor;
      std::byte* const words = panel + at.sub_scales + b * 192 + r * 4;
      words[n / 8 * 64 + n % 8 / 2] |= std::byte(number % 16 << (n % 2 * 4));
      words[128 + n / 4] |= std::byte(number / 16 << (n % 4 * 2));
    }
  }
  for (std::size_t k = 0; k < columns; ++k) {
    const auto quant = static_cast<unsigned>(column_of(type, row, k).quant + e.added);
    const std::size_t b = k / 32;
    const unsigned low_mask = (1u << e.low) - 1;
    put_column(panel + at.quants + b * e.low * 64, e.low, k % 32, r, quant & low_mask);
    if (e.high != 0) {
      put_column(panel + at.high + b * e.high * 64, e.high, k % 32, r, quant >> e.low);
    }
  }
}

/// Panel p as it should be.
inline std::vector<std::byte> expected_panel(gguf::TensorType type, const std::byte* file,
                                             std::size_t rows, std::size_t columns, std::size_t p) {
  using enum gguf::TensorType;
  const BlockFormat format = block_format(type);
  const std::size_t blocks = columns / format.elements;
  const PanelLayout at = expected_layout(type, blocks);
  std::vector<std::byte> panel(at.stride);
  for (std::size_t r = 0; r < kPanelRows && p * kPanelRows + r < rows; ++r) {
    const std::byte* row = file + (p * kPanelRows + r) * blocks * format.bytes;
    if (is_quantized(type)) {
      put_row(type, at, row, columns, r, panel.data());
      continue;
    }
    for (std::size_t k = 0; k < columns; ++k) {
      const std::size_t place = type == kBF16 ? r * columns + k : k * 16 + r;
      std::memcpy(panel.data() + place * format.bytes, row + k * format.bytes, format.bytes);
    }
  }
  return panel;
}

/// Packs panels [begin, end) beside guard pages and compares every byte.
inline std::string pack_fault(gguf::TensorType type, const std::vector<std::byte>& matrix,
                              std::size_t rows, std::size_t columns, std::size_t begin,
                              std::size_t end, Side side) {
  static Stage file_stage;
  static Output out_stage;
  const BlockFormat format = block_format(type);
  const PanelLayout at = expected_layout(type, columns / format.elements);
  const std::size_t panels = (rows + kPanelRows - 1) / kPanelRows;
  const PanelLayout layout = panel_layout(type, columns);
  if (row_bytes(type, columns) != columns / format.elements * format.bytes) return "row_bytes";
  if (packed_bytes(type, rows, columns) != panels * at.stride) return "packed_bytes";
  if (layout.scales != 0 || layout.sub_scales != at.sub_scales || layout.high != at.high ||
      layout.quants != at.quants || layout.stride != at.stride) {
    return "panel_layout";
  }
  std::byte* out = out_stage.room<std::byte>(panels * at.stride, side);
  pack_panels(type, file_stage.put(matrix.data(), matrix.size(), side), rows, columns, begin, end,
              out);
  if (!out_stage.intact()) return "it wrote beside the panels";
  for (std::size_t p = 0; p < panels; ++p) {
    const bool asked = p >= begin && p < end;
    const auto wanted = asked ? expected_panel(type, matrix.data(), rows, columns, p)
                              : std::vector<std::byte>(at.stride, std::byte{Output::kCanaryByte});
    for (std::size_t i = 0; i < at.stride; ++i) {
      if (out[p * at.stride + i] == wanted[i]) continue;
      return std::string(format.name) + " " + std::to_string(rows) + "x" + std::to_string(columns) +
             ": byte " + std::to_string(i) + " of panel " + std::to_string(p) +
             (asked ? "" : ", which was not asked for");
    }
  }
  return "";
}
/// The same, with a test to paste.
inline std::string pack_law(gguf::TensorType type, const std::vector<std::byte>& matrix,
                            std::size_t rows, std::size_t columns, std::size_t begin,
                            std::size_t end, Side side) {
  return ready(pack_fault(type, matrix, rows, columns, begin, end, side), "pack_law", type, matrix,
               rows, columns, begin, end, side);
}

}  // namespace prumo::testing
