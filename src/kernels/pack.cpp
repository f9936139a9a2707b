#include "kernels/pack.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "kernels/kernels.h"

namespace prumo {
namespace {

using enum gguf::TensorType;

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
  std::memcpy(to.scales.data(), from + kScales, 2 * panel_layout(Type).f16s);
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
void put(const Unit* units, std::byte* section, std::size_t row) {
  std::byte* const to = section + row * sizeof(Unit);
  for (std::size_t i = 0; i < N; ++i) {
    std::memcpy(to + i * kPanelRows * sizeof(Unit), units + i, sizeof(Unit));
  }
}

// `rows` is where the first of n_rows lies.
template <gguf::TensorType Type>
void pack_blocks(const std::byte* rows, std::size_t n_rows, std::size_t columns, std::byte* panel) {
  constexpr PanelLayout kAt = panel_layout(Type);
  const std::size_t row_size = row_bytes(Type, columns);
  const std::size_t block_size = gguf::type_traits(Type).bytes;
  const std::size_t blocks = row_size / block_size;
  Block block;
  for (std::size_t b = 0; b < blocks; ++b) {
    std::byte* const to = panel + kAt.block_at(b);
    for (std::size_t r = 0; r < n_rows; ++r) {
      cut<Type>(rows + r * row_size + b * block_size, block);
      put<kAt.f16s>(block.scales.data(), panel + kAt.scales_at(b), r);
      put<kAt.sub_bytes>(block.sub_bytes.data(), to, r);
      put<kAt.sub_words>(block.sub_words.data(), to, r);
      put<kAt.high>(block.high.data(), to + kAt.high_at(), r);
      put<kAt.quants>(block.quants.data(), to + kAt.quants_at(), r);
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
                std::size_t columns, std::byte* panel) {
  switch (type) {
    case kF32:
      return pack_values<std::uint32_t>(rows, n_rows, columns, panel);
    case kF16:
      return pack_values<std::uint16_t>(rows, n_rows, columns, panel);
    case kBF16:
      std::memcpy(panel, rows, n_rows * row_bytes(type, columns));
      return;
    case kQ8_0:
      return pack_blocks<kQ8_0>(rows, n_rows, columns, panel);
    case kQ4_0:
      return pack_blocks<kQ4_0>(rows, n_rows, columns, panel);
    case kQ4_1:
      return pack_blocks<kQ4_1>(rows, n_rows, columns, panel);
    case kQ5_0:
      return pack_blocks<kQ5_0>(rows, n_rows, columns, panel);
    case kQ5_1:
      return pack_blocks<kQ5_1>(rows, n_rows, columns, panel);
    case kQ2_K:
      return pack_blocks<kQ2_K>(rows, n_rows, columns, panel);
    case kQ3_K:
      return pack_blocks<kQ3_K>(rows, n_rows, columns, panel);
    case kQ4_K:
      return pack_blocks<kQ4_K>(rows, n_rows, columns, panel);
    case kQ5_K:
      return pack_blocks<kQ5_K>(rows, n_rows, columns, panel);
    case kQ6_K:
      return pack_blocks<kQ6_K>(rows, n_rows, columns, panel);
  }
}

}  // namespace

std::size_t row_bytes(gguf::TensorType type, std::size_t columns) {
  const gguf::TypeTraits& traits = gguf::type_traits(type);
  return columns / traits.elements * traits.bytes;
}

std::size_t panel_bytes(gguf::TensorType type, std::size_t columns) {
  if (!is_quantized(type)) {
    return round_up(row_bytes(type, columns) * kPanelRows, PanelLayout::kLine);
  }
  return panel_layout(type).bytes(columns / gguf::type_traits(type).elements);
}

std::size_t packed_bytes(gguf::TensorType type, std::size_t rows, std::size_t columns) {
  return round_up(rows, kPanelRows) / kPanelRows * panel_bytes(type, columns);
}

void pack_panels(gguf::TensorType type, const std::byte* file, std::size_t rows,
                 std::size_t columns, std::size_t panel_begin, std::size_t panel_end,
                 std::byte* out) {
  const std::size_t stride = panel_bytes(type, columns);
  if (stride == 0) return;  // no columns
  const std::size_t row_size = row_bytes(type, columns);
  const std::size_t blocks = columns / gguf::type_traits(type).elements;
  // The line that may not be filled: the last one of scales, or of values.
  const std::size_t last = is_quantized(type) ? panel_layout(type).scales_at(blocks - 1) /
                                                    PanelLayout::kLine * PanelLayout::kLine
                                              : stride - PanelLayout::kLine;
  for (std::size_t p = panel_begin; p < panel_end; ++p) {
    std::byte* const panel = out + p * stride;
    const std::size_t n_rows = std::min(kPanelRows, rows - p * kPanelRows);
    if (n_rows < kPanelRows) {
      std::memset(panel, 0, stride);
    } else {
      std::memset(panel + last, 0, PanelLayout::kLine);
    }
    pack_panel(type, file + p * kPanelRows * row_size, n_rows, columns, panel);
  }
}

}  // namespace prumo
