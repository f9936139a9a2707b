// Models of any shape with random weights, for timing and for tests: nothing to download.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/mixture.h"
#include "gguf/format.h"

namespace prumo {

/// A Llama's shape and how its matrices are stored.
struct SyntheticShape {
  std::size_t embedding = 0;
  std::size_t layers = 0;
  std::size_t heads = 0;
  std::size_t kv_heads = 0;
  std::size_t ffn = 0;
  std::size_t vocab = 0;
  gguf::TensorType type{};  ///< of every matrix, unless they are mixed
  Mixture mixture = Mixture::kNone;
  bool tied = false;  ///< no output matrix of its own
  std::size_t context = 8192;
};

/// "576x30:9:3:1536:49152:Q8_0" (embedding x layers : heads : KV heads : ffn : vocabulary : type),
/// with ":tied" behind it for a model without an output matrix. The type may be a mixture, such as
/// Q4_K_M. kBadArgument says which part is
/// wrong and what may stand there.
Result<SyntheticShape> parse_shape(std::string_view text);

/// A GGUF file of that shape. Weights depend on the seed alone: random quants, and scales small
/// enough that activations stay near 1. The vocabulary is SPM: <unk>, <s>, </s>, 256 byte tokens
/// and made-up words, so at least 259. kOutOfMemory when the machine has not that much.
Result<std::vector<std::byte>> synthetic_model(const SyntheticShape& shape, std::uint64_t seed = 1);

}  // namespace prumo
