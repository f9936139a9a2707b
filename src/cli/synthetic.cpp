// Writes models of any shape straight in the layout of the file: random bits are the quants, so
// nothing is quantized and a billion weights take seconds.
#include "cli/synthetic.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>
#include <utility>

#include "base/half.h"
#include "base/memory.h"
#include "gguf/writer.h"

namespace prumo {
namespace {

using gguf::TensorType;

constexpr std::size_t kSpecials = 3;  // <unk>, <s>, </s>
constexpr std::size_t kBytes = 256;

Error wrong(const std::string& message) {
  return {ErrorCode::kBadArgument, "shape", message};
}

// ---- The text of a shape

struct Field {
  const char* name;
  char end;  // what follows it
  std::size_t SyntheticShape::*value;
  std::size_t least;
  std::size_t most;  // as the model's config has them
};

constexpr std::array<Field, 6> kFields = {{
    {"embedding", 'x', &SyntheticShape::embedding, 1, std::size_t{1} << 17},
    {"layer count", ':', &SyntheticShape::layers, 1, 1024},
    {"head count", ':', &SyntheticShape::heads, 1, 1024},
    {"KV head count", ':', &SyntheticShape::kv_heads, 1, 1024},
    {"ffn size", ':', &SyntheticShape::ffn, 1, std::size_t{1} << 20},
    {"vocabulary", ':', &SyntheticShape::vocab, kSpecials + kBytes, std::size_t{1} << 24},
}};

constexpr std::array kTypes = {
    TensorType::kF32,  TensorType::kF16,  TensorType::kBF16, TensorType::kQ8_0, TensorType::kQ4_0,
    TensorType::kQ4_1, TensorType::kQ5_0, TensorType::kQ5_1, TensorType::kQ2_K, TensorType::kQ3_K,
    TensorType::kQ4_K, TensorType::kQ5_K, TensorType::kQ6_K};

std::optional<Error> check_relations(const SyntheticShape& shape) {
  const auto number = [](std::size_t n) { return std::to_string(n); };
  if (shape.heads == 0 || shape.embedding % shape.heads != 0 ||
      shape.embedding / shape.heads % 2 != 0 || shape.embedding / shape.heads > 1024) {
    return wrong("An embedding of " + number(shape.embedding) + " cannot be cut into " +
                 number(shape.heads) + " heads of one even size of at most 1024.");
  }
  if (shape.kv_heads == 0 || shape.heads % shape.kv_heads != 0) {
    return wrong(number(shape.kv_heads) + " KV heads cannot be shared evenly by " +
                 number(shape.heads) + " heads.");
  }
  if (shape.mixture != Mixture::kNone) {
    for (const auto& [role, columns] :
         {std::pair(Role::kAttnQ, shape.embedding), std::pair(Role::kFfnDown, shape.ffn)}) {
      if (mixed_type(shape.mixture, role, 0, shape.layers, columns)) continue;
      return wrong("Rows of " + number(columns) +
                   " take the type IQ4_NL in this mixture, with which Prumo does not compute; "
                   "choose a multiple of 256, or a mixture of Q4_K or Q5_K.");
    }
    return std::nullopt;
  }
  const gguf::TypeTraits& traits = gguf::type_traits(shape.type);
  if (shape.embedding % traits.elements != 0 || shape.ffn % traits.elements != 0) {
    return wrong("Embedding and ffn size must be multiples of " + number(traits.elements) +
                 " for type " + std::string(traits.name) + ".");
  }
  return std::nullopt;
}

// ---- Weights

// Random bits by counter (the output function of SplitMix64: G. Steele, D. Lea, C. Flood, "Fast
// Splittable Pseudorandom Number Generators", OOPSLA 2014), so that a part of a tensor can be made
// by itself.
std::uint64_t bits_at(std::uint64_t key, std::uint64_t counter) {
  std::uint64_t z = key + (counter + 1) * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

// Eight scales around the one that gives a row a norm of 1: different, so that a scale in the wrong
// place is seen, with a mean square of 0.96 of it.
std::array<std::uint16_t, 8> scales_around(double scale) {
  std::array<std::uint16_t, 8> out{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = float_to_half(static_cast<float>(scale * (static_cast<double>(i) + 4) / 8));
  }
  return out;
}

// What random bytes of a block stand for, in units of its f16 scale: their root mean square, and
// how many scales its f16 minimum has to be for a mean of zero. Small numbers of six bits are on
// average 31.5 and their squares 1333.5; of four bits 7.5 and 77.5.
struct Randomness {
  std::size_t scale_at;
  std::size_t min_at;  // or scale_at
  double rms;
  double minimum;
};

Randomness randomness_of(TensorType type) {
  using enum gguf::TensorType;
  switch (type) {
    case kQ8_0:
      return {0, 0, std::sqrt(5461.5), 0};  // -128 .. 127
    case kQ4_0:
      return {0, 0, std::sqrt(21.5), 0};  // -8 .. 7
    case kQ5_0:
      return {0, 0, std::sqrt(85.5), 0};  // -16 .. 15
    case kQ4_1:
      return {0, 2, std::sqrt(21.25), -7.5};
    case kQ5_1:
      return {0, 2, std::sqrt(85.25), -15.5};
    case kQ2_K:
      return {80, 82, std::sqrt(77.5 * (3.5 + 2.25) - 4.5 * 56.25), 1.5};
    case kQ3_K:
      return {108, 108, std::sqrt(341.5 * 5.5), 0};  // -32 .. 31, -4 .. 3
    case kQ4_K:
      return {0, 2, std::sqrt(1333.5 * (77.5 + 56.25) - 2 * 56.25 * 992.25), 7.5};
    case kQ5_K:
      return {0, 2, std::sqrt(1333.5 * (325.5 + 240.25) - 2 * 240.25 * 992.25), 15.5};
    case kQ6_K:
      return {208, 208, std::sqrt(341.5 * 21), 0};  // -32 .. 31, times 1, 3, 5, 7
    default:
      return {0, 0, 1, 0};
  }
}

// Whole blocks of a quantized type: every byte random, then the scales put where the type has them.
void fill_quantized(TensorType type, std::size_t columns, std::uint64_t key, std::uint64_t offset,
                    std::span<std::byte> out) {
  const std::size_t bytes = gguf::type_traits(type).bytes;
  const Randomness random = randomness_of(type);
  const double unit = 1 / (std::sqrt(static_cast<double>(columns)) * random.rms);
  const auto scales = scales_around(unit);
  const auto minima = scales_around(unit * random.minimum);
  const std::size_t words = (bytes + 7) / 8;
  std::array<std::uint64_t, 27> block{};  // 210 bytes of Q6_K
  for (std::size_t at = 0; at < out.size(); at += bytes) {
    const std::uint64_t first = (offset + at) / bytes * (words + 1);
    for (std::size_t i = 0; i < words; ++i) block[i] = bits_at(key, first + i);
    std::byte* const p = out.data() + at;
    std::memcpy(p, block.data(), bytes);
    const std::size_t choice = bits_at(key, first + words) % scales.size();
    std::memcpy(p + random.min_at, &minima[choice], sizeof minima[choice]);
    std::memcpy(p + random.scale_at, &scales[choice], sizeof scales[choice]);
    if (type == TensorType::kQ6_K) {
      for (std::size_t i = 192; i < 208; ++i) p[i] = (p[i] & std::byte{7}) | std::byte{1};
    }
  }
}

// Uniform in +-sqrt(3 / columns), whose root mean square is 1 / sqrt(columns).
void fill_floats(TensorType type, std::size_t columns, std::uint64_t key, std::uint64_t offset,
                 std::span<std::byte> out) {
  const std::size_t bytes = gguf::type_traits(type).bytes;
  const float unit = static_cast<float>(std::sqrt(3 / static_cast<double>(columns)) / 0x1p31);
  for (std::size_t at = 0; at < out.size(); at += bytes) {
    const std::uint64_t i = (offset + at) / bytes;
    const auto draw = static_cast<std::uint32_t>(bits_at(key, i / 2) >> (i % 2 * 32));
    const float value = static_cast<float>(std::bit_cast<std::int32_t>(draw)) * unit;
    if (type == TensorType::kF32) {
      std::memcpy(out.data() + at, &value, sizeof value);
    } else {
      const std::uint16_t half =
          type == TensorType::kF16 ? float_to_half(value) : float_to_bf16(value);
      std::memcpy(out.data() + at, &half, sizeof half);
    }
  }
}

// ---- The file

// "a" .. "z", "aa" .. : every word's beginning is a word, so a tokenizer can reach all of them.
std::string made_up_word(std::size_t i) {
  std::string out;
  for (std::size_t n = i + 1; n != 0; n = (n - 1) / 26) {
    out.insert(out.begin(), static_cast<char>('a' + (n - 1) % 26));
  }
  return out;
}

void add_vocabulary(gguf::Writer& writer, std::size_t vocab) {
  constexpr std::int32_t kNormal = 1;
  constexpr std::int32_t kUnknown = 2;
  constexpr std::int32_t kControl = 3;
  constexpr std::int32_t kByte = 6;
  std::vector<std::string> tokens = {"<unk>", "<s>", "</s>"};
  std::vector<std::int32_t> types = {kUnknown, kControl, kControl};
  tokens.reserve(vocab);
  for (unsigned byte = 0; byte < kBytes; ++byte) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    tokens.push_back(std::string("<0x") + kDigits[byte / 16] + kDigits[byte % 16] + '>');
  }
  types.resize(tokens.size(), kByte);
  for (std::size_t i = 0; tokens.size() < vocab; ++i) {
    const std::string space = i % 2 == 0 ? "\u2581" : "";
    tokens.push_back(i == 0 ? space : space + made_up_word((i - 1) / 2));
  }
  types.resize(vocab, kNormal);
  std::vector<float> scores(vocab, 0);
  for (std::size_t i = kSpecials + kBytes; i < vocab; ++i) scores[i] = -static_cast<float>(i);
  writer.add("tokenizer.ggml.model", std::string_view("llama"));
  writer.add_array("tokenizer.ggml.tokens", tokens);
  writer.add_array("tokenizer.ggml.scores", scores);
  writer.add_array("tokenizer.ggml.token_type", types);
  writer.add("tokenizer.ggml.unknown_token_id", std::uint32_t{0});
  writer.add("tokenizer.ggml.bos_token_id", std::uint32_t{1});
  writer.add("tokenizer.ggml.eos_token_id", std::uint32_t{2});
}

void add_keys(gguf::Writer& writer, const SyntheticShape& shape) {
  const auto u32 = [](std::size_t n) { return static_cast<std::uint32_t>(n); };
  writer.add("general.architecture", std::string_view("llama"));
  writer.add("general.name", std::string_view("synthetic"));
  writer.add("llama.context_length", u32(shape.context));
  writer.add("llama.embedding_length", u32(shape.embedding));
  writer.add("llama.block_count", u32(shape.layers));
  writer.add("llama.feed_forward_length", u32(shape.ffn));
  writer.add("llama.attention.head_count", u32(shape.heads));
  writer.add("llama.attention.head_count_kv", u32(shape.kv_heads));
  writer.add("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  writer.add("llama.rope.freq_base", 10000.0f);
}

class Tensors {
 public:
  Tensors(gguf::Writer& writer, const SyntheticShape& shape, std::uint64_t seed)
      : writer_(writer), shape_(shape), seed_(seed), ones_(shape.embedding, 1.0f) {}

  void norm(const std::string& name) {
    writer_.add_tensor(name, static_cast<std::uint32_t>(TensorType::kF32), {ones_.size()},
                       std::as_bytes(std::span(ones_)));
  }
  void matrix(const std::string& name, Role role, std::size_t rows, std::size_t columns,
              std::size_t layer = 0) {
    const std::uint64_t key = bits_at(seed_, ++made_);
    TensorType chosen = shape_.type;
    if (shape_.mixture != Mixture::kNone) {
      // The shape was checked for types that there are not.
      chosen = mixed_type(shape_.mixture, role, layer, shape_.layers, columns).value_or(chosen);
    }
    writer_.add_tensor(
        name, static_cast<std::uint32_t>(chosen), {columns, rows},
        [type = chosen, columns, key](std::uint64_t offset, std::span<std::byte> out) {
          const bool quantized = gguf::type_traits(type).elements > 1;
          (quantized ? fill_quantized : fill_floats)(type, columns, key, offset, out);
        });
  }

 private:
  gguf::Writer& writer_;
  const SyntheticShape& shape_;
  std::uint64_t seed_;
  std::vector<float> ones_;
  std::uint64_t made_ = 0;
};

void add_tensors(Tensors& tensors, const SyntheticShape& shape) {
  const std::size_t e = shape.embedding;
  const std::size_t kv = e / shape.heads * shape.kv_heads;
  tensors.matrix("token_embd.weight", shape.tied ? Role::kOutput : Role::kEmbeddings, shape.vocab,
                 e);
  for (std::size_t i = 0; i < shape.layers; ++i) {
    const std::string prefix = "blk." + std::to_string(i) + ".";
    tensors.norm(prefix + "attn_norm.weight");
    tensors.matrix(prefix + "attn_q.weight", Role::kAttnQ, e, e, i);
    tensors.matrix(prefix + "attn_k.weight", Role::kAttnK, kv, e, i);
    tensors.matrix(prefix + "attn_v.weight", Role::kAttnV, kv, e, i);
    tensors.matrix(prefix + "attn_output.weight", Role::kAttnOutput, e, e, i);
    tensors.norm(prefix + "ffn_norm.weight");
    tensors.matrix(prefix + "ffn_gate.weight", Role::kFfnGate, shape.ffn, e, i);
    tensors.matrix(prefix + "ffn_up.weight", Role::kFfnUp, shape.ffn, e, i);
    tensors.matrix(prefix + "ffn_down.weight", Role::kFfnDown, e, shape.ffn, i);
  }
  tensors.norm("output_norm.weight");
  if (!shape.tied) tensors.matrix("output.weight", Role::kOutput, shape.vocab, e);
}

}  // namespace

Result<SyntheticShape> parse_shape(std::string_view text) {
  SyntheticShape shape;
  std::string_view rest = text;
  for (const Field& field : kFields) {
    std::size_t value = 0;
    const auto [end, fault] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (fault != std::errc{} || value < field.least || value > field.most) {
      return wrong(std::string("The ") + field.name + " must be a whole number from " +
                   std::to_string(field.least) + " to " + std::to_string(field.most) +
                   " in EMBEDDINGxLAYERS:HEADS:KV:FFN:VOCABULARY:TYPE.");
    }
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    if (rest.empty() || rest.front() != field.end) {
      return wrong(std::string("A '") + field.end + "' must follow the " + field.name +
                   " in EMBEDDINGxLAYERS:HEADS:KV:FFN:VOCABULARY:TYPE.");
    }
    rest.remove_prefix(1);
    shape.*field.value = value;
  }
  constexpr std::string_view kTied = ":tied";
  shape.tied = rest.ends_with(kTied);
  if (shape.tied) rest.remove_suffix(kTied.size());
  const auto mixture = mixture_named(rest);
  bool known = mixture.has_value();
  if (mixture) {
    shape.mixture = *mixture;
    shape.type = main_type(*mixture);
  }
  for (const TensorType type : kTypes) {
    if (gguf::type_traits(type).name != rest) continue;
    shape.type = type;
    known = true;
  }
  if (!known) {
    return wrong(
        "The type must be one of F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, "
        "Q5_K and Q6_K, or a mixture of them (Q3_K_S, Q3_K_M, Q3_K_L, Q4_K_S, Q4_K_M, Q5_K_S, "
        "Q5_K_M), with ':tied' behind it for a model without an output matrix.");
  }
  if (auto error = check_relations(shape)) return *error;
  return shape;
}

Result<std::vector<std::byte>> synthetic_model(const SyntheticShape& shape, std::uint64_t seed) {
  gguf::Writer writer;
  add_keys(writer, shape);
  add_vocabulary(writer, shape.vocab);
  Tensors tensors(writer, shape, seed);
  add_tensors(tensors, shape);
  const auto size = writer.size();
  if (!size) return size.error();
  if (*size > available_memory()) {
    return Error{ErrorCode::kOutOfMemory, "synthetic model",
                 "It takes " + human_bytes(*size) + " and " + human_bytes(available_memory()) +
                     " are free; choose a smaller shape."};
  }
  return writer.to_bytes();
}

}  // namespace prumo
