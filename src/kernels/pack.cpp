#include "kernels/pack.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "kernels/kernels.h"

namespace prumo {
namespace {

using enum gguf::TensorType;

constexpr std::size_t kLine = 64;

// How many units a block of one row has in each section. The 16 rows of a unit lie side by side.
struct Units {
  std::size_t scales;     // of 2 bytes
  std::size_t sub_bytes;  // of 1
  std::size_t sub_words;  // of 4, as all that follow
  std::size_t high;
  std::size_t quants;
};

constexpr Units units_of(gguf::TensorType type) {
  switch (type) {
    case kQ8_0:
      return {1, 0, 0, 0, 8};
    case kQ4_0:
      return {1, 0, 0, 0, 4};
    case kQ4_1:
      return {2, 0, 0, 0, 4};
    case kQ5_0:
      return {1, 0, 0, 1, 4};
    case kQ5_1:
      return {2, 0, 0, 1, 4};
    case kQ2_K:
      return {2, 16, 0, 0, 16};
    case kQ3_K:
      return {1, 0, 3, 8, 16};
    case kQ4_K:
      return {2, 0, 3, 0, 32};
    case kQ5_K:
      return {2, 0, 3, 8, 32};
    case kQ6_K:
      return {1, 16, 0, 16, 32};
    case kF32:
    case kF16:
    case kBF16:
      break;
  }
  return {};
}

// ---- A block of one row, cut into its units. Four columns at a time: a word has one in each byte.

struct Block {
  std::array<std::uint16_t, 2> scales;
  std::array<std::uint8_t, 16> sub_bytes;
  std::array<std::uint32_t, 3> sub_words;
  std::array<std::uint32_t, 16> high;
  std::array<std::uint32_t, 32> quants;
};

constexpr std::uint32_t kLowNibbles = 0x0F0F0F0F;
constexpr std::uint32_t kPairs = 0x03030303;
constexpr std::uint32_t kBits = 0x01010101;

std::uint32_t word(const std::byte* at) {
  std::uint32_t out = 0;
  std::memcpy(&out, at, sizeof out);
  return out;
}

template <std::size_t N>
void copy_words(const std::byte* at, std::uint32_t flip, std::uint32_t* out) {
  for (std::size_t w = 0; w < N; ++w) out[w] = word(at + 4 * w) ^ flip;
}

// 32 bytes whose low nibbles are one run of 32 columns and whose high ones are another.
void cut_nibbles(const std::byte* at, std::uint32_t* low, std::uint32_t* high) {
  for (std::size_t w = 0; w < 4; ++w) {
    const std::uint32_t first = word(at + 4 * w);
    const std::uint32_t second = word(at + 16 + 4 * w);
    low[w] = (first & kLowNibbles) | (second & kLowNibbles) << 4;
    high[w] = (first >> 4 & kLowNibbles) | (second & ~kLowNibbles);
  }
}

// 64 bytes; each half has in its pairs of bits four runs of 32 columns.
void cut_pairs(const std::byte* at, std::uint32_t* out) {
  for (std::size_t run = 0; run < 8; ++run) {
    for (std::size_t w = 0; w < 2; ++w) {
      std::uint32_t sum = 0;
      for (std::size_t i = 0; i < 4; ++i) {
        sum |= (word(at + run / 4 * 32 + 16 * w + 4 * i) >> (run % 4 * 2) & kPairs) << (2 * i);
      }
      out[2 * run + w] = sum;
    }
  }
}

// 32 bytes whose bits are eight runs of 32 columns.
void cut_bits(const std::byte* at, std::uint32_t* out) {
  for (std::size_t run = 0; run < 8; ++run) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < 8; ++i) sum |= (word(at + 4 * i) >> run & kBits) << i;
    out[run] = sum;
  }
}

// Bit i is of column i: four neighbours go to the four bytes. The product puts bit j, times 2^7j,
// at 8j, and no other bit at a multiple of 8.
std::uint32_t spread_bits(std::uint32_t bits) {
  std::uint32_t out = 0;
  for (std::size_t i = 0; i < 8; ++i) out |= ((bits >> (4 * i) & 15) * 0x00204081 & kBits) << i;
  return out;
}

// Sixteen numbers of six bits, four a word: low nibbles, and in a byte's lowest bits the high pair.
void cut_six_bits(const std::array<std::uint32_t, 4>& low, const std::array<std::uint32_t, 4>& high,
                  std::uint32_t* out) {
  std::fill_n(out, 3, 0);
  for (std::size_t i = 0; i < 4; ++i) {
    std::uint32_t nibbles = low[i] & kLowNibbles;
    nibbles = (nibbles | nibbles >> 4) & 0x00FF00FF;
    nibbles = (nibbles | nibbles >> 8) & 0xFFFF;
    out[i / 2] |= nibbles << (i % 2 * 16);
    std::uint32_t pairs = high[i] & kPairs;
    pairs = (pairs | pairs >> 6) & 0x000F000F;
    pairs = (pairs | pairs >> 12) & 0xFF;
    out[2] |= pairs << (i * 8);
  }
}

// The sub-scales of Q4_K and Q5_K: eight scales and eight minima, half of them whole in the first
// eight bytes, with their own top bits left for those of the other half.
void cut_scales_and_minima(const std::byte* at, std::uint32_t* out) {
  const std::uint32_t scales = word(at);
  const std::uint32_t minima = word(at + 4);
  const std::uint32_t rest = word(at + 8);
  cut_six_bits({scales, rest, minima, rest >> 4},
               {scales >> 4, scales >> 6, minima >> 4, minima >> 6}, out);
}

template <gguf::TensorType Type>
void cut(const std::byte* from, Block& to) {
  constexpr std::size_t kScales = Type == kQ2_K   ? 80
                                  : Type == kQ3_K ? 108
                                  : Type == kQ6_K ? 208
                                                  : 0;
  std::memcpy(to.scales.data(), from + kScales, 2 * units_of(Type).scales);
  std::uint32_t* const quants = to.quants.data();
  if constexpr (Type == kQ8_0) {
    copy_words<8>(from + 2, 0x80808080, quants);
  } else if constexpr (Type == kQ4_0 || Type == kQ4_1) {
    copy_words<4>(from + (Type == kQ4_0 ? 2 : 4), 0, quants);
  } else if constexpr (Type == kQ5_0 || Type == kQ5_1) {
    constexpr std::size_t kHigh = Type == kQ5_0 ? 2 : 4;
    to.high[0] = spread_bits(word(from + kHigh));
    copy_words<4>(from + kHigh + 4, 0, quants);
  } else if constexpr (Type == kQ2_K) {
    std::memcpy(to.sub_bytes.data(), from, 16);
    cut_pairs(from + 16, quants);
  } else if constexpr (Type == kQ3_K) {
    cut_bits(from, to.high.data());
    cut_pairs(from + 32, quants);
    const std::uint32_t low = word(from + 96);
    const std::uint32_t more = word(from + 100);
    const std::uint32_t high = word(from + 104);
    cut_six_bits({low, more, low >> 4, more >> 4}, {high, high >> 2, high >> 4, high >> 6},
                 to.sub_words.data());
  } else if constexpr (Type == kQ4_K || Type == kQ5_K) {
    cut_scales_and_minima(from + 4, to.sub_words.data());
    if constexpr (Type == kQ5_K) cut_bits(from + 16, to.high.data());
    const std::byte* const nibbles = from + (Type == kQ5_K ? 48 : 16);
    for (std::size_t i = 0; i < 4; ++i) {
      cut_nibbles(nibbles + 32 * i, quants + 8 * i, quants + 8 * i + 4);
    }
  } else if constexpr (Type == kQ6_K) {
    std::memcpy(to.sub_bytes.data(), from + 192, 16);
    cut_pairs(from + 128, to.high.data());
    for (std::size_t i = 0; i < 4; ++i) {  // each half: runs 0 and 2, then 1 and 3
      std::uint32_t* const low = quants + i / 2 * 16 + i % 2 * 4;
      cut_nibbles(from + 32 * i, low, low + 8);
    }
  }
}

// ---- Panels

template <std::size_t N, class Unit>
void put(const Unit* units, std::byte* section, std::size_t b, std::size_t row) {
  std::byte* const to = section + (b * N * kPanelRows + row) * sizeof(Unit);
  for (std::size_t i = 0; i < N; ++i) {
    std::memcpy(to + i * kPanelRows * sizeof(Unit), units + i, sizeof(Unit));
  }
}

// `rows` is where the first of n_rows lies.
template <gguf::TensorType Type>
void pack_blocks(const std::byte* rows, std::size_t n_rows, std::size_t columns,
                 const PanelLayout& layout, std::byte* panel) {
  constexpr Units kUnits = units_of(Type);
  const std::size_t row_size = row_bytes(Type, columns);
  const std::size_t block_size = gguf::type_traits(Type).bytes;
  const std::size_t blocks = row_size / block_size;
  Block block;
  for (std::size_t b = 0; b < blocks; ++b) {
    for (std::size_t r = 0; r < n_rows; ++r) {
      cut<Type>(rows + r * row_size + b * block_size, block);
      put<kUnits.scales>(block.scales.data(), panel + layout.scales, b, r);
      put<kUnits.sub_bytes>(block.sub_bytes.data(), panel + layout.sub_scales, b, r);
      put<kUnits.sub_words>(block.sub_words.data(), panel + layout.sub_scales, b, r);
      put<kUnits.high>(block.high.data(), panel + layout.high, b, r);
      put<kUnits.quants>(block.quants.data(), panel + layout.quants, b, r);
    }
  }
}

template <class Value>
void pack_values(const std::byte* rows, std::size_t n_rows, std::size_t columns, std::byte* panel) {
  for (std::size_t c = 0; c < columns; ++c) {
    for (std::size_t r = 0; r < n_rows; ++r) {
      std::memcpy(panel + (c * kPanelRows + r) * sizeof(Value),
                  rows + (r * columns + c) * sizeof(Value), sizeof(Value));
    }
  }
}

void pack_panel(gguf::TensorType type, const std::byte* rows, std::size_t n_rows,
                std::size_t columns, const PanelLayout& layout, std::byte* panel) {
  switch (type) {
    case kF32:
      return pack_values<std::uint32_t>(rows, n_rows, columns, panel);
    case kF16:
      return pack_values<std::uint16_t>(rows, n_rows, columns, panel);
    case kBF16:
      std::memcpy(panel, rows, n_rows * row_bytes(type, columns));
      return;
    case kQ8_0:
      return pack_blocks<kQ8_0>(rows, n_rows, columns, layout, panel);
    case kQ4_0:
      return pack_blocks<kQ4_0>(rows, n_rows, columns, layout, panel);
    case kQ4_1:
      return pack_blocks<kQ4_1>(rows, n_rows, columns, layout, panel);
    case kQ5_0:
      return pack_blocks<kQ5_0>(rows, n_rows, columns, layout, panel);
    case kQ5_1:
      return pack_blocks<kQ5_1>(rows, n_rows, columns, layout, panel);
    case kQ2_K:
      return pack_blocks<kQ2_K>(rows, n_rows, columns, layout, panel);
    case kQ3_K:
      return pack_blocks<kQ3_K>(rows, n_rows, columns, layout, panel);
    case kQ4_K:
      return pack_blocks<kQ4_K>(rows, n_rows, columns, layout, panel);
    case kQ5_K:
      return pack_blocks<kQ5_K>(rows, n_rows, columns, layout, panel);
    case kQ6_K:
      return pack_blocks<kQ6_K>(rows, n_rows, columns, layout, panel);
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
  const Units units = units_of(type);
  const std::size_t sub_scales = round_up(blocks * units.scales * 2 * kPanelRows, kLine);
  const std::size_t high =
      sub_scales + blocks * (units.sub_bytes + units.sub_words * 4) * kPanelRows;
  const std::size_t quants = high + blocks * units.high * kLine;
  return {0, sub_scales, high, quants, quants + blocks * units.quants * kLine};
}

std::size_t packed_bytes(gguf::TensorType type, std::size_t rows, std::size_t columns) {
  return round_up(rows, kPanelRows) / kPanelRows * panel_layout(type, columns).stride;
}

void pack_panels(gguf::TensorType type, const std::byte* file, std::size_t rows,
                 std::size_t columns, std::size_t panel_begin, std::size_t panel_end,
                 std::byte* out) {
  const PanelLayout layout = panel_layout(type, columns);
  if (layout.stride == 0) return;  // no columns
  const std::size_t row_size = row_bytes(type, columns);
  for (std::size_t p = panel_begin; p < panel_end; ++p) {
    std::byte* const panel = out + p * layout.stride;
    const std::size_t n_rows = std::min(kPanelRows, rows - p * kPanelRows);
    if (n_rows < kPanelRows) {
      std::memset(panel, 0, layout.stride);
    } else {  // whatever follows the first section, or the values, up to the next cache line
      const std::size_t end = layout.sub_scales != 0 ? layout.sub_scales : layout.stride;
      std::memset(panel + end - kLine, 0, kLine);
    }
    pack_panel(type, file + p * kPanelRows * row_size, n_rows, columns, layout, panel);
  }
}

}  // namespace prumo
