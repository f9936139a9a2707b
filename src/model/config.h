// What a model is: the numbers of its architecture, read from the keys of its file and checked.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"
#include "gguf/reader.h"

namespace prumo {

/// A Llama. Every size is at least 1 and small enough that products of any three fit in 64 bits.
struct Config {
  std::string architecture;
  std::string name;  ///< for people; may be empty
  std::size_t context_length = 0;
  std::size_t embedding = 0;
  std::size_t layers = 0;
  std::size_t heads = 0;
  std::size_t kv_heads = 0;  ///< divides heads
  std::size_t head_dim = 0;  ///< even
  std::size_t ffn = 0;
  std::size_t vocab = 0;
  float rms_eps = 0;
  double rope_base = 10000;
  double rope_scale = 1;  ///< what positions are multiplied by: 1 / the linear scaling factor

  [[nodiscard]] std::size_t q_dim() const { return heads * head_dim; }
  [[nodiscard]] std::size_t kv_dim() const { return kv_heads * head_dim; }
  [[nodiscard]] std::size_t group() const { return heads / kv_heads; }

  /// kUnsupported names what Prumo does not run; kBadModel names the key that is absent or
  /// senseless.
  static Result<Config> from(const gguf::File& file);
};

}  // namespace prumo
