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

/// What a panel holds of every block of 32 or 256 columns, from the text.
struct ExpectedParts {
  std::size_t f16s;       ///< one or two a row
  std::size_t sub_bytes;  ///< of a row's sub-scales
  bool six_bits;          ///< whether those are six-bit numbers
  std::size_t high, low;  ///< bits a column
  int added;              ///< what a stored quant has on top of the number
};

inline ExpectedParts expected_parts(gguf::TensorType type) {
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

/// Where block b of a quantized type begins, and its f16s: found by going through the panel.
struct ExpectedPlace {
  std::size_t f16s;
  std::size_t block;
  std::size_t end;  ///< of the block
};

inline ExpectedPlace expected_place(gguf::TensorType type, std::size_t b) {
  const ExpectedParts e = expected_parts(type);
  const std::size_t columns = block_format(type).elements;
  const std::size_t bytes = 16 * e.sub_bytes + columns * (e.high + e.low) / 8 * 16;
  ExpectedPlace place{};
  for (std::size_t i = 0; i <= b; ++i) {
    if (e.f16s == 2 || i % 2 == 0) {
      place = {place.end, place.end + 64, place.end + 64};
    } else {
      place = {place.f16s + 32, place.end, place.end};
    }
    place.end += bytes;
  }
  return place;
}

inline std::size_t expected_panel_bytes(gguf::TensorType type, std::size_t blocks) {
  if (!is_quantized(type)) return to_line(blocks * 16 * block_format(type).bytes);
  return blocks == 0 ? 0 : expected_place(type, blocks - 1).end;
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
inline void put_row(gguf::TensorType type, const std::byte* row, std::size_t columns, std::size_t r,
                    std::byte* panel) {
  const BlockFormat format = block_format(type);
  const ExpectedParts e = expected_parts(type);
  for (std::size_t b = 0; b < columns / format.elements; ++b) {
    const std::byte* block = row + b * format.bytes;
    const ExpectedPlace place = expected_place(type, b);
    for (std::size_t s = 0; s < e.f16s; ++s) {
      std::memcpy(panel + place.f16s + (s * 16 + r) * 2,
                  block + (s == 0 ? format.scale_at : format.min_at), 2);
    }
    std::byte* const subs = panel + place.block;
    for (std::size_t n = 0; n < 16 && e.sub_bytes != 0; ++n) {
      if (!e.six_bits) {
        const std::size_t first = type == gguf::TensorType::kQ6_K ? 192 : 0;
        subs[n * 16 + r] = block[first + n];
        continue;
      }
      const bool q3 = type == gguf::TensorType::kQ3_K;
      const Column c = column_of(type, block, q3 ? 16 * n : 32 * (n % 8));
      const int number = q3 ? c.factor + 32 : n < 8 ? c.factor : -c.min_factor;
      std::byte* const words = subs + r * 4;
      words[n / 8 * 64 + n % 8 / 2] |= std::byte(number % 16 << (n % 2 * 4));
      words[128 + n / 4] |= std::byte(number / 16 << (n % 4 * 2));
    }
    std::byte* const high = subs + 16 * e.sub_bytes;
    std::byte* const low = high + format.elements * e.high / 8 * 16;
    for (std::size_t k = 0; k < format.elements; ++k) {
      const auto quant = static_cast<unsigned>(column_of(type, block, k).quant + e.added);
      const unsigned low_mask = (1u << e.low) - 1;
      put_column(low + k / 32 * e.low * 64, e.low, k % 32, r, quant & low_mask);
      if (e.high != 0) put_column(high + k / 32 * e.high * 64, e.high, k % 32, r, quant >> e.low);
    }
  }
}

/// Panel p as it should be.
inline std::vector<std::byte> expected_panel(gguf::TensorType type, const std::byte* file,
                                             std::size_t rows, std::size_t columns, std::size_t p) {
  using enum gguf::TensorType;
  const BlockFormat format = block_format(type);
  const std::size_t blocks = columns / format.elements;
  std::vector<std::byte> panel(expected_panel_bytes(type, blocks));
  for (std::size_t r = 0; r < kPanelRows && p * kPanelRows + r < rows; ++r) {
    const std::byte* row = file + (p * kPanelRows + r) * blocks * format.bytes;
    if (is_quantized(type)) {
      put_row(type, row, columns, r, panel.data());
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
  const std::size_t stride = expected_panel_bytes(type, columns / format.elements);
  const std::size_t panels = (rows + kPanelRows - 1) / kPanelRows;
  if (row_bytes(type, columns) != columns / format.elements * format.bytes) return "row_bytes";
  if (panel_bytes(type, columns) != stride) return "panel_bytes";
  if (packed_bytes(type, rows, columns) != panels * stride) return "packed_bytes";
  std::byte* out = out_stage.room<std::byte>(panels * stride, side);
  pack_panels(type, file_stage.put(matrix.data(), matrix.size(), side), rows, columns, begin, end,
              out);
  if (!out_stage.intact()) return "it wrote beside the panels";
  for (std::size_t p = 0; p < panels; ++p) {
    const bool asked = p >= begin && p < end;
    const auto wanted = asked ? expected_panel(type, matrix.data(), rows, columns, p)
                              : std::vector<std::byte>(stride, std::byte{Output::kCanaryByte});
    for (std::size_t i = 0; i < stride; ++i) {
      if (out[p * stride + i] == wanted[i]) continue;
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
