// Products of quantized matrices with AVX-512 VNNI. A type gives a reader of its panels:
//
//   Panel<kType>, kParts (2 when the halves of a block have their own scales), kMinimum
//   word<g>(b)      columns 4g .. 4g+3 of block b as unsigned bytes, of which `base` takes 128
//                   away, or which are the weights themselves when there is a minimum
//   scale<part>(b)  what the bytes' unit is worth
//   minimum(b)      unless kNone; halves(b): the int16 pair (m0, m1) of every row, for kOfHalves
//   kFew, kInPlace  tokens up to which one panel is read at a time, and up to which two are read
//                   as they lie in memory
//
// A few tokens wait for memory, which one stream serves best. For more of them two panels share
// every activation that is loaded; when they are many, blocks are unpacked once into a scratch in
// the nearest cache.
#pragma once

PRUMO_AVX512_BEGIN
namespace prumo::avx512 {

inline __m512i load(const std::byte* at) {
  return _mm512_loadu_si512(at);
}

/// 16 f16, one a row, times a power of two.
inline __m512 load_halves(const std::byte* at, float unit = 1.0f) {
  const __m512 x = _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
  return unit == 1.0f ? x : _mm512_mul_ps(x, _mm512_set1_ps(unit));
}

/// Blocks of a stretch at most: two panels' are unpacked into 18 KB.
inline constexpr std::size_t kStretch = 18;

/// Four bytes of the activations in every lane.
inline __m512i broadcast4(const void* at) {
  std::int32_t word;
  std::memcpy(&word, at, sizeof word);
  return _mm512_set1_epi32(word);
}

// The bytes of word g of a block, shifted so that their lowest bit is bit kTo. Shifts are of 16
// bits; the mask takes away what came from the byte beside.
template <int kTo, int kFrom>
inline __m512i moved(__m512i x, int mask) {
  if constexpr (kFrom < kTo) {
    x = _mm512_slli_epi16(x, kTo - kFrom);
  } else if constexpr (kFrom > kTo) {
    x = _mm512_srli_epi16(x, kFrom - kTo);
  }
  return _mm512_and_si512(x, _mm512_set1_epi8(static_cast<char>(mask << kTo)));
}
template <std::size_t g, int kTo>
inline __m512i nibbles(const std::byte* block) {
  return moved < kTo, g < 4 ? 0 : 4 > (load(block + g % 4 * kWordBytes), 15);
}
template <std::size_t g, int kTo>
inline __m512i pairs(const std::byte* block) {
  return moved<kTo, static_cast<int>(g % 4) * 2>(load(block + g / 4 * kWordBytes), 3);
}
template <std::size_t g, int kTo>
inline __m512i bits(const std::byte* block) {
  return moved<kTo, static_cast<int>(g)>(load(block), 1);
}

/// Value `index` of the six-bit numbers of a K block, one a row.
inline __m512i six_bits(const std::byte* section, std::size_t index) {
  const __m128i by4 = _mm_cvtsi32_si128(static_cast<int>(index % 8 * 4));
  const __m128i by2 = _mm_cvtsi32_si128(static_cast<int>(index * 2));
  const __m512i low = _mm512_and_si512(
      _mm512_srl_epi32(load(section + index / 8 * kWordBytes), by4), _mm512_set1_epi32(15));
  const __m512i high =
      _mm512_and_si512(_mm512_srl_epi32(load(section + 2 * kWordBytes), by2), _mm512_set1_epi32(3));
  return _mm512_or_si512(low, _mm512_slli_epi32(high, 4));
}

/// Every byte of w times its row's number in s, in eight bits.
inline __m512i times(__m512i w, __m512i s) {
  const __m512i twice =
      _mm512_or_si512(_mm512_and_si512(s, _mm512_set1_epi32(0xFFFF)), _mm512_slli_epi32(s, 16));
  const __m512i even = _mm512_mullo_epi16(w, twice);
  const __m512i odd = _mm512_mullo_epi16(_mm512_srli_epi16(w, 8), twice);
  return _mm512_or_si512(_mm512_and_si512(even, _mm512_set1_epi16(0x00FF)),
                         _mm512_slli_epi16(odd, 8));
}

/// Calls f.operator()<0>() to f.operator()<kWords - 1>().
template <std::size_t kFirst, std::size_t kEnd, class F>
inline __attribute__((always_inline)) void for_words(F&& f) {
  if constexpr (kFirst < kEnd) {
    f.template operator()<kFirst>();
    for_words<kFirst + 1, kEnd>(f);
  }
}

/// A stretch of a panel's blocks, read as they lie in memory.
template <class Reader>
struct InPlace : Reader {
  static constexpr std::size_t kTile = 5;  ///< tokens: a tile of two panels stays in registers

  using Reader::Reader;
  void take(std::size_t, std::size_t) {}
};

/// A stretch of a panel's blocks, unpacked once and read like the panel itself.
template <class Reader>
struct Unpacked {
  static constexpr std::size_t kTile = 6;
  static constexpr std::size_t kStep = Reader::kStep;
  static constexpr std::size_t kParts = Reader::kParts;
  static constexpr Minimum kMinimum = Reader::kMinimum;

  Reader from;
  std::size_t first = 0;
  alignas(64) std::byte words[kStretch][kByteSection];
  alignas(64) float scales[kStretch][kParts][kPanelRows];
  alignas(64) float minima[kMinimum == Minimum::kNone ? 1 : kStretch][kPanelRows];
  alignas(64) std::int32_t pairs[kMinimum == Minimum::kOfHalves ? kStretch : 1][kPanelRows];

  explicit Unpacked(const std::byte* panel) : from(panel) {}

  void take(std::size_t begin, std::size_t end) {
    first = begin;
    for (std::size_t b = begin; b < end; ++b) {
      const std::size_t to = b - begin;
      for_words<0, kWords>([&]<std::size_t g>() {
        _mm512_store_si512(words[to] + g * kWordBytes, from.template word<g>(b));
      });
      _mm512_store_ps(scales[to][0], from.template scale<0>(b));
      if constexpr (kParts == 2) _mm512_store_ps(scales[to][1], from.template scale<1>(b));
      if constexpr (kMinimum != Minimum::kNone) _mm512_store_ps(minima[to], from.minimum(b));
      if constexpr (kMinimum == Minimum::kOfHalves) _mm512_store_si512(pairs[to], from.halves(b));
    }
  }

  template <std::size_t g>
  [[nodiscard]] __m512i word(std::size_t b) const {
    return _mm512_load_si512(words[b - first] + g * kWordBytes);
  }
  template <std::size_t part>
  [[nodiscard]] __m512 scale(std::size_t b) const {
    return _mm512_load_ps(scales[b - first][part]);
  }
  [[nodiscard]] __m512 minimum(std::size_t b) const { return _mm512_load_ps(minima[b - first]); }
  [[nodiscard]] __m512i halves(std::size_t b) const { return _mm512_load_si512(pairs[b - first]); }
};

/// float(n) * x.scale, n given as kFloatOfZero + n.
inline __m512 scaled(__m512i n, const QuantizedBlock& x) {
  return _mm512_fmadd_ps(_mm512_castsi512_ps(n), _mm512_set1_ps(x.scale), _mm512_set1_ps(x.bias));
}

/// One part of block b: sum[p][t] takes in the dot of panel p and token t.
template <std::size_t part, class Reader, std::size_t kPanels, std::size_t kTokens>
inline __attribute__((always_inline)) void add_part(const Reader* const (&panel)[kPanels],
                                                    std::size_t b, const QuantizedBlock* x,
                                                    std::size_t x_stride,
                                                    __m512 (&sum)[kPanels][kTokens]) {
  constexpr std::size_t kCount = kWords / Reader::kParts;
  __m512i dot[kPanels][kTokens];
  for (std::size_t t = 0; t < kTokens; ++t) {
    const QuantizedBlock& block = x[t * x_stride + b];
    const std::int32_t base = Reader::kMinimum != Minimum::kNone ? kFloatOfZero
                              : Reader::kParts == 1              ? block.base
                                                                 : block.base_of_half[part];
    for (std::size_t p = 0; p < kPanels; ++p) dot[p][t] = _mm512_set1_epi32(base);
  }
  for_words<part * kCount, (part + 1) * kCount>([&]<std::size_t g>() {
    __m512i word[kPanels];
    for (std::size_t p = 0; p < kPanels; ++p) word[p] = panel[p]->template word<g>(b);
    for (std::size_t t = 0; t < kTokens; ++t) {
      const __m512i four = broadcast4(x[t * x_stride + b].q + 4 * g);
      for (std::size_t p = 0; p < kPanels; ++p) {
        dot[p][t] = _mm512_dpbusd_epi32(dot[p][t], word[p], four);
      }
    }
  });
  for (std::size_t p = 0; p < kPanels; ++p) {
    const __m512 scale = panel[p]->template scale<part>(b);
    for (std::size_t t = 0; t < kTokens; ++t) {
      sum[p][t] = _mm512_fmadd_ps(scale, scaled(dot[p][t], x[t * x_stride + b]), sum[p][t]);
    }
  }
}

/// What the minimum of block b adds.
template <class Reader, std::size_t kTokens>
inline __attribute__((always_inline)) void add_minimum(const Reader& panel, std::size_t b,
                                                       const QuantizedBlock* x,
                                                       std::size_t x_stride,
                                                       __m512 (&sum)[kTokens]) {
  const __m512 minimum = panel.minimum(b);
  for (std::size_t t = 0; t < kTokens; ++t) {
    const QuantizedBlock& block = x[t * x_stride + b];
    const __m512 all = _mm512_set1_ps(block.scaled_sum);
    if constexpr (Reader::kMinimum == Minimum::kAdded) {
      sum[t] = _mm512_fmadd_ps(minimum, all, sum[t]);
    } else if constexpr (Reader::kMinimum == Minimum::kSubtracted) {
      sum[t] = _mm512_fnmadd_ps(minimum, all, sum[t]);
    } else {
      const __m512i halves = _mm512_dpwssd_epi32(_mm512_set1_epi32(kFloatOfZero), panel.halves(b),
                                                 broadcast4(block.half_sum));
      sum[t] = _mm512_fnmadd_ps(minimum, scaled(halves, block), sum[t]);
    }
  }
}

/// What a product of many tokens does before each block: it asks for `step` bytes of each of the
/// two panels that come next, with block `first` from byte `begin` on.
struct AskNext {
  const std::byte* panel;
  std::size_t stride;
  std::size_t first;
  std::size_t begin;
  std::size_t step;

  inline __attribute__((always_inline)) void operator()(std::size_t b) const {
    const std::size_t at = begin + (b - first) * step;
    for (std::size_t i = 0; i < 2; ++i) prefetch_lines<1>(panel + i * stride, at, at + step);
  }
};

/// Blocks [begin, end) of kPanels panels, kTokens tokens: sums go on from y unless it is fresh.
template <class Reader, std::size_t kPanels, std::size_t kTokens, class Ask>
void multiply_tile(const Reader* const (&panel)[kPanels], std::size_t begin, std::size_t end,
                   const QuantizedBlock* x, std::size_t x_stride, float* y, std::size_t y_stride,
                   bool fresh, const Ask& ask) {
  __m512 sum[kPanels][kTokens];
  for (std::size_t p = 0; p < kPanels; ++p) {
    for (std::size_t t = 0; t < kTokens; ++t) {
      sum[p][t] = fresh ? _mm512_setzero_ps() : _mm512_loadu_ps(y + t * y_stride + p * kPanelRows);
    }
  }
  for (std::size_t b = begin; b < end; ++b) {
    ask(b);
    add_part<0>(panel, b, x, x_stride, sum);
    if constexpr (Reader::kParts == 2) add_part<1>(panel, b, x, x_stride, sum);
    if constexpr (Reader::kMinimum != Minimum::kNone) {
      for (std::size_t p = 0; p < kPanels; ++p) {
        add_minimum(*panel[p], b, x, x_stride, sum[p]);
      }
    }
  }
  for (std::size_t p = 0; p < kPanels; ++p) {
    for (std::size_t t = 0; t < kTokens; ++t) {
      _mm512_storeu_ps(y + t * y_stride + p * kPanelRows, sum[p][t]);
    }
  }
}

/// Calls f.operator()<n>(first) for tiles of n <= kMost tokens, all of nearly one size.
template <std::size_t kMost, class F>
void in_tiles(std::size_t tokens, F&& f) {
  const auto sized = [&f]<std::size_t n>(const auto& self, std::size_t wanted, std::size_t first) {
    if (wanted == n) return f.template operator()<n>(first);
    if constexpr (n > 1) self.template operator()<n - 1>(self, wanted, first);
  };
  const std::size_t tiles = (tokens + kMost - 1) / kMost;
  for (std::size_t i = 0; i < tiles; ++i) {
    const std::size_t first = tokens * i / tiles;
    sized.template operator()<kMost>(sized, tokens * (i + 1) / tiles - first, first);
  }
}

/// A panel as it lies in memory, times a few tokens at once.
template <class Reader>
void multiply_few(const MatmulArgs& a, std::size_t stride, std::size_t p) {
  const std::size_t blocks = a.columns / kBlock;
  const auto* x = static_cast<const QuantizedBlock*>(a.x);
  const Reader reader(a.panels + p * stride);
  const Reader* const panel[1] = {&reader};
  const AskAhead ahead = {reader.panel, Reader::kStep, a.prefetch};
  in_tiles<8>(a.tokens, [&]<std::size_t kTokens>(std::size_t t) {
    multiply_tile<Reader, 1, kTokens>(panel, 0, blocks, x + t * blocks, blocks,
                                      a.y + t * a.y_stride + p * kPanelRows, a.y_stride, true,
                                      ahead);
  });
}

/// Two panels, a stretch of blocks at a time as Source has them, times many tokens: they share
/// every activation that is loaded. Every tile asks for its share of the panels that come next, so
/// that memory never rests.
template <class Source>
void multiply_two(const MatmulArgs& a, std::size_t stride, std::size_t p) {
  Source source[2] = {Source(a.panels + p * stride), Source(a.panels + (p + 1) * stride)};
  const Source* const panel[2] = {&source[0], &source[1]};
  const std::size_t blocks = a.columns / kBlock;
  const auto* x = static_cast<const QuantizedBlock*>(a.x);
  const std::size_t tiles = (a.tokens + Source::kTile - 1) / Source::kTile;
  const std::size_t stretches = std::max<std::size_t>((blocks + kStretch - 1) / kStretch, 1);
  for (std::size_t i = 0; i < stretches; ++i) {
    const std::size_t begin = blocks * i / stretches;
    const std::size_t end = blocks * (i + 1) / stretches;
    for (Source& s : source) s.take(begin, end);
    AskNext next = {a.panels + (p + 2) * stride, stride, begin, begin * Source::kStep,
                    Source::kStep / tiles};
    in_tiles<Source::kTile>(a.tokens, [&]<std::size_t kTokens>(std::size_t t) {
      multiply_tile<Source, 2, kTokens>(panel, begin, end, x + t * blocks, blocks,
                                        a.y + t * a.y_stride + p * kPanelRows, a.y_stride, i == 0,
                                        next);
      next.begin += (end - begin) * next.step;
    });
  }
}

template <class Reader>
void matmul_quantized(const MatmulArgs& args) {
  const std::size_t stride = panel_bytes(Reader::kType, args.columns);
  const auto multiply = [&](const MatmulArgs& a) {
    std::size_t p = a.panel_begin;
    if (a.tokens > Reader::kInPlace) {
      for (; p + 2 <= a.panel_end; p += 2) multiply_two<Unpacked<Reader>>(a, stride, p);
    } else if (a.tokens > Reader::kFew) {
      for (; p + 2 <= a.panel_end; p += 2) multiply_two<InPlace<Reader>>(a, stride, p);
    }
    for (; p < a.panel_end; ++p) multiply_few<Reader>(a, stride, p);
  };
  in_parts(args, [&](const MatmulArgs& part) { in_strips(part, stride, multiply); });
}

}  // namespace prumo::avx512
PRUMO_ISA_END
