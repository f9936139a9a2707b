#include "kernels/pack.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "kernels/kernels.h"
#include "kernels/quants.h"

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
  const Piece nibbles = {0, 16, kWord, at.quants, 256, 0, 0};
  const auto from = [](Piece piece, std::size_t offset) {
    piece.offset = offset;
    return piece;
  };
  const auto scale = [&at](std::size_t offset) { return Piece{offset, 2, 2, at.scales, 32, 0, 0}; };
  const auto scale_and_min = [&at](std::size_t offset, std::size_t which) {
    return Piece{offset, 2, 2, at.scales, 64, which * 32, 0};
  };
  const Piece sub_scales = {0, 16, 1, at.sub_scales, 256, 0, 0};
  switch (type) {
    case kF32:
      return {{{0, 4, 4, at.quants, 64, 0, 0}}, 1};
    case kF16:
    case kBF16:
      return {{{0, 2, 2, at.quants, 32, 0, 0}}, 1};
    case kQ8_0:
      return {{scale(0), {2, 32, kWord, at.quants, 512, 0, 0x80}}, 2};
    case kQ4_0:
      return {{scale(0), from(nibbles, 2)}, 2};
    case kQ4_1:
      return {{scale_and_min(0, 0), scale_and_min(2, 1), from(nibbles, 4)}, 3};
    case kQ5_0:
      return {{scale(0), from(nibbles, 6)}, 2};
    case kQ5_1:
      return {{scale_and_min(0, 0), scale_and_min(2, 1), from(nibbles, 8)}, 3};
    case kQ2_K:
      return {{scale_and_min(80, 0), scale_and_min(82, 1), from(sub_scales, 0)}, 3};
    case kQ3_K:
      return {{scale(108)}, 1};
    case kQ4_K:
    case kQ5_K:
      return {{scale_and_min(0, 0), scale_and_min(2, 1)}, 2};
    case kQ6_K:
      return {{scale(208), from(sub_scales, 192)}, 2};
  }
  return {};
}

// What is not cut up but taken apart and put together anew, by how many low and high bits a quant
// is split into.
struct Rebuilt {
  std::size_t low;   // 4, 2, or 0: the pieces have them
  std::size_t high;  // 2, 1 or 0
  bool six_bits;     // sub-scales of six bits
};

Rebuilt rebuilt_of(gguf::TensorType type) {
  using enum gguf::TensorType;
  switch (type) {
    case kQ5_0:
    case kQ5_1:
      return {0, 1, false};
    case kQ2_K:
      return {2, 0, false};
    case kQ3_K:
      return {2, 1, true};
    case kQ4_K:
      return {4, 0, true};
    case kQ5_K:
      return {4, 1, true};
    case kQ6_K:
      return {4, 2, false};
    default:
      return {0, 0, false};
  }
}

// Bytes of 16 rows of one block of the file's, section by section.
struct Sections {
  std::size_t scales, sub_scales, high, quants;
};

Sections sections_of(gguf::TensorType type) {
  using enum gguf::TensorType;
  switch (type) {
    case kQ8_0:
      return {32, 0, 0, 512};
    case kQ4_0:
      return {32, 0, 0, 256};
    case kQ4_1:
      return {64, 0, 0, 256};
    case kQ5_0:
      return {32, 0, 64, 256};
    case kQ5_1:
      return {64, 0, 64, 256};
    case kQ2_K:
      return {64, 256, 0, 1024};
    case kQ3_K:
      return {32, 192, 512, 1024};
    case kQ4_K:
      return {64, 192, 0, 2048};
    case kQ5_K:
      return {64, 192, 512, 2048};
    case kQ6_K:
      return {32, 256, 1024, 2048};
    case kF32:
    case kF16:
    case kBF16:
      break;
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

// `bits` bits of each of 32 columns, from bit `from` of the quants up, as words of a row: column i
// is in byte i % 4, after the earlier columns of that byte; nibbles have columns 16 apart in one
// byte.
void put_bits(const std::array<std::uint8_t, 32>& quants, std::size_t from, std::size_t bits,
              std::byte* to) {
  std::uint8_t words[4][kWord] = {};
  for (std::size_t i = 0; i < 32; ++i) {
    const std::size_t group = i / kWord;
    const std::size_t word = bits == 4 ? group % 4 : group * bits / 8;
    const std::size_t shift = bits == 4 ? group / 4 * 4 : group * bits % 8;
    const unsigned value = quants[i] >> from & ((1u << bits) - 1);
    words[word][i % kWord] = static_cast<std::uint8_t>(words[word][i % kWord] | value << shift);
  }
  for (std::size_t w = 0; w < bits; ++w) std::memcpy(to + w * kLine, words[w], kWord);
}

void put_six_bits(const std::array<std::uint8_t, 16>& numbers, std::byte* to) {
  std::uint32_t words[3] = {};
  for (std::size_t i = 0; i < 16; ++i) {
    words[i / 8] |= (numbers[i] & 15u) << (i % 8 * 4);
    words[2] |= static_cast<std::uint32_t>(numbers[i] >> 4) << (i * 2);
  }
  for (std::size_t w = 0; w < 3; ++w) std::memcpy(to + w * kLine, &words[w], kWord);
}

// Block b of row `row` of the panel.
void rebuild(gguf::TensorType type, const std::byte* block, std::size_t b, std::size_t row,
             const PanelLayout& layout, std::byte* panel) {
  const Rebuilt parts = rebuilt_of(type);
  if (parts.low + parts.high == 0) return;
  const std::size_t subs = gguf::type_traits(type).elements / kBlock;
  for (std::size_t sub = 0; sub < subs; ++sub) {
    const auto quants = read_quants(type, block, sub);
    const std::size_t at = b * subs + sub;
    std::byte* const low = panel + layout.quants + at * parts.low * kLine + row * kWord;
    std::byte* const high = panel + layout.high + at * parts.high * kLine + row * kWord;
    if (parts.low != 0) put_bits(quants, 0, parts.low, low);
    if (parts.high != 0) put_bits(quants, parts.low == 0 ? 4 : parts.low, parts.high, high);
  }
  if (parts.six_bits) {
    put_six_bits(read_six_bits(type, block),
                 panel + layout.sub_scales + b * 3 * kLine + row * kWord);
  }
}

}  // namespace

std::size_t row_bytes(gguf::TensorType type, std::size_t columns) {
  const gguf::TypeTraits& traits = gguf::type_traits(type);
  return columns / traits.elements * traits.bytes;
}

PanelLayout panel_layout(gguf::TensorType type, std::size_t columns) {
  if (!is_quantized(type)) {
    return {0, 0, 0, 0, round_up(row_bytes(type, columns) * kPanelRows, kLine)};
  }
  const std::size_t blocks = columns / gguf::type_traits(type).elements;
  const Sections bytes = sections_of(type);
  const std::size_t sub_scales = round_up(blocks * bytes.scales, kLine);
  const std::size_t high = sub_scales + blocks * bytes.sub_scales;
  const std::size_t quants = high + blocks * bytes.high;
  return {0, sub_scales, high, quants, quants + blocks * bytes.quants};
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
        rebuild(type, row + b * traits.bytes, b, r, layout, panel);
      }
    }
  }
}

}  // namespace prumo
