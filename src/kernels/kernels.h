// The table of kernels and their contracts. The scalar function of each file is the definition;
// every other instruction set gives the same bits, save that a NaN may carry any payload.
//
// The exact arithmetic:
//
//  - `fma` is one rounding; every other operation rounds by itself; rounding is to nearest, ties to
//    even, and denormals are kept (FloatGuard sees to both).
//  - A reduction along a vector runs in 16 lanes: lane j takes elements j, j+16, ... in order; then
//    lanes j and j+8 are added, then j and j+4, j+2, j+1 (reduce16).
//  - A row of an F32 or F16 matrix is one lane: acc = fma(w[k], x[k], acc), k rising from acc = 0.
//  - A row of a BF16 matrix runs in 16 lanes by pairs: with x rounded to BF16, lane j takes
//    elements 2j, 2j+1, 32+2j, 32+2j+1, ... each by an fma, then reduce16. Zeros fill the row, and
//    x, up to a multiple of 32.
//  - A row of a quantized matrix is one lane. What a block of 32 weights adds up to with 32
//    activations is exact in int32; it joins the row as acc = fma(w_scale, x_scale * float(dot),
//    acc), blocks rising from acc = 0. The file of each type says what its w_scale is, and what
//    else joins (a minimum, a second half).
//  - exp is kernels/exp.h; square root and division are IEEE.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include "base/prefetch.h"
#include "base/result.h"
#include "gguf/format.h"

namespace prumo {

/// Rows of a matrix are stored in panels of this many, interleaved by 4 bytes of a row (see
/// pack.h).
inline constexpr std::size_t kPanelRows = 16;
/// Activations are quantized in blocks of this many elements.
inline constexpr std::size_t kBlock = 32;
/// Attention works on absolute key ranges [0, 256), [256, 512), ...
inline constexpr std::size_t kKeyRange = 256;
/// A tile of logits, for the sampler's maxima.
inline constexpr std::size_t kTile = 64;

inline constexpr std::size_t npos = std::numeric_limits<std::size_t>::max();

/// x rounded up to a multiple of `to`. No overflow check: sizes are checked at load.
constexpr std::size_t round_up(std::size_t x, std::size_t to) {
  return (x + to - 1) / to * to;
}

/// Instruction sets, weakest first.
enum class Isa : std::uint8_t { kScalar, kAvx2, kAvx512 };

struct ArgmaxResult {
  std::size_t index;  ///< npos when there is no element that is not NaN
  bool has_nan;       ///< whether any element is NaN
  bool operator==(const ArgmaxResult&) const = default;
};

/// 32 activations as int8, on one cache line, with what the products would otherwise work out again
/// for every row. An integer n, |n| < 2^22, is turned into float(n) * scale by one fma: as bits,
/// kFloatOfZero + n is the float 3 * 2^22 + n, so fma(that, scale, bias) rounds n * scale once (the
/// bias is exact). Weights that are stored with 128 added start their dot at `base`.
struct alignas(64) QuantizedBlock {
  std::int8_t q[kBlock];  ///< in [-127, 127]: x[i] is about q[i] * scale
  float scale;  ///< max|x| / 127 rounded to the 11 significant bits of binary16; 0 for a block
                ///< whose max|x| is at most 2^-100; NaN if the block has a NaN or a magnitude above
                ///< 2^100
  float bias;   ///< -3 * 2^22 * scale
  float scaled_sum;              ///< scale * sum of q: exact
  std::int32_t base;             ///< kFloatOfZero - 128 * sum of q
  std::int32_t base_of_half[2];  ///< the same of q[0 .. 15] and of q[16 .. 31]
  std::int16_t half_sum[2];      ///< sum of q[0 .. 15] and of q[16 .. 31]
  std::int32_t unused;           ///< zero
};
/// The bits of 3 * 2^22 as a float.
inline constexpr std::int32_t kFloatOfZero = 0x4B400000;
static_assert(sizeof(QuantizedBlock) == 64);

/// How far ahead a product of a few tokens asks for weights best on this kind of processor, as
/// measured on one of it: where PrefetchTuner starts.
const Prefetch& usual_prefetch();

/// y[t][r] = row r of the matrix times x[t], for the panels [panel_begin, panel_end).
struct MatmulArgs {
  const std::byte* panels;  ///< the packed matrix, panel 0 first, 64-byte aligned (pack.h)
  std::size_t panel_begin, panel_end;
  std::size_t columns;  ///< elements in a row; a multiple of the type's block
  std::size_t tokens;   ///< rows of x and y; 0 does nothing
  const void* x;  ///< float[tokens][columns] for F32, F16, BF16; QuantizedBlock[tokens][columns /
                  ///< 32] otherwise
  float* y;       ///< [tokens][y_stride]; columns [16 * panel_begin, 16 * panel_end) are written,
                  ///< padding too
  std::size_t y_stride;  ///< floats
  Prefetch prefetch = usual_prefetch();
};

struct SoftmaxResult {
  float
      max;  ///< the largest x that is not NaN, +0 for a zero of either sign; -inf if there is none
  float sum;  ///< of the y, in 16 lanes
};

/// Scores, softmax and weighted values of one key range of one KV head, for the query heads that
/// share it, of some tokens in a row: each sees one key more than the one before it, while the
/// range has them. Row r of the scratch and the results is head r % heads of token r / heads.
struct AttentionArgs {
  const float* q;  ///< of each token [heads][head_dim]; not looked at by attention_q8_0
  const QuantizedBlock* q_blocks;  ///< of every row [head_dim / 32]; of attention_q8_0 alone
  std::size_t tokens;
  std::size_t q_stride;   ///< floats from one token's queries to the next one's
  std::size_t heads;      ///< query heads that share this KV head
  std::size_t head_dim;   ///< even; of attention_q8_0 a multiple of 32
  const std::byte* keys;  ///< panels of 16 keys: [keys / 16, rounded up][head_dim][16], F16 or F32,
                          ///< as many as the last token sees. Q8_0: the same keys as a packed
                          ///< matrix (pack.h), a row each, 64-byte aligned
  const std::byte* values;   ///< [keys][value_stride], F16 or F32. Q8_0: panels of 16 too, of the
                             ///< same layout but for a block's quants, which are [16 keys][32]
                             ///< int8; 64-byte aligned
  std::size_t value_stride;  ///< elements; a multiple of 16, at least head_dim; the rest is zero
  std::size_t
      n_keys;     ///< 1 .. kKeyRange, of the first token; token t sees min(n_keys + t, kKeyRange)
  float scale;    ///< what a score is multiplied by
  float* scores;  ///< scratch [rows][kKeyRange]
  float* max;     ///< out [rows]: largest score, before scaling
  float* sum;     ///< out [rows]: sum of exp((score - max) * scale)
  float* out;     ///< out [rows][value_stride]: sum of exp((score - max) * scale) * value

  /// Query and keys of row r.
  [[nodiscard]] const float* query(std::size_t r) const {
    return q + r / heads * q_stride + r % heads * head_dim;
  }
  [[nodiscard]] std::size_t keys_of(std::size_t r) const {
    const std::size_t seen = n_keys + r / heads;
    return seen < kKeyRange ? seen : kKeyRange;
  }
};

/// Joins the key ranges of one query head; range r has its maximum at max[r * stride], its sum at
/// sum[r * stride] and its output at out[r * stride * value_stride].
struct MergeArgs {
  const float* max;
  const float* sum;
  const float* out;
  std::size_t ranges;  ///< at least 1
  std::size_t stride;
  std::size_t value_stride;
  std::size_t head_dim;
  float scale;  ///< as in AttentionArgs
  float* y;     ///< [head_dim]
};

/// One function an operation, all of one instruction set. Pointers alias only where said; any
/// alignment will do unless said; nothing outside the named ranges is read or written; none
/// allocates or fails.
struct Kernels {
  Isa isa;
  std::string_view name;  ///< "scalar", "avx2", "avx512"

  /// The least i with x[i] not NaN and x[i] >= every other non-NaN x[j]. NaN of any sign, payload
  /// or kind is never chosen; -0 ties with +0; infinities are ordinary; denormals compare exactly,
  /// whatever the caller's MXCSR says. n = 0 (x may then be null) or all NaN: npos.
  ArgmaxResult (*argmax)(const float* x, std::size_t n);

  /// tiles[i] = the largest non-NaN of x[64 i, min(64 i + 64, n)), -inf if there is none, +0 for a
  /// zero of either sign; tiles has ceil(n / 64) elements.
  void (*tile_max)(const float* x, std::size_t n, float* tiles);

  /// tiles[i] = the sum over x[64 i, min(64 i + 64, n)) of trunc(exp((x - max) * scale) * 2^32),
  /// exp being kernels/exp.h; tiles has ceil(n / 64) elements. No x is NaN or above max; max is
  /// finite; scale is positive and finite.
  void (*tile_weight)(const float* x, std::size_t n, float max, float scale, std::uint64_t* tiles);

  /// Writes first + i, i rising, for every i with x[i] >= least, and returns how many those are. A
  /// NaN is never kept; -0 equals +0. ids has room for n; what it holds past the count is left
  /// open. first + n is at most 2^32.
  std::size_t (*collect)(const float* x, std::size_t n, float least, std::uint32_t first,
                         std::uint32_t* ids);

  /// Quantizes n floats (a multiple of 32) into n / 32 blocks: q = x * (127 / max|x|) rounded to
  /// nearest even; all zero where scale is 0 or NaN. out is 64-byte aligned.
  void (*quantize)(const float* x, std::size_t n, QuantizedBlock* out);

  /// y[i] = (x[i] * r) * weight[i], r = 1 / sqrt(sum(x^2) / n + eps). n >= 1. y may be x.
  void (*rmsnorm)(const float* x, const float* weight, std::size_t n, float eps, float* y);

  /// Rotates adjacent pairs in place: (a, b) -> (a c - b s, a s + b c) with (c, s) = table[2 i],
  /// table[2 i + 1]; as fma(a, c, -(b s)) and fma(a, s, b c). `pairs` pairs in x, as many (c, s) in
  /// the table.
  void (*rope)(float* x, const float* table, std::size_t pairs);

  /// y[i] = exp((x[i] - max) * scale), with max the largest non-NaN of x; scale > 0; n may be 0. y
  /// may be x. sum is NaN when any x is NaN, and when max is infinite and n is not 0.
  SoftmaxResult (*softmax)(const float* x, std::size_t n, float scale, float* y);

  /// y[i] = (gate[i] / (1 + exp(-gate[i]))) * up[i]. y may be gate or up.
  void (*swiglu)(const float* gate, const float* up, std::size_t n, float* y);

  /// y[i] += x[i].
  void (*add)(const float* x, std::size_t n, float* y);

  void (*attention_f16)(const AttentionArgs&);
  void (*attention_f32)(const AttentionArgs&);

  /// The same of a Q8_0 cache. A score is that of a row of a quantized matrix; a value joins as
  /// out[d] = fma(p * scale, float(q), out[d]), keys rising from out = 0, where p is the key's
  /// exp and (scale, q) the value's.
  void (*attention_q8_0)(const AttentionArgs&);

  /// y[d] = o[d] / s, where, over the ranges in order from 0 and with w = exp((max_r - largest max)
  /// * scale): s = fma(w, sum_r, s) and o[d] = fma(w, out_r[d], o[d]).
  void (*merge)(const MergeArgs&);

  /// y[i] = x[i] as IEEE binary16, to nearest even; overflow is infinity, NaN stays NaN.
  void (*narrow)(const float* x, std::size_t n, std::uint16_t* y);

  void (*matmul_f32)(const MatmulArgs&);
  void (*matmul_f16)(const MatmulArgs&);
  void (*matmul_bf16)(const MatmulArgs&);
  void (*matmul_q8_0)(const MatmulArgs&);
  void (*matmul_q4_0)(const MatmulArgs&);
  void (*matmul_q4_1)(const MatmulArgs&);
  void (*matmul_q5_0)(const MatmulArgs&);
  void (*matmul_q5_1)(const MatmulArgs&);
  void (*matmul_q2_k)(const MatmulArgs&);
  void (*matmul_q3_k)(const MatmulArgs&);
  void (*matmul_q4_k)(const MatmulArgs&);
  void (*matmul_q5_k)(const MatmulArgs&);
  void (*matmul_q6_k)(const MatmulArgs&);

  /// The matrix product of a weight type.
  [[nodiscard]] auto matmul(gguf::TensorType type) const -> void (*)(const MatmulArgs&);
};

/// A kernel's place in the table, as a type: table.*KernelMember<...>::pointer is its function.
template <auto Pointer>
struct KernelMember {
  static constexpr auto pointer = Pointer;
};

/// Calls f(name, KernelMember) for every kernel of the table: the one list that tests and verify
/// walk.
template <class F>
void for_each_kernel(F&& f) {
  f("argmax", KernelMember<&Kernels::argmax>{});
  f("tile_max", KernelMember<&Kernels::tile_max>{});
  f("tile_weight", KernelMember<&Kernels::tile_weight>{});
  f("collect", KernelMember<&Kernels::collect>{});
  f("quantize", KernelMember<&Kernels::quantize>{});
  f("rmsnorm", KernelMember<&Kernels::rmsnorm>{});
  f("rope", KernelMember<&Kernels::rope>{});
  f("softmax", KernelMember<&Kernels::softmax>{});
  f("swiglu", KernelMember<&Kernels::swiglu>{});
  f("add", KernelMember<&Kernels::add>{});
  f("attention_f16", KernelMember<&Kernels::attention_f16>{});
  f("attention_f32", KernelMember<&Kernels::attention_f32>{});
  f("attention_q8_0", KernelMember<&Kernels::attention_q8_0>{});
  f("merge", KernelMember<&Kernels::merge>{});
  f("narrow", KernelMember<&Kernels::narrow>{});
  f("matmul_f32", KernelMember<&Kernels::matmul_f32>{});
  f("matmul_f16", KernelMember<&Kernels::matmul_f16>{});
  f("matmul_bf16", KernelMember<&Kernels::matmul_bf16>{});
  f("matmul_q8_0", KernelMember<&Kernels::matmul_q8_0>{});
  f("matmul_q4_0", KernelMember<&Kernels::matmul_q4_0>{});
  f("matmul_q4_1", KernelMember<&Kernels::matmul_q4_1>{});
  f("matmul_q5_0", KernelMember<&Kernels::matmul_q5_0>{});
  f("matmul_q5_1", KernelMember<&Kernels::matmul_q5_1>{});
  f("matmul_q2_k", KernelMember<&Kernels::matmul_q2_k>{});
  f("matmul_q3_k", KernelMember<&Kernels::matmul_q3_k>{});
  f("matmul_q4_k", KernelMember<&Kernels::matmul_q4_k>{});
  f("matmul_q5_k", KernelMember<&Kernels::matmul_q5_k>{});
  f("matmul_q6_k", KernelMember<&Kernels::matmul_q6_k>{});
}

/// The tables that this processor can run, weakest first; the scalar one is always there.
std::span<const Kernels* const> supported_kernels();

/// Every table that this build has, whether the processor can run it or not.
std::span<const std::string_view> known_isas();

/// The best table of this processor, or the one that the environment's PRUMO_ISA names. An unknown
/// name, or one that the processor cannot run, is an error.
Result<const Kernels*> choose_kernels();

/// Whether rows of this type are multiplied with quantized activations.
constexpr bool is_quantized(gguf::TensorType type) {
  using enum gguf::TensorType;
  return type != kF32 && type != kF16 && type != kBF16;
}

}  // namespace prumo
