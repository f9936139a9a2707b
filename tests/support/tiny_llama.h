// Small Llamas with random weights in memory, whole or with one thing changed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/half.h"
#include "gguf/format.h"
#include "support/floats.h"
#include "support/gguf_builder.h"
#include "support/matrices.h"

namespace prumo::testing {

struct TinyShape {
  std::size_t embedding = 64;
  std::size_t layers = 2;
  std::size_t heads = 4;
  std::size_t kv_heads = 2;
  std::size_t head_dim = 16;
  std::size_t ffn = 96;
  std::size_t vocab = 300;  // three special tokens, 256 bytes, words; below 259 see add_vocabulary
  std::size_t context = 64;
  gguf::TensorType type = gguf::TensorType::kF32;
  gguf::TensorType output_type = gguf::TensorType::kF32;  // when not tied
  bool tied = true;
  std::uint64_t seed = 1;
};

/// Rows of a matrix in the file's layout, finite and of a size that keeps activations ordinary.
inline Bytes random_rows(gguf::TensorType type, std::size_t rows, std::size_t columns, Bits& bits) {
  const BlockFormat format = block_format(type);
  Bytes out(rows * columns / format.elements * format.bytes);
  for (std::size_t at = 0; at < out.size(); at += format.bytes) {
    const float w = bits.unit() * 0.25f;
    switch (type) {
      case gguf::TensorType::kF32:
        std::memcpy(&out[at], &w, sizeof w);
        break;
      case gguf::TensorType::kF16:
        store_u16(&out[at], float_to_half(w));
        break;
      case gguf::TensorType::kBF16:
        store_u16(&out[at], float_to_bf16(w));
        break;
      default:
        for (std::size_t i = 0; i < format.bytes; ++i)
          out[at + i] = static_cast<std::byte>(bits.next());
        // The greatest weight is about a quarter, and so is the greatest minimum.
        const float size = 0.25f * (0.5f + bits.unit() * 0.25f);
        const auto scaled = [size](double most) {
          return float_to_half(size / static_cast<float>(most));
        };
        store_u16(&out[at + format.scale_at], scaled(format.most));
        if (format.min_at != 0) store_u16(&out[at + format.min_at], scaled(-format.most_min));
    }
  }
  return out;
}

/// Tokens of these texts and types, all of one score, the second and third of them begin and end.
inline void add_vocabulary(GgufBuilder& file, const std::vector<std::string>& tokens,
                           const std::vector<std::int32_t>& types) {
  file.add("tokenizer.ggml.model", "llama").add_array<std::string>("tokenizer.ggml.tokens", tokens);
  file.add_array<float>("tokenizer.ggml.scores", std::vector<float>(tokens.size(), -1.0f));
  file.add_array<std::int32_t>("tokenizer.ggml.token_type", types);
  file.add("tokenizer.ggml.bos_token_id", 1u).add("tokenizer.ggml.eos_token_id", 2u);
}

/// n tokens, at least 259: the special ones, all bytes, and words.
inline void add_vocabulary(GgufBuilder& file, std::size_t n) {
  std::vector<std::string> tokens = {"<unk>", "<s>", "</s>"};
  std::vector<std::int32_t> types = {2, 3, 3};
  for (int i = 0; i < 256; ++i) {
    char text[8];
    std::snprintf(text, sizeof text, "<0x%02X>", i);
    tokens.emplace_back(text);
    types.push_back(6);
  }
  while (tokens.size() < n) {
    tokens.push_back("w" + std::to_string(tokens.size()));
    types.push_back(1);
  }
  add_vocabulary(file, tokens, types);
}

/// The file, as a builder, so that a test can change or drop any key or tensor. A model of fewer
/// than 259 tokens gets its vocabulary from the caller.
inline GgufBuilder tiny_llama(const TinyShape& s) {
  using gguf::TensorType;
  GgufBuilder file;
  Bits bits(s.seed);
  const auto u32 = [&](const char* key, std::size_t value) {
    file.add(std::string("llama.") + key, static_cast<std::uint32_t>(value));
  };
  file.add("general.architecture", "llama").add("general.name", "tiny");
  u32("context_length", s.context);
  u32("embedding_length", s.embedding);
  u32("block_count", s.layers);
  u32("feed_forward_length", s.ffn);
  u32("attention.head_count", s.heads);
  u32("attention.head_count_kv", s.kv_heads);
  u32("attention.key_length", s.head_dim);
  u32("attention.value_length", s.head_dim);
  u32("rope.dimension_count", s.head_dim);
  file.add("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  if (s.vocab >= 259) add_vocabulary(file, s.vocab);

  const auto matrix = [&](const std::string& name, TensorType type, std::size_t rows,
                          std::size_t columns) {
    file.add_tensor(name, static_cast<std::uint32_t>(type), {columns, rows},
                    random_rows(type, rows, columns, bits));
  };
  const auto norm = [&](const std::string& name) {
    std::vector<float> w(s.embedding);
    for (float& x : w) x = 1.0f + bits.unit() * 0.25f;
    file.add_f32(name, {s.embedding}, w);
  };
  matrix("token_embd.weight", s.type, s.vocab, s.embedding);
  for (std::size_t i = 0; i < s.layers; ++i) {
    const std::string blk = "blk." + std::to_string(i) + ".";
    norm(blk + "attn_norm.weight");
    matrix(blk + "attn_q.weight", s.type, s.heads * s.head_dim, s.embedding);
    matrix(blk + "attn_k.weight", s.type, s.kv_heads * s.head_dim, s.embedding);
    matrix(blk + "attn_v.weight", s.type, s.kv_heads * s.head_dim, s.embedding);
    matrix(blk + "attn_output.weight", s.type, s.embedding, s.heads * s.head_dim);
    norm(blk + "ffn_norm.weight");
    matrix(blk + "ffn_gate.weight", s.type, s.ffn, s.embedding);
    matrix(blk + "ffn_up.weight", s.type, s.ffn, s.embedding);
    matrix(blk + "ffn_down.weight", s.type, s.embedding, s.ffn);
  }
  norm("output_norm.weight");
  if (!s.tied) matrix("output.weight", s.output_type, s.vocab, s.embedding);
  return file;
}

/// The entry of that name; it must be there.
inline GgufTensor& tensor_of(GgufBuilder& file, std::string_view name) {
  for (GgufTensor& tensor : file.tensors) {
    if (tensor.name == name) return tensor;
  }
  std::abort();
}

inline void drop_key(GgufBuilder& file, std::string_view key) {
  std::erase_if(file.keys, [&](const GgufKey& entry) { return entry.key == key; });
}

}  // namespace prumo::testing
