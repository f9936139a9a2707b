// What packing owes: panels that can be unpacked into the file's bytes by the arithmetic of
// pack.h's text, zeros everywhere else, and nothing written outside the panels asked for.
#pragma once

#include <string>
#include <vector>

#include "kernels/pack.h"
#include "support/matrices.h"
#include "support/stage.h"

namespace prumo::testing {

inline std::size_t to_line(std::size_t bytes) {
  return (bytes + 63) / 64 * 64;
}

/// Where a panel of `blocks` blocks a row keeps its parts, from the text.
struct ExpectedLayout {
  std::size_t sub_scales, quants, stride;
};

inline ExpectedLayout expected_layout(gguf::TensorType type, std::size_t blocks) {
  using enum gguf::TensorType;
  switch (type) {
    case kF32:
      return {0, 0, to_line(blocks * 16 * 4)};
    case kF16:
    case kBF16:
      return {0, 0, to_line(blocks * 16 * 2)};
    case kQ8_0: {
      const std::size_t quants = to_line(blocks * 16 * 2);
      return {quants, quants, quants + blocks * 16 * 32};
    }
    case kQ4_0: {
      const std::size_t quants = to_line(blocks * 16 * 2);
      return {quants, quants, quants + blocks * 16 * 16};
    }
    case kQ6_K: {
      const std::size_t sub_scales = to_line(blocks * 16 * 2);
      const std::size_t quants = sub_scales + blocks * 16 * 16;
      return {sub_scales, quants, quants + blocks * 16 * 192};
    }
  }
  return {};
}

/// The place in a panel of byte `i` of block `b` of row `r`; a row has `blocks` blocks.
inline std::size_t place_in_panel(gguf::TensorType type, const ExpectedLayout& at,
                                  std::size_t blocks, std::size_t b, std::size_t r, std::size_t i) {
  using enum gguf::TensorType;
  const auto word = [r](std::size_t first, std::size_t byte) {
    return first + byte / 4 * 64 + r * 4 + byte % 4;
  };
  switch (type) {
    case kF32:
      return (b * 16 + r) * 4 + i;
    case kF16:
      return (b * 16 + r) * 2 + i;
    case kBF16:
      return (r * blocks + b) * 2 + i;
    case kQ8_0:
      return i < 2 ? (b * 16 + r) * 2 + i : word(at.quants + b * 512, i - 2);
    case kQ4_0:
      return i < 2 ? (b * 16 + r) * 2 + i : word(at.quants + b * 256, i - 2);
    case kQ6_K:
      if (i >= 208) return (b * 16 + r) * 2 + (i - 208);
      if (i >= 192) return at.sub_scales + b * 256 + (i - 192) * 16 + r;
      if (i >= 128) return word(at.quants + b * 3072 + 2048, i - 128);
      return word(at.quants + b * 3072, i);
  }
  return 0;
}

/// Panel p as it should be.
inline std::vector<std::byte> expected_panel(gguf::TensorType type, const std::byte* file,
                                             std::size_t rows, std::size_t columns, std::size_t p) {
  const BlockFormat format = block_format(type);
  const std::size_t blocks = columns / format.elements;
  const ExpectedLayout at = expected_layout(type, blocks);
  std::vector<std::byte> panel(at.stride);
  for (std::size_t r = 0; r < kPanelRows && p * kPanelRows + r < rows; ++r) {
    for (std::size_t b = 0; b < blocks; ++b) {
      const std::byte* block = file + ((p * kPanelRows + r) * blocks + b) * format.bytes;
      for (std::size_t i = 0; i < format.bytes; ++i) {
        const bool flips = type == gguf::TensorType::kQ8_0 && i >= 2;
        panel[place_in_panel(type, at, blocks, b, r, i)] =
            block[i] ^ (flips ? std::byte{0x80} : std::byte{0});
      }
    }
  }
  return panel;
}

/// Packs panels [begin, end) beside guard pages and compares every byte.
inline std::string pack_law(gguf::TensorType type, const std::vector<std::byte>& matrix,
                            std::size_t rows, std::size_t columns, std::size_t begin,
                            std::size_t end, Side side) {
  static Stage file_stage;
  static Output out_stage;
  const BlockFormat format = block_format(type);
  const ExpectedLayout at = expected_layout(type, columns / format.elements);
  const std::size_t panels = (rows + kPanelRows - 1) / kPanelRows;
  const PanelLayout layout = panel_layout(type, columns);
  if (row_bytes(type, columns) != columns / format.elements * format.bytes) return "row_bytes";
  if (packed_bytes(type, rows, columns) != panels * at.stride) return "packed_bytes";
  if (layout.scales != 0 || layout.sub_scales != at.sub_scales || layout.quants != at.quants ||
      layout.stride != at.stride) {
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

}  // namespace prumo::testing
