#include "kernels/pack.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "kernels/kernels.h"

namespace prumo {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kWord = 4;

// How a file's block is cut up: a piece of `bytes` at `offset` goes, in units of `unit` bytes, to
// the section at `section`, where the 16 rows of each unit lie side by side.
struct Piece {
  std::size_t offset;
  std::size_t bytes;
  std::size_t unit;           // 1, 2 or 4
  std::size_t section;        // byte offset of the section in the panel
  std::size_t section_block;  // bytes that one block of 16 rows takes in the section
  std::size_t within;         // where this piece starts inside those
  unsigned char flip;         // what every byte is xored with
};

struct Pieces {
  Piece piece[4];
  std::size_t n;
};

Pieces pieces_of(gguf::TensorType type, const PanelLayout& at) {
  using enum gguf::TensorType;
  switch (type) {
    case kF32:
      return {{{0, 4, 4, at.quants, 64, 0, 0}}, 1};
    case kF16:
    case kBF16:
      return {{{0, 2, 2, at.quants, 32, 0, 0}}, 1};
    case kQ8_0:
      return {{{0, 2, 2, at.scales, 32, 0, 0}, {2, 32, kWord, at.quants, 512, 0, 0x80}}, 2};
    case kQ4_0:
      return {{{0, 2, 2, at.scales, 32, 0, 0}, {2, 16, kWord, at.quants, 256, 0, 0}}, 2};
    case kQ6_K:
      return {{{208, 2, 2, at.scales, 32, 0, 0},
               {192, 16, 1, at.sub_scales, 256, 0, 0},
               {0, 128, kWord, at.quants, 3072, 0, 0},
               {128, 64, kWord, at.quants, 3072, 2048, 0}},
              4};
  }
  return {};
}

template <class Unit>
void pack_units(const Piece& piece, const std::byte* from, std::byte* to) {
  const auto flip = static_cast<Unit>(piece.flip * (static_cast<Unit>(~Unit{0}) / 0xFFu));
  for (std::size_t i = 0; i < piece.bytes; i += sizeof(Unit)) {
    Unit unit;
    std::memcpy(&unit, from + i, sizeof unit);
    unit = static_cast<Unit>(unit ^ flip);
    std::memcpy(to + i * kPanelRows, &unit, sizeof unit);
  }
}

void pack_piece(const Piece& piece, const std::byte* block, std::size_t b, std::size_t row,
                std::byte* panel) {
  std::byte* to = panel + piece.section + b * piece.section_block + piece.within + row * piece.unit;
  const std::byte* from = block + piece.offset;
  switch (piece.unit) {
    case 1:
      pack_units<std::uint8_t>(piece, from, to);
      return;
    case 2:
      pack_units<std::uint16_t>(piece, from, to);
      return;
    default:
      pack_units<std::uint32_t>(piece, from, to);
      return;
  }
}

}  // namespace

std::size_t row_bytes(gguf::TensorType type, std::size_t columns) {
  const gguf::TypeTraits& traits = gguf::type_traits(type);
  return columns / traits.elements * traits.bytes;
}

PanelLayout panel_layout(gguf::TensorType type, std::size_t columns) {
  using enum gguf::TensorType;
  const std::size_t bytes = row_bytes(type, columns) * kPanelRows;
  if (!is_quantized(type)) return {0, 0, 0, round_up(bytes, kLine)};
  const std::size_t blocks = columns / gguf::type_traits(type).elements;
  const std::size_t scales = round_up(blocks * 2 * kPanelRows, kLine);
  const std::size_t sub_scales = type == kQ6_K ? blocks * 16 * kPanelRows : 0;
  const std::size_t quants = bytes - blocks * 2 * kPanelRows - sub_scales;
  return {0, scales, scales + sub_scales, round_up(scales + sub_scales + quants, kLine)};
}

std::size_t packed_bytes(gguf::TensorType type, std::size_t rows, std::size_t columns) {
  return round_up(rows, kPanelRows) / kPanelRows * panel_layout(type, columns).stride;
}

void pack_panels(gguf::TensorType type, const std::byte* file, std::size_t rows,
                 std::size_t columns, std::size_t panel_begin, std::size_t panel_end,
                 std::byte* out) {
  const PanelLayout layout = panel_layout(type, columns);
  if (layout.stride == 0) return;  // no columns
  const Pieces pieces = pieces_of(type, layout);
  const gguf::TypeTraits& traits = gguf::type_traits(type);
  const std::size_t blocks = columns / traits.elements;
  const std::size_t row_size = row_bytes(type, columns);
  for (std::size_t p = panel_begin; p < panel_end; ++p) {
    std::byte* panel = out + p * layout.stride;
    std::memset(panel, 0, layout.stride);
    const std::size_t n_rows = std::min(kPanelRows, rows - p * kPanelRows);
    if (type == gguf::TensorType::kBF16) {
      std::memcpy(panel, file + p * kPanelRows * row_size, n_rows * row_size);
      continue;
    }
    for (std::size_t r = 0; r < n_rows; ++r) {
      const std::byte* row = file + (p * kPanelRows + r) * row_size;
      for (std::size_t b = 0; b < blocks; ++b) {
        for (std::size_t i = 0; i < pieces.n; ++i) {
          pack_piece(pieces.piece[i], row + b * traits.bytes, b, r, panel);
        }
      }
    }
  }
}

}  // namespace prumo
