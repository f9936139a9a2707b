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
  float* floats;           // [widest]
  QuantizedBlock* blocks;  // [widest / 32]
  float* merged;           // [q_dim] attention of a lone token
  float* scores;           // [rows][kKeyRange], rows being attention_tokens * group
  float* max;              // partial attention of one KV head: [ranges][rows]
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
  float* logits;           // [vocab, padded]
  float* max;              // partial attention of a lone token: [ranges][heads]
  float* sum;
  float* out;                   // [ranges][heads][value_stride]
  float* rope;                  // [context][head_dim / 2][2]
  std::vector<OwnScratch> own;  // one a thread
};

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
  ArgmaxResult top{npos, false};          // of the logits
  std::vector<ArgmaxResult> top_of = {};  // of each thread's rows of them

  static Result<std::unique_ptr<SessionState>> create(const Model& model,
                                                      const SessionOptions& options);

  /// Bytes of cache and scratch that create() would allocate.
  static std::size_t bytes(const Config& config, const SessionOptions& options,
                           std::size_t threads);

  /// Appends up to `batch` tokens, all of them valid and with room for them. Logits are made if
  /// asked for.
  void forward(std::span<const TokenId> ids, bool want_logits);

  /// The same, with the logits after each of the tokens handed to `each` in turn.
  void forward_each(std::span<const TokenId> ids, const OnLogits& each);

 private:
  void find_top();
};

}  // namespace prumo
