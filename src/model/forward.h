// The forward pass of a Llama: tokens in, keys and values kept, logits of the last token out.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "base/arena.h"
#include "base/memory.h"
#include "base/result.h"
#include "base/threads.h"
#include "model/kv_cache.h"
#include "model/loaded_model.h"
#include "model/prefetch_tuner.h"
#include "prumo.h"

namespace prumo {

/// What a matrix product reads: the same numbers as floats and, where some matrix wants them,
/// quantized.
struct Activations {
  const float* floats = nullptr;           // [tokens][columns]
  const QuantizedBlock* blocks = nullptr;  // [tokens][columns / 32]
};

/// Tokens that share a pass over keys and values: their query heads are about 24 rows, whose scores
/// the nearest cache holds.
inline std::size_t attention_tokens(const Config& config) {
  return config.group() < 24 ? 24 / config.group() : 1;
}

/// Scratch of one thread, for a lone token: making an input twice costs less than waiting for each
/// other.
struct OwnScratch {
  float* floats;            // [widest]
  QuantizedBlock* blocks;   // [widest / 32]
  QuantizedBlock* queries;  // [rows][head_dim / 32], for a Q8_0 cache
  float* merged;            // [q_dim] attention of a lone token
  float* scores;            // [rows][kKeyRange], rows being attention_tokens * group
  float* max;               // partial attention of one KV head: [ranges][rows]
  float* sum;
  float* out;  // [ranges][rows][value_stride]
};

/// Scratch of a batch; rows are tokens. A stride is a row's floats, padded to whole panels.
struct Scratch {
  float* x;                // [batch][embedding] the residual stream
  float* floats;           // [batch][widest]
  QuantizedBlock* blocks;  // [batch][widest / 32]
  float* q;                // [batch][q_stride]
  float* k;                // [batch][kv_stride]
  float* v;                // [batch][kv_stride]
  float* attention;        // [batch][q_dim]
  float* projected;        // [batch][embedding_stride]
  float* gate;             // [batch][ffn_stride]
  float* up;               // [batch][ffn_stride]
  float* logits;           // [logit_rows][vocab, padded]
  std::size_t logit_rows;  // tokens whose logits one pass may give
  float* max;              // partial attention of a lone token: [ranges][heads]
  float* sum;
  float* out;                   // [ranges][heads][value_stride]
  float* rope;                  // [context][head_dim / 2][2]
  std::vector<OwnScratch> own;  // one a thread
};

/// Whether a pass of `tokens` tokens that reads `bytes` of weights, keys and values in `layers`
/// layers is over sooner on one thread than on several: when it reads too little between two
/// barriers. A rule of counts, from measurements with two threads (src/README.md), so that it is
/// the same everywhere.
bool alone_is_sooner(std::size_t tokens, std::size_t bytes, std::size_t layers);

/// A session's state: cache, team and scratch.
struct SessionState {
  const LoadedModel* loaded;
  std::unique_ptr<ThreadTeam> team;
  KvCache cache;
  Arena arena;  // holds everything that Scratch points to
  Scratch scratch;
  std::size_t batch;
  std::size_t context;
  std::size_t position = 0;
  PrefetchTuner prefetch{usual_prefetch()};
  std::size_t row = 0;                    // of the logits that are shown
  ArgmaxResult top{npos, false};          // of those
  std::vector<ArgmaxResult> top_of = {};  // [threads][logit_rows], of each thread's part of them
  std::size_t parts = 1;                  // threads that the last pass had
  bool may_be_alone = false;              // nobody has asked for a number of threads

  static Result<std::unique_ptr<SessionState>> create(const Model& model,
                                                      const SessionOptions& options);

  /// Bytes of cache and scratch that create() would allocate.
  static std::size_t bytes(const Config& config, const SessionOptions& options,
                           std::size_t threads);

  /// Threads that a pass of `tokens` tokens from here has: one or all. It changes nothing but the
  /// time.
  [[nodiscard]] std::size_t threads_for(std::size_t tokens) const;

  /// Appends up to `batch` tokens, all of them valid and with room for them, and makes the logits
  /// after the last `wanted` of them, which is at most scratch.logit_rows. Shows those after the
  /// first of these.
  void forward(std::span<const TokenId> ids, std::size_t wanted);

  /// The same, with the logits after each of the tokens handed to `each` in turn.
  void forward_each(std::span<const TokenId> ids, const OnLogits& each);

  /// Makes the logits of a row of the last pass those that shown() and `top` are of.
  void show_logits(std::size_t which);
  [[nodiscard]] const float* shown() const {
    return scratch.logits + row * round_up(loaded->config.vocab, kPanelRows);
  }
};

}  // namespace prumo
