// What the products of quantized matrices share. A type says how to read its blocks: to the scalar
// reference as integers, to the SIMD ones as words of unsigned bytes (a word is four columns of
// every row of the panel). The walk over panels, tokens and blocks, and how a block joins its row,
// is here and in the two headers at the end.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/half.h"
#include "base/prefetch.h"
#include "gguf/format.h"
#include "kernels/declarations.h"
#include "kernels/pack.h"

namespace prumo {

inline constexpr std::size_t kWordBytes = kPanelRows * 4;
inline constexpr std::size_t kWords = kBlock / 4;  ///< of a block, when a weight has a byte

/// Bytes of 16 rows of a block of 32 whose weights have a byte each.
inline constexpr std::size_t kByteSection = 8 * kWordBytes;
/// Of 16 rows of one f16.
inline constexpr std::size_t kScaleSection = kPanelRows * 2;

/// The parts of a panel, as pack.h has them, by block of 32 columns: of a K type the scales and
/// sub-scales are those of the 256 columns that it is in.
template <gguf::TensorType kTensorType>
struct Panel {
  static constexpr gguf::TensorType kType = kTensorType;
  static constexpr PanelLayout kAt = panel_layout(kType);
  static constexpr std::size_t kRuns = kAt.runs;
  /// What a block of 32 takes, its share of scales included.
  static constexpr std::size_t kStep = kAt.bytes(2) / 2 / kRuns;

  static constexpr std::size_t kFew = 4;
  static constexpr std::size_t kInPlace = 12;

  const std::byte* panel;
  explicit Panel(const std::byte* begin) : panel(begin) {}

  /// The f16 scales of 16 rows; behind them the minima, if the type has any.
  [[nodiscard]] const std::byte* scales(std::size_t b) const {
    return panel + kAt.scales_at(b / kRuns);
  }
  [[nodiscard]] const std::byte* sub_scales(std::size_t b) const {
    return panel + kAt.block_at(b / kRuns);
  }
  [[nodiscard]] const std::byte* high(std::size_t b) const {
    return sub_scales(b) + kAt.high_at() + b % kRuns * (kAt.high / kRuns * kWordBytes);
  }
  [[nodiscard]] const std::byte* quants(std::size_t b) const {
    return sub_scales(b) + kAt.quants_at() + b % kRuns * (kAt.quants / kRuns * kWordBytes);
  }
};

#if PRUMO_X86
/// What a product does before each block b of a panel: it asks for bytes of the same panel, which
/// are needed later.
struct AskAhead {
  const std::byte* panel;
  std::size_t step;  ///< of a block
  Prefetch distance;

  inline __attribute__((always_inline)) void operator()(std::size_t b) const {
    prefetch_ahead(panel, b * step, step, distance);
  }
};

/// Calls f(part) for parts of `a` of so many tokens that the second cache keeps their activations
/// while all panels go by.
template <class F>
void in_parts(const MatmulArgs& a, F&& f) {
  constexpr std::size_t kActivationBytes = std::size_t{640} << 10;
  constexpr std::size_t kLeastTokens = 64;
  const std::size_t blocks = a.columns / kBlock;
  const std::size_t row_bytes = std::max<std::size_t>(blocks, 1) * sizeof(QuantizedBlock);
  const std::size_t most = std::max(kActivationBytes / row_bytes, kLeastTokens);
  const std::size_t parts = (a.tokens + most - 1) / most;
  for (std::size_t i = 0; i < parts; ++i) {
    const std::size_t first = a.tokens * i / parts;
    MatmulArgs part = a;
    part.tokens = a.tokens * (i + 1) / parts - first;
    part.x = static_cast<const QuantizedBlock*>(a.x) + first * blocks;
    part.y = a.y + first * a.y_stride;
    f(part);
  }
}

/// Calls f(strip) for strips of panels of a product of a few tokens. Their results land in a buffer
/// in the nearest cache, and go from there to `a`'s y a strip at a time: a panel gives every token
/// one line of y, each on a page of its own and long gone from the near caches, and lines that are
/// fetched so one by one hold up the stream of weights by up to 100 ns each.
template <class F>
void in_strips(const MatmulArgs& a, std::size_t panel_stride, F&& f) {
  constexpr std::size_t kFewTokens = 8;
  constexpr std::size_t kPanels = 64;
  if (a.tokens > kFewTokens) return f(a);
  alignas(PanelLayout::kLine) float y[kFewTokens * kPanels * kPanelRows];
  for (std::size_t p = a.panel_begin; p < a.panel_end; p += kPanels) {
    MatmulArgs strip = a;
    strip.panels = a.panels + p * panel_stride;
    strip.panel_begin = 0;
    strip.panel_end = std::min(kPanels, a.panel_end - p);
    strip.y = y;
    strip.y_stride = kPanels * kPanelRows;
    f(strip);
    for (std::size_t t = 0; t < a.tokens; ++t) {
      std::copy_n(y + t * strip.y_stride, strip.panel_end * kPanelRows,
                  a.y + t * a.y_stride + p * kPanelRows);
    }
  }
}
#endif

/// How a type's minimum, if it has one, joins a row after the dot.
enum class Minimum {
  kNone,
  kAdded,       ///< acc = fma(min, scaled_sum, acc)
  kSubtracted,  ///< acc = fma(-min, scaled_sum, acc)
  kOfHalves,    ///< acc = fma(-min, x_scale * float(m0 * half_sum[0] + m1 * half_sum[1]), acc)
};

}  // namespace prumo

namespace prumo::scalar {

inline float load_half(const std::byte* at) {
  std::uint16_t out;
  std::memcpy(&out, at, sizeof out);
  return half_to_float(out);
}

/// Weight i of row r from the words of its block: pack.h has the layout.
inline int nibble(const std::byte* block, std::size_t r, std::size_t i) {
  const int byte = std::to_integer<int>(block[i / 4 % 4 * kWordBytes + r * 4 + i % 4]);
  return i < 16 ? byte & 15 : byte >> 4;
}
inline int pair(const std::byte* block, std::size_t r, std::size_t i) {
  const int byte = std::to_integer<int>(block[i / 16 * kWordBytes + r * 4 + i % 4]);
  return byte >> (2 * (i / 4 % 4)) & 3;
}
inline int bit(const std::byte* block, std::size_t r, std::size_t i) {
  return std::to_integer<int>(block[r * 4 + i % 4]) >> (i / 4) & 1;
}

/// Value `index` (of 16) of the six-bit numbers of a K block's row r: its four low bits, then the
/// two high ones.
inline int six_bits(const std::byte* section, std::size_t r, std::size_t index) {
  const auto word = [&](std::size_t w) {
    std::uint32_t out;
    std::memcpy(&out, section + w * kWordBytes + r * 4, sizeof out);
    return out;
  };
  const std::uint32_t low = word(index / 8) >> (4 * (index % 8)) & 15u;
  return static_cast<int>(low | (word(2) >> (2 * index) & 3u) << 4);
}

/// The sum over columns [begin, end) of a block of weight(i) * q[i].
template <class Weight>
std::int32_t dot(const QuantizedBlock& x, std::size_t begin, std::size_t end, Weight&& weight) {
  std::int32_t sum = 0;
  for (std::size_t i = begin; i < end; ++i) sum += weight(i) * x.q[i];
  return sum;
}

/// y[t][row] = row_times(panel, row in the panel, activations of token t) for all that `a` asks
/// for.
template <gguf::TensorType kType, class RowTimes>
void for_each_row(const MatmulArgs& a, RowTimes&& row_times) {
  const auto* x = static_cast<const QuantizedBlock*>(a.x);
  const std::size_t stride = panel_bytes(kType, a.columns);
  for (std::size_t p = a.panel_begin; p < a.panel_end; ++p) {
    const Panel<kType> panel(a.panels + p * stride);
    for (std::size_t t = 0; t < a.tokens; ++t) {
      for (std::size_t r = 0; r < kPanelRows; ++r) {
        a.y[t * a.y_stride + p * kPanelRows + r] =
            row_times(panel, r, x + t * (a.columns / kBlock));
      }
    }
  }
}

}  // namespace prumo::scalar

#if PRUMO_X86
#include "kernels/matmul_quantized_avx2.h"
#include "kernels/matmul_quantized_avx512.h"
#endif
