// A model's tensors as the forward pass wants them: matrices in panels, norms as floats.
#pragma once

#include <cstddef>
#include <vector>

#include "base/memory.h"
#include "base/result.h"
#include "base/threads.h"
#include "gguf/reader.h"
#include "kernels/kernels.h"
#include "model/config.h"

namespace prumo {

/// A matrix of `rows` rows in packed panels (kernels/pack.h), inside the memory of Weights.
struct Matrix {
  gguf::TensorType type{};
  std::size_t rows = 0;
  std::size_t columns = 0;
  const std::byte* panels = nullptr;

  [[nodiscard]] std::size_t n_panels() const { return round_up(rows, kPanelRows) / kPanelRows; }
};

/// One layer of a Llama, by the names that its file uses. Norms have `embedding` floats.
struct Layer {
  const float* attn_norm = nullptr;
  Matrix attn_q;       // [q_dim][embedding]
  Matrix attn_k;       // [kv_dim][embedding]
  Matrix attn_v;       // [kv_dim][embedding]
  Matrix attn_output;  // [embedding][q_dim]
  const float* ffn_norm = nullptr;
  Matrix ffn_gate;  // [ffn][embedding]
  Matrix ffn_up;    // [ffn][embedding]
  Matrix ffn_down;  // [embedding][ffn]
};

/// Move-only; the matrices point into its own memory, the embeddings into the file, which must
/// outlive it.
struct Weights {
  std::vector<Layer> layers;
  const float* output_norm = nullptr;
  Matrix
      output;  // [vocab][embedding]; made of the embeddings when the file has no output of its own

  gguf::TensorType embedding_type{};
  const std::byte* embeddings = nullptr;  // row-major in the file: [vocab][embedding]
  std::vector<float> rope_divisors;       // head_dim / 2, or empty

  Block memory;                // panels and norms
  bool tied = false;           // output made of the embeddings
  std::size_t file_bytes = 0;  // of all tensors

  /// Checks every name, shape and type, then packs with the whole team. Errors are kBadModel or
  /// kUnsupported with the tensor as their place, or kOutOfMemory. `packed`, if given, is called
  /// with each part of a matrix whose bytes in the file are needed no more for packing, by several
  /// threads at once; the parts together are all matrices.
  static Result<Weights> load(const gguf::File& file, const Config& config, ThreadTeam& team,
                              void (*packed)(void*, std::span<const std::byte>) = nullptr,
                              void* context = nullptr);
};

/// Bytes that Weights::load will allocate, without loading: for `info` and for errors before the
/// work.
Result<std::size_t> weights_bytes(const gguf::File& file, const Config& config);

}  // namespace prumo
