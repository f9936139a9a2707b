// One batch of tokens through all layers, by every thread of the team at once. Threads own rows of
// matrices, tokens, or (head, key range) pairs, never a part of a sum; so their number changes
// nothing.
//
// A layer is five steps with a barrier after each:
//   norm, quantize, QKV, RoPE, store  |  attention  |  output, residual  |  norm, quantize, gate
//   and up, SwiGLU  |  down
// A lone token's norms and quantized inputs are made by every thread for itself; those of a batch
// are shared out, which takes a further barrier.
#include "model/forward.h"

#include <algorithm>
#include <cmath>

#include "base/clock.h"
#include "base/float_guard.h"
#include "kernels/dequantize.h"
#include "kernels/pack.h"

namespace prumo {
namespace {

// The argmax of two neighbouring parts of x, `a` first.
ArgmaxResult joined(const float* x, const ArgmaxResult& a, const ArgmaxResult& b) {
  const bool has_nan = a.has_nan || b.has_nan;
  if (a.index == npos || b.index == npos) return {std::min(a.index, b.index), has_nan};
  return {x[b.index] > x[a.index] ? b.index : a.index, has_nan};
}

class Pass {
 public:
  Pass(SessionState& state, std::span<const TokenId> ids, std::size_t thread)  // of state.parts
      : s_(state),
        c_(state.loaded->config),
        w_(state.loaded->weights),
        k_(*state.loaded->kernels),
        ids_(ids),
        me_(thread),
        threads_(state.parts),
        own_(state.scratch.own[thread]) {}

  // All layers; of the last one, all but keys and values only for the tokens from `first` on, which
  // are those that may give logits.
  void layers(std::size_t first) {
    const FloatGuard guard;
    embed();
    for (std::size_t i = 0; i < c_.layers; ++i) layer(i, i + 1 == c_.layers ? first : 0);
  }

  // The logits after `n` tokens from t on, once their layers are done.
  void logits(std::size_t t, std::size_t n) {
    const FloatGuard guard;
    const float* x = s_.scratch.x + t * c_.embedding;
    const Activations in =
        input(x, n, c_.embedding, w_.output_norm, {w_.output.type, w_.output.type, w_.output.type});
    multiply_and_top(w_.output, in, n, s_.scratch.logits,
                     s_.top_of.data() + me_ * s_.scratch.logit_rows);
  }

 private:
  void barrier() {
    if (threads_ > 1) s_.team->barrier();
  }
  [[nodiscard]] Share share(std::size_t n) const { return share_of(n, me_, threads_); }

  void embed() {
    const std::size_t row = row_bytes(w_.embedding_type, c_.embedding);
    const Share mine = share(ids_.size());
    for (std::size_t t = mine.begin; t < mine.end; ++t) {
      dequantize(w_.embedding_type, w_.embeddings + static_cast<std::size_t>(ids_[t]) * row,
                 c_.embedding, s_.scratch.x + t * c_.embedding);
    }
    barrier();
  }

  // Tokens from `first` on go through the whole layer; those before it only leave their keys and
  // values.
  void layer(std::size_t index, std::size_t first) {
    const Layer& l = w_.layers[index];
    const Scratch& scratch = s_.scratch;
    const std::size_t n = ids_.size();
    const std::size_t e = c_.embedding;

    const Activations in =
        input(scratch.x, n, e, l.attn_norm, {l.attn_q.type, l.attn_k.type, l.attn_v.type});
    project_and_store(index, in, first);
    barrier();
    if (first == n) return;

    const std::size_t rows = n - first;
    const Activations heads = attention(index, first, l.attn_output.type);
    multiply_and_add(l.attn_output, heads, first, rows);
    barrier();

    const Activations ffn_in = input(scratch.x + first * e, rows, e, l.ffn_norm,
                                     {l.ffn_gate.type, l.ffn_up.type, l.ffn_up.type});
    const std::size_t stride = round_up(c_.ffn, kPanelRows);
    multiply(l.ffn_gate, ffn_in, rows, scratch.gate, stride);
    multiply(l.ffn_up, ffn_in, rows, scratch.up, stride);
    const Share mine = rows_of(l.ffn_gate);
    for (std::size_t t = 0; t < rows; ++t) {
      float* gate = scratch.gate + t * stride + mine.begin;
      k_.swiglu(gate, scratch.up + t * stride + mine.begin, mine.end - mine.begin, gate);
    }
    barrier();

    const Activations hidden = input(scratch.gate, rows, stride, nullptr,
                                     {l.ffn_down.type, l.ffn_down.type, l.ffn_down.type}, c_.ffn);
    multiply_and_add(l.ffn_down, hidden, first, rows);
    barrier();
  }

  // Rows of x made ready for products with matrices of the given types: normalized if there is a
  // norm, quantized if a matrix asks for it. `columns` of each row are used, all of them unless
  // said.
  Activations input(const float* x, std::size_t n, std::size_t stride, const float* norm,
                    const gguf::TensorType (&types)[3], std::size_t columns = 0) {
    if (columns == 0) columns = stride;
    const bool quantized =
        is_quantized(types[0]) || is_quantized(types[1]) || is_quantized(types[2]);
    const bool alone = n == 1;
    float* floats = alone ? own_.floats : s_.scratch.floats;
    QuantizedBlock* blocks = alone ? own_.blocks : s_.scratch.blocks;
    const Share mine = alone ? Share{0, 1} : share(n);
    for (std::size_t t = mine.begin; t < mine.end; ++t) {
      const float* from = x + t * stride;
      float* to = floats + t * columns;
      if (norm != nullptr) {
        k_.rmsnorm(from, norm, columns, c_.rms_eps, to);
        from = to;
      } else if (!quantized) {
        std::copy(from, from + columns, to);
      }
      if (quantized) k_.quantize(from, columns, blocks + t * (columns / kBlock));
    }
    if (!alone) barrier();
    return {floats, blocks};
  }

  // This thread's panels of m: by pairs for a Q8_0 cache, whose blocks are two panels' rows.
  [[nodiscard]] Share panels_of(const Matrix& m) const {
    const std::size_t n = m.n_panels();
    if (s_.cache.type() != CacheType::kQ8_0) return share(n);
    const Share pairs = share((n + 1) / 2);
    return {std::min(2 * pairs.begin, n), std::min(2 * pairs.end, n)};
  }
  [[nodiscard]] Share rows_of(const Matrix& m) const {
    const Share panels = panels_of(m);
    return {std::min(panels.begin * kPanelRows, m.rows), std::min(panels.end * kPanelRows, m.rows)};
  }

  // This thread's rows of m times each of n tokens.
  void multiply(const Matrix& m, const Activations& in, std::size_t n, float* y,
                std::size_t y_stride) {
    const Share panels = panels_of(m);
    const void* x = is_quantized(m.type) ? static_cast<const void*>(in.blocks) : in.floats;
    k_.matmul(m.type)(
        {m.panels, panels.begin, panels.end, m.columns, n, x, y, y_stride, s_.prefetch.distance()});
  }

  // This thread's rows of m times each of n tokens, and where the largest of them is: looked for
  // piece by piece, while the piece is still in the nearest cache.
  void multiply_and_top(const Matrix& m, const Activations& in, std::size_t n, float* y,
                        ArgmaxResult* top) {
    constexpr std::size_t kPanelsAtOnce = 128;
    const void* x = is_quantized(m.type) ? static_cast<const void*>(in.blocks) : in.floats;
    const Share panels = share(m.n_panels());
    const std::size_t stride = round_up(m.rows, kPanelRows);
    std::fill_n(top, n, ArgmaxResult{npos, false});
    for (std::size_t p = panels.begin; p < panels.end; p += kPanelsAtOnce) {
      const std::size_t end = std::min(p + kPanelsAtOnce, panels.end);
      k_.matmul(m.type)({m.panels, p, end, m.columns, n, x, y, stride, s_.prefetch.distance()});
      const std::size_t first = p * kPanelRows;
      for (std::size_t t = 0; t < n; ++t) {
        const float* row = y + t * stride;
        ArgmaxResult piece = k_.argmax(row + first, std::min(end * kPanelRows, m.rows) - first);
        if (piece.index != npos) piece.index += first;
        top[t] = joined(row, top[t], piece);
      }
    }
  }

  // The same, then added to the residual stream of tokens first, first + 1, ...
  void multiply_and_add(const Matrix& m, const Activations& in, std::size_t first, std::size_t n) {
    const std::size_t stride = round_up(c_.embedding, kPanelRows);
    multiply(m, in, n, s_.scratch.projected, stride);
    const Share mine = rows_of(m);
    for (std::size_t t = 0; t < n; ++t) {
      k_.add(s_.scratch.projected + t * stride + mine.begin, mine.end - mine.begin,
             s_.scratch.x + (first + t) * c_.embedding + mine.begin);
    }
  }

  // Queries of the tokens from `first` on, keys and values of all. Rotated, and stored, by whoever
  // has the rows: pairs lie side by side within a panel.
  void project_and_store(std::size_t index, const Activations& in, std::size_t first) {
    const Layer& l = w_.layers[index];
    const Scratch& scratch = s_.scratch;
    const std::size_t n = ids_.size();
    const std::size_t q_stride = round_up(c_.q_dim(), kPanelRows);
    const std::size_t kv_stride = round_up(c_.kv_dim(), kPanelRows);
    if (first < n) {
      const Activations needed = {in.floats + first * c_.embedding,
                                  in.blocks + first * (c_.embedding / kBlock)};
      multiply(l.attn_q, needed, n - first, scratch.q + first * q_stride, q_stride);
      for (std::size_t t = first; t < n; ++t) rotate(l.attn_q, scratch.q + t * q_stride, t);
    }
    multiply(l.attn_k, in, n, scratch.k, kv_stride);
    multiply(l.attn_v, in, n, scratch.v, kv_stride);
    const Share mine = rows_of(l.attn_k);
    for (std::size_t t = 0; t < n; ++t) {
      const std::size_t at = t * kv_stride + mine.begin;
      rotate(l.attn_k, scratch.k + t * kv_stride, t);
      s_.cache.store_keys(index, s_.position + t, mine.begin, mine.end, scratch.k + at);
      s_.cache.store_values(index, s_.position + t, mine.begin, mine.end, scratch.v + at);
    }
  }

  // This thread's rows of a projection m, rotated by the position of token t.
  void rotate(const Matrix& m, float* x, std::size_t t) {
    const float* table = s_.scratch.rope + (s_.position + t) * c_.head_dim;
    const Share mine = rows_of(m);
    for (std::size_t row = mine.begin; row < mine.end;) {
      const std::size_t in_head = row % c_.head_dim;
      const std::size_t rows = std::min(mine.end - row, c_.head_dim - in_head);
      k_.rope(x + row, table + in_head, rows / 2);
      row += rows;
    }
  }

  // One key range of one KV head for `tokens` tokens from t on, into partial results.
  void attend(std::size_t index, std::size_t t, std::size_t tokens, std::size_t kv_head,
              std::size_t range, float* max, float* sum, float* out) {
    const std::size_t first_key = range * kKeyRange;
    AttentionArgs args{};
    args.q_stride = round_up(c_.q_dim(), kPanelRows);
    args.q = s_.scratch.q + t * args.q_stride + kv_head * c_.group() * c_.head_dim;
    args.q_blocks = own_.queries;
    args.tokens = tokens;
    args.heads = c_.group();
    args.head_dim = c_.head_dim;
    args.keys = s_.cache.keys(index, kv_head, first_key);
    args.values = s_.cache.values(index, kv_head, first_key);
    args.value_stride = s_.cache.value_stride();
    args.n_keys = std::min(kKeyRange, s_.position + t + 1 - first_key);
    args.scale = score_scale();
    args.scores = own_.scores;
    args.max = max;
    args.sum = sum;
    args.out = out;
    switch (s_.cache.type()) {
      case CacheType::kF16:
        return k_.attention_f16(args);
      case CacheType::kF32:
        return k_.attention_f32(args);
      case CacheType::kQ8_0:
        return k_.attention_q8_0(args);
    }
  }

  // The queries that attend() is about to take, if they have to be quantized.
  void quantize_queries(std::size_t t, std::size_t tokens, std::size_t kv_head) {
    if (s_.cache.type() != CacheType::kQ8_0) return;
    const std::size_t n = c_.group() * c_.head_dim;
    const float* q = s_.scratch.q + kv_head * n;
    for (std::size_t i = 0; i < tokens; ++i) {
      k_.quantize(q + (t + i) * round_up(c_.q_dim(), kPanelRows), n,
                  own_.queries + i * (n / kBlock));
    }
  }

  [[nodiscard]] float score_scale() const {
    return 1.0f / std::sqrt(static_cast<float>(c_.head_dim));
  }
  [[nodiscard]] std::size_t ranges_of(std::size_t t) const {
    return (s_.position + t) / kKeyRange + 1;
  }

  Activations attention(std::size_t index, std::size_t first, gguf::TensorType type) {
    const std::size_t rows = ids_.size() - first;
    float* y = s_.scratch.attention;
    if (rows == 1) {
      y = attention_of_one(index, first);
    } else {
      attention_of_many(index, first);
      barrier();
    }
    return input(y, rows, c_.q_dim(), nullptr, {type, type, type});
  }

  // A lone token: (KV head, range) pairs are dealt out, and every thread merges all heads for
  // itself.
  float* attention_of_one(std::size_t index, std::size_t t) {
    const Scratch& scratch = s_.scratch;
    const std::size_t ranges = ranges_of(t);
    const std::size_t vs = s_.cache.value_stride();
    const Share mine = share(c_.kv_heads * ranges);
    for (std::size_t i = mine.begin; i < mine.end; ++i) {
      if (i == mine.begin || i % ranges == 0) quantize_queries(t, 1, i / ranges);
      const std::size_t at = i % ranges * c_.heads + i / ranges * c_.group();
      attend(index, t, 1, i / ranges, i % ranges, scratch.max + at, scratch.sum + at,
             scratch.out + at * vs);
    }
    barrier();
    for (std::size_t h = 0; h < c_.heads; ++h) {
      k_.merge({scratch.max + h, scratch.sum + h, scratch.out + h * vs, ranges, c_.heads, vs,
                c_.head_dim, score_scale(), own_.merged + h * c_.head_dim});
    }
    return own_.merged;
  }

  // A batch: some tokens at a time, whose own keys begin in the same range, share the pass over the
  // keys and values of a KV head. Dealt out in turn, since later tokens see more keys.
  void attention_of_many(std::size_t index, std::size_t first) {
    std::size_t turn = 0;
    for (std::size_t t = first; t < ids_.size();) {
      const std::size_t left_in_range = kKeyRange - (s_.position + t) % kKeyRange;
      const std::size_t tokens = std::min({attention_tokens(c_), ids_.size() - t, left_in_range});
      for (std::size_t head = 0; head < c_.kv_heads; ++head) {
        if (turn++ % threads_ == me_) attention_of_tile(index, first, t, tokens, head);
      }
      t += tokens;
    }
  }

  void attention_of_tile(std::size_t index, std::size_t first, std::size_t t, std::size_t tokens,
                         std::size_t kv_head) {
    const std::size_t vs = s_.cache.value_stride();
    const std::size_t rows = tokens * c_.group();
    const std::size_t ranges = ranges_of(t);
    quantize_queries(t, tokens, kv_head);
    for (std::size_t r = 0; r < ranges; ++r) {
      attend(index, t, tokens, kv_head, r, own_.max + r * rows, own_.sum + r * rows,
             own_.out + r * rows * vs);
    }
    for (std::size_t row = 0; row < rows; ++row) {
      const std::size_t token = t - first + row / c_.group();
      const std::size_t head = kv_head * c_.group() + row % c_.group();
      k_.merge({own_.max + row, own_.sum + row, own_.out + row * vs, ranges, rows, vs, c_.head_dim,
                score_scale(), s_.scratch.attention + token * c_.q_dim() + head * c_.head_dim});
    }
  }

  SessionState& s_;
  const Config& c_;
  const Weights& w_;
  const Kernels& k_;
  std::span<const TokenId> ids_;
  std::size_t me_;
  std::size_t threads_;
  const OwnScratch& own_;
};

// The team, or its first member alone: the others are left asleep.
template <class Task>
void run_on(ThreadTeam& team, std::size_t threads, Task&& task) {
  if (threads == 1) {
    task(std::size_t{0});
  } else {
    team.run(task);
  }
}

}  // namespace

bool alone_is_sooner(std::size_t tokens, std::size_t bytes, std::size_t layers) {
  constexpr std::size_t kFewTokens = 16;  // as many as speculation runs at once
  constexpr std::size_t kBarriersOfALayer = 5;
  constexpr std::size_t kLeastBytes = 64 * 1024;  // between two barriers
  return tokens <= kFewTokens && bytes / (kBarriersOfALayer * layers + 1) < kLeastBytes;
}

std::size_t SessionState::threads_for(std::size_t tokens) const {
  if (!may_be_alone) return team->size();
  const std::size_t read = loaded->weights.memory.size() +
                           KvCache::bytes(loaded->config, position + tokens, cache.type());
  return alone_is_sooner(tokens, read, loaded->config.layers) ? 1 : team->size();
}

void SessionState::show_logits(std::size_t which) {
  assert(which < scratch.logit_rows);
  row = which;
  top = {npos, false};
  for (std::size_t thread = 0; thread < parts; ++thread) {
    top = joined(shown(), top, top_of[thread * scratch.logit_rows + row]);
  }
}

void SessionState::forward(std::span<const TokenId> ids, std::size_t wanted) {
  assert(!ids.empty() && ids.size() <= batch && position + ids.size() <= context);
  assert(wanted <= ids.size() && wanted <= scratch.logit_rows);
  const std::size_t first = ids.size() - wanted;
  const bool tuning = ids.size() == 1 && wanted == 1 && !prefetch.settled();
  const std::uint64_t begun = tuning ? now_ns() : 0;
  parts = threads_for(ids.size());
  run_on(*team, parts, [&](std::size_t thread) {
    Pass pass(*this, ids, thread);
    pass.layers(first);
    if (wanted > 0) pass.logits(first, wanted);
  });
  if (tuning) prefetch.record(static_cast<double>(now_ns() - begun));
  position += ids.size();
  if (wanted > 0) show_logits(0);
}

void SessionState::forward_each(std::span<const TokenId> ids, const OnLogits& each) {
  assert(!ids.empty() && ids.size() <= batch && position + ids.size() <= context);
  parts = threads_for(ids.size());
  run_on(*team, parts, [&](std::size_t thread) { Pass(*this, ids, thread).layers(0); });
  position += ids.size();
  for (std::size_t t = 0; t < ids.size(); ++t) {
    run_on(*team, parts, [&](std::size_t thread) { Pass(*this, ids, thread).logits(t, 1); });
    show_logits(0);
    each(std::span<const float>(shown(), loaded->config.vocab));
  }
}

}  // namespace prumo
