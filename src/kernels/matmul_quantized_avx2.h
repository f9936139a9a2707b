// Products of quantized matrices with AVX2. A type gives a reader of half its panels:
//
//   HalfPanel<kType>, kParts (2 when the halves of a block have their own scales), kMinimum
//   kSigned    words are signed bytes, not below -128, else unsigned ones
//   kGroups    so many words' pairs of products add up in 16 bits (1 when signed)
//   kUnit      a power of two: the weight is (word * kUnit - 128) / kUnit, when there is neither a
//              sign nor a minimum; else 1
//   word<g>(b), scale<part>(b) (of a weight * kUnit), minimum(b), halves(b)   as for AVX-512
//
// A few tokens are multiplied as the panel is read; for many, blocks are unpacked once into a
// scratch in the nearest cache.
#pragma once

PRUMO_AVX2_BEGIN
namespace prumo::avx2 {

inline __m256i load(const std::byte* at) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
}

/// The parts of rows 0 .. 7 or 8 .. 15 of a panel.
template <gguf::TensorType kTensorType>
struct HalfPanel : private Panel<kTensorType> {
  using Whole = Panel<kTensorType>;
  using Whole::kStep;
  using Whole::kType;
  using Whole::panel;
  std::size_t half;
  HalfPanel(const std::byte* begin, std::size_t which) : Whole(begin), half(which) {}

  [[nodiscard]] const std::byte* scales(std::size_t b) const {
    return Whole::scales(b) + half * 16;
  }
  [[nodiscard]] const std::byte* sub_bytes(std::size_t b) const {
    return Whole::sub_scales(b) + half * 8;
  }
  [[nodiscard]] const std::byte* sub_words(std::size_t b) const {
    return Whole::sub_scales(b) + half * 32;
  }
  [[nodiscard]] const std::byte* high(std::size_t b) const { return Whole::high(b) + half * 32; }
  [[nodiscard]] const std::byte* quants(std::size_t b) const {
    return Whole::quants(b) + half * 32;
  }
};

/// 8 f16, one a row, times a power of two.
inline __m256 load_halves(const std::byte* at, float unit = 1.0f) {
  const __m256 x = _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
  return unit == 1.0f ? x : _mm256_mul_ps(x, _mm256_set1_ps(unit));
}

/// -x. A product with it is exact arithmetic's negated one; the instruction for that is not used,
/// since valgrind's emulation gives its zeros the wrong sign.
inline __m256 negated(__m256 x) {
  return _mm256_xor_ps(x, _mm256_set1_ps(-0.0f));
}

/// Four bytes of the activations in every lane.
inline __m256i broadcast4(const void* at) {
  std::int32_t word;
  std::memcpy(&word, at, sizeof word);
  return _mm256_set1_epi32(word);
}

// The bytes of word g of a block, shifted so that their lowest bit is bit kTo. Shifts are of 16
// bits; the mask takes away what came from the byte beside.
template <int kTo, int kFrom>
inline __m256i moved(__m256i x, int mask) {
  if constexpr (kFrom < kTo) {
    x = _mm256_slli_epi16(x, kTo - kFrom);
  } else if constexpr (kFrom > kTo) {
    x = _mm256_srli_epi16(x, kFrom - kTo);
  }
  return _mm256_and_si256(x, _mm256_set1_epi8(static_cast<char>(mask << kTo)));
}
template <std::size_t g, int kTo>
inline __m256i nibbles(const std::byte* block) {
  return moved < kTo, g < 4 ? 0 : 4 > (load(block + g % 4 * kWordBytes), 15);
}
template <std::size_t g, int kTo>
inline __m256i pairs(const std::byte* block) {
  return moved<kTo, static_cast<int>(g % 4) * 2>(load(block + g / 4 * kWordBytes), 3);
}
template <std::size_t g, int kTo>
inline __m256i bits(const std::byte* block) {
  return moved<kTo, static_cast<int>(g)>(load(block), 1);
}

/// Value `index` of the six-bit numbers of a K block, one a row.
inline __m256i six_bits(const std::byte* section, std::size_t index) {
  const __m128i by4 = _mm_cvtsi32_si128(static_cast<int>(index % 8 * 4));
  const __m128i by2 = _mm_cvtsi32_si128(static_cast<int>(index * 2));
  const __m256i low = _mm256_and_si256(
      _mm256_srl_epi32(load(section + index / 8 * kWordBytes), by4), _mm256_set1_epi32(15));
  const __m256i high =
      _mm256_and_si256(_mm256_srl_epi32(load(section + 2 * kWordBytes), by2), _mm256_set1_epi32(3));
  return _mm256_or_si256(low, _mm256_slli_epi32(high, 4));
}

/// Every byte of w times its row's number in s, in eight bits.
inline __m256i times(__m256i w, __m256i s) {
  const __m256i twice =
      _mm256_or_si256(_mm256_and_si256(s, _mm256_set1_epi32(0xFFFF)), _mm256_slli_epi32(s, 16));
  const __m256i even = _mm256_mullo_epi16(w, twice);
  const __m256i odd = _mm256_mullo_epi16(_mm256_srli_epi16(w, 8), twice);
  return _mm256_or_si256(_mm256_and_si256(even, _mm256_set1_epi16(0x00FF)),
                         _mm256_slli_epi16(odd, 8));
}

/// Blocks of half a panel as `unpack` leaves them, read like those of the type `Packed`.
template <class Packed>
struct Unpacked {
  static constexpr std::size_t kParts = Packed::kParts;
  static constexpr Minimum kMinimum = Packed::kMinimum;
  static constexpr bool kSigned = Packed::kSigned;
  static constexpr std::size_t kGroups = Packed::kGroups;
  static constexpr int kUnit = Packed::kUnit;
  static constexpr std::size_t kMostBlocks = 16;

  alignas(32) std::byte words[kMostBlocks][kWords][32];
  alignas(32) float scales[kMostBlocks][kParts][8];
  alignas(32) float minima[kMinimum == Minimum::kNone ? 1 : kMostBlocks][8];
  alignas(32) std::int32_t pairs[kMinimum == Minimum::kOfHalves ? kMostBlocks : 1][8];

  template <std::size_t g>
  [[nodiscard]] __m256i word(std::size_t b) const {
    return load(words[b][g]);
  }
  template <std::size_t part>
  [[nodiscard]] __m256 scale(std::size_t b) const {
    return _mm256_load_ps(scales[b][part]);
  }
  [[nodiscard]] __m256 minimum(std::size_t b) const { return _mm256_load_ps(minima[b]); }
  [[nodiscard]] __m256i halves(std::size_t b) const {
    return _mm256_load_si256(reinterpret_cast<const __m256i*>(pairs[b]));
  }
};

/// Calls f.operator()<kFirst>() to f.operator()<kEnd - 1>().
template <std::size_t kFirst, std::size_t kEnd, class F>
inline __attribute__((always_inline)) void for_words(F&& f) {
  if constexpr (kFirst < kEnd) {
    f.template operator()<kFirst>();
    for_words<kFirst + 1, kEnd>(f);
  }
}

/// Blocks [begin, end) of half a panel, as [0, end - begin) of `out`.
template <class Reader>
void unpack(const Reader& from, std::size_t begin, std::size_t end, Unpacked<Reader>& out) {
  for (std::size_t b = begin; b < end; ++b) {
    const std::size_t to = b - begin;
    for_words<0, kWords>([&]<std::size_t g>() {
      _mm256_store_si256(reinterpret_cast<__m256i*>(out.words[to][g]), from.template word<g>(b));
    });
    _mm256_store_ps(out.scales[to][0], from.template scale<0>(b));
    if constexpr (Reader::kParts == 2) {
      _mm256_store_ps(out.scales[to][1], from.template scale<1>(b));
    }
    if constexpr (Reader::kMinimum != Minimum::kNone) {
      _mm256_store_ps(out.minima[to], from.minimum(b));
    }
    if constexpr (Reader::kMinimum == Minimum::kOfHalves) {
      _mm256_store_si256(reinterpret_cast<__m256i*>(out.pairs[to]), from.halves(b));
    }
  }
}

/// float(n) * x.scale, n given as kFloatOfZero + n.
inline __m256 scaled(__m256i n, const QuantizedBlock& x) {
  return _mm256_fmadd_ps(_mm256_castsi256_ps(n), _mm256_set1_ps(x.scale), _mm256_set1_ps(x.bias));
}

/// Keeps the compiler from adding this up in another order: it takes more registers than there are.
inline __attribute__((always_inline)) void keep_order(__m256i& sum) {
  asm("" : "+x"(sum));
}

/// One part of block b: sum[t] takes in the dot of token t. Products of pairs are summed in 16 bits
/// as far as they fit, then in 32, times kUnit.
template <std::size_t part, class Reader, std::size_t kTokens>
inline __attribute__((always_inline)) void add_part(const Reader& panel, std::size_t b,
                                                    const QuantizedBlock* x, std::size_t x_stride,
                                                    std::size_t bx, __m256 (&sum)[kTokens]) {
  constexpr std::size_t kCount = kWords / Reader::kParts;
  constexpr std::size_t kFirst = part * kCount;
  constexpr std::size_t kGroups = std::min(Reader::kGroups, kCount);
  const __m256i units = _mm256_set1_epi16(static_cast<short>(Reader::kUnit));
  __m256i dot[kTokens];
  __m256i narrow[kTokens];
  for (std::size_t t = 0; t < kTokens; ++t) {
    const QuantizedBlock& block = x[t * x_stride + bx];
    const bool natural = Reader::kSigned || Reader::kMinimum != Minimum::kNone;
    dot[t] = _mm256_set1_epi32(natural               ? kFloatOfZero
                               : Reader::kParts == 1 ? block.base
                                                     : block.base_of_half[part]);
  }
  for_words<kFirst, kFirst + kCount>([&]<std::size_t g>() {
    const __m256i word = panel.template word<g>(b);
    const __m256i magnitude = Reader::kSigned ? _mm256_abs_epi8(word) : word;
    for (std::size_t t = 0; t < kTokens; ++t) {
      __m256i four = broadcast4(x[t * x_stride + bx].q + 4 * g);
      if (Reader::kSigned) four = _mm256_sign_epi8(four, word);
      const __m256i products = _mm256_maddubs_epi16(magnitude, four);
      narrow[t] = (g - kFirst) % kGroups == 0 ? products : _mm256_add_epi16(narrow[t], products);
      if (kGroups == kCount && kTokens > 2) keep_order(narrow[t]);
      if ((g - kFirst) % kGroups == kGroups - 1) {
        dot[t] = _mm256_add_epi32(dot[t], _mm256_madd_epi16(narrow[t], units));
        if (kGroups < kCount) keep_order(dot[t]);
      }
    }
  });
  const __m256 scale = panel.template scale<part>(b);
  for (std::size_t t = 0; t < kTokens; ++t) {
    sum[t] = _mm256_fmadd_ps(scale, scaled(dot[t], x[t * x_stride + bx]), sum[t]);
  }
}

/// What the minimum of block b adds.
template <class Reader, std::size_t kTokens>
inline __attribute__((always_inline)) void add_minimum(const Reader& panel, std::size_t b,
                                                       const QuantizedBlock* x,
                                                       std::size_t x_stride, std::size_t bx,
                                                       __m256 (&sum)[kTokens]) {
  const __m256 added =
      Reader::kMinimum == Minimum::kAdded ? panel.minimum(b) : negated(panel.minimum(b));
  for (std::size_t t = 0; t < kTokens; ++t) {
    const QuantizedBlock& block = x[t * x_stride + bx];
    if constexpr (Reader::kMinimum == Minimum::kOfHalves) {
      const __m256i halves =
          _mm256_add_epi32(_mm256_set1_epi32(kFloatOfZero),
                           _mm256_madd_epi16(panel.halves(b), broadcast4(block.half_sum)));
      sum[t] = _mm256_fmadd_ps(added, scaled(halves, block), sum[t]);
    } else {
      sum[t] = _mm256_fmadd_ps(added, _mm256_set1_ps(block.scaled_sum), sum[t]);
    }
  }
}

/// What a product of many tokens does before each block b: it asks for `step` bytes of the panel
/// that comes next, from byte `begin` on.
struct AskNext {
  const std::byte* panel;
  std::size_t begin;
  std::size_t step;

  inline __attribute__((always_inline)) void operator()(std::size_t b) const {
    prefetch_lines<1>(panel, begin + b * step, begin + (b + 1) * step);
  }
};

/// Blocks [begin, end) of kHalves halves of a panel, kTokens tokens: sums go on from y unless it is
/// fresh. Block b of the panel meets block b + x_first of the activations.
template <class Reader, std::size_t kHalves, std::size_t kTokens, class Ask>
void multiply_tile(const Reader* const (&half)[kHalves], std::size_t begin, std::size_t end,
                   const QuantizedBlock* x, std::size_t x_stride, std::size_t x_first, float* y,
                   std::size_t y_stride, bool fresh, const Ask& ask) {
  __m256 sum[kHalves][kTokens];
  for (std::size_t h = 0; h < kHalves; ++h) {
    for (std::size_t t = 0; t < kTokens; ++t) {
      sum[h][t] = fresh ? _mm256_setzero_ps() : _mm256_loadu_ps(y + t * y_stride + h * 8);
    }
  }
  for (std::size_t b = begin; b < end; ++b) {
    ask(b - begin);
    for (std::size_t h = 0; h < kHalves; ++h) {
      add_part<0>(*half[h], b, x, x_stride, b + x_first, sum[h]);
      if constexpr (Reader::kParts == 2) {
        add_part<1>(*half[h], b, x, x_stride, b + x_first, sum[h]);
      }
      if constexpr (Reader::kMinimum != Minimum::kNone) {
        add_minimum(*half[h], b, x, x_stride, b + x_first, sum[h]);
      }
    }
  }
  for (std::size_t h = 0; h < kHalves; ++h) {
    for (std::size_t t = 0; t < kTokens; ++t) {
      _mm256_storeu_ps(y + t * y_stride + h * 8, sum[h][t]);
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

/// As many tokens pay for unpacking.
inline constexpr std::size_t kManyTokens = 12;
inline constexpr std::size_t kTile = 4;

/// A whole panel as it lies in memory, times one token: in one stream, since memory is what it
/// waits for.
template <class Reader>
void multiply_one(const MatmulArgs& a, const std::byte* panel, float* y) {
  const std::size_t blocks = a.columns / kBlock;
  const auto* x = static_cast<const QuantizedBlock*>(a.x);
  const Reader low(panel, 0);
  const Reader high(panel, 1);
  const Reader* const halves[2] = {&low, &high};
  const AskAhead ahead = {panel, Reader::kStep, a.prefetch};
  multiply_tile<Reader, 2, 1>(halves, 0, blocks, x, blocks, 0, y, a.y_stride, true, ahead);
}

/// Half a panel as it lies in memory, times a few tokens at once. The first half asks for both.
template <class Reader>
void multiply_few(const MatmulArgs& a, const Reader& reader, float* y) {
  const std::size_t blocks = a.columns / kBlock;
  const auto* x = static_cast<const QuantizedBlock*>(a.x);
  const Reader* const half[1] = {&reader};
  const AskAhead ahead = {reader.panel, Reader::kStep,
                          reader.half == 0 ? a.prefetch : Prefetch{0, 0, 0}};
  in_tiles<kTile>(a.tokens, [&]<std::size_t kTokens>(std::size_t t) {
    multiply_tile<Reader, 1, kTokens>(half, 0, blocks, x + t * blocks, blocks, 0,
                                      y + t * a.y_stride, a.y_stride, true, ahead);
  });
}

/// Half a panel, unpacked a stretch at a time, times many tokens. Every tile asks for its share of
/// the panel that comes next, so that memory never rests.
template <class Reader>
void multiply_many(const MatmulArgs& a, const Reader& reader, float* y) {
  using Scratch = Unpacked<Reader>;
  Scratch scratch;
  const Scratch* const half[1] = {&scratch};
  const std::size_t blocks = a.columns / kBlock;
  const auto* x = static_cast<const QuantizedBlock*>(a.x);
  const std::size_t tiles = (a.tokens + kTile - 1) / kTile;
  const std::size_t stretches =
      std::max<std::size_t>((blocks + Scratch::kMostBlocks - 1) / Scratch::kMostBlocks, 1);
  for (std::size_t i = 0; i < stretches; ++i) {
    const std::size_t begin = blocks * i / stretches;
    const std::size_t end = blocks * (i + 1) / stretches;
    unpack(reader, begin, end, scratch);
    const std::size_t step = Reader::kStep / (2 * tiles);
    AskNext next = {reader.panel, panel_bytes(Reader::kType, a.columns) + begin * Reader::kStep,
                    step};
    next.begin += reader.half * tiles * (end - begin) * step;
    in_tiles<kTile>(a.tokens, [&]<std::size_t kTokens>(std::size_t t) {
      multiply_tile<Scratch, 1, kTokens>(half, 0, end - begin, x + t * blocks, blocks, begin,
                                         y + t * a.y_stride, a.y_stride, i == 0, next);
      next.begin += (end - begin) * step;
    });
  }
}

template <class Reader>
void matmul_quantized(const MatmulArgs& args) {
  const std::size_t stride = panel_bytes(Reader::kType, args.columns);
  const auto multiply = [&](const MatmulArgs& a) {
    for (std::size_t p = a.panel_begin; p < a.panel_end; ++p) {
      const std::byte* panel = a.panels + p * stride;
      float* y = a.y + p * kPanelRows;
      if (a.tokens == 1) {
        multiply_one<Reader>(a, panel, y);
        continue;
      }
      for (std::size_t half = 0; half < 2; ++half) {
        const Reader reader(panel, half);
        float* to = y + half * 8;
        a.tokens < kManyTokens ? multiply_few(a, reader, to) : multiply_many(a, reader, to);
      }
    }
  };
  in_parts(args, [&](const MatmulArgs& part) { in_strips(part, stride, multiply); });
}

}  // namespace prumo::avx2
PRUMO_ISA_END
