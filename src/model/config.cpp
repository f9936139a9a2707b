#include "model/config.h"

#include <cmath>
#include <cstdio>
#include <limits>
#include <string_view>

#include "model/rope_table.h"

namespace prumo {
namespace {

constexpr std::size_t kMaxLayers = 1024;
constexpr std::size_t kMaxHeads = 1024;
constexpr std::size_t kMaxHeadDim = 1024;
constexpr std::size_t kMaxEmbedding = std::size_t{1} << 17;
constexpr std::size_t kMaxFfn = std::size_t{1} << 20;
constexpr std::size_t kMaxContext = std::size_t{1} << 20;
constexpr std::size_t kMaxVocab = std::size_t{1} << 24;
constexpr double kMaxRopeBase = 1e30;
// Heads together over the embedding. Known models have up to 2; without a bound a small file could
// ask for a large cache.
constexpr std::size_t kMaxWidening = 128;

Error bad(const std::string& key, const std::string& message) {
  return {ErrorCode::kBadModel, key, message};
}

Error unsupported(const std::string& key, const std::string& message) {
  return {ErrorCode::kUnsupported, key, message};
}

// Reads keys one after the other and keeps the first error, so that the list below reads as a list.
class Keys {
 public:
  Keys(const gguf::File& file, std::string prefix) : file_(file), prefix_(std::move(prefix)) {}

  [[nodiscard]] bool has(const char* name) const { return file_.find(prefix_ + name) != nullptr; }

  std::size_t size(const char* name, std::size_t least, std::size_t most) {
    const auto value = file_.uint(prefix_ + name);
    if (!value) return fail(value.error());
    if (*value < least || *value > most) {
      return fail(bad(prefix_ + name, "This is " + std::to_string(*value) + "; it must be from " +
                                          std::to_string(least) + " to " + std::to_string(most) +
                                          "."));
    }
    return static_cast<std::size_t>(*value);
  }
  std::size_t size_or(const char* name, std::size_t otherwise, std::size_t least,
                      std::size_t most) {
    return has(name) ? size(name, least, most) : otherwise;
  }
  double positive(const char* name, double otherwise, bool required) {
    if (!has(name) && !required) return otherwise;
    const auto value = file_.real(prefix_ + name);
    if (!value) return static_cast<double>(fail(value.error()));
    if (!std::isfinite(*value) || *value <= 0) {
      return static_cast<double>(fail(bad(prefix_ + name, "This must be a positive number.")));
    }
    return *value;
  }
  // The same from least to most.
  double real(const char* name, double otherwise, bool required, double least, double most) {
    const double value = positive(name, otherwise, required);
    if (!failed_ && (value < least || value > most)) {
      char text[80];
      std::snprintf(text, sizeof text, "This is %g; it must be from %g to %g.", value, least, most);
      fail(bad(prefix_ + name, text));
      return least;
    }
    return value;
  }
  std::size_t fail(Error error) {
    if (!failed_) error_ = std::move(error);
    failed_ = true;
    return 1;
  }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] const Error& error() const { return error_; }
  [[nodiscard]] std::string name(const char* key) const { return prefix_ + key; }

 private:
  const gguf::File& file_;
  std::string prefix_;
  Error error_;
  bool failed_ = false;
};

// "linear" with a factor, its older spelling, or nothing.
double read_rope_scale(const gguf::File& file, Keys& keys) {
  double factor = keys.positive("rope.scale_linear", 1, false);
  if (!keys.has("rope.scaling.type")) {
    return 1.0 / (keys.has("rope.scaling.factor") ? keys.positive("rope.scaling.factor", 1, true)
                                                  : factor);
  }
  const auto type = file.string(keys.name("rope.scaling.type"));
  if (!type) {
    keys.fail(type.error());
  } else if (*type == "linear") {
    factor = keys.positive("rope.scaling.factor", 1, true);
  } else if (*type == "none") {
    factor = 1;
  } else {
    keys.fail(unsupported(keys.name("rope.scaling.type"),
                          "RoPE scaling '" + gguf::printable(*type) +
                              "' is not supported; Prumo scales by 'linear' or 'none'."));
  }
  return 1.0 / factor;
}

void check_relations(const Config& c, Keys& keys) {
  if (c.heads % c.kv_heads != 0) {
    keys.fail(bad(keys.name("attention.head_count_kv"),
                  std::to_string(c.kv_heads) + " key heads cannot be shared evenly by " +
                      std::to_string(c.heads) + " query heads."));
  }
  if (c.head_dim > kMaxHeadDim) {  // of the embedding's parts; what the key says was looked at
    keys.fail(bad(keys.name("attention.key_length"),
                  "Without this key the " + std::to_string(c.heads) + " heads have " +
                      std::to_string(c.head_dim) + " elements each; " +
                      std::to_string(kMaxHeadDim) + " are the most."));
  }
  if (c.q_dim() > kMaxWidening * c.embedding) {
    keys.fail(bad(keys.name("attention.key_length"),
                  std::to_string(c.heads) + " heads of " + std::to_string(c.head_dim) +
                      " elements are more than " + std::to_string(kMaxWidening) +
                      " times as wide as an embedding of " + std::to_string(c.embedding) + "."));
  }
  if (c.head_dim % 2 != 0) {
    keys.fail(bad(keys.name("attention.key_length"),
                  "A head has " + std::to_string(c.head_dim) + " elements; RoPE needs pairs."));
  }
  if (keys.size_or("rope.dimension_count", c.head_dim, 1, kMaxHeadDim) != c.head_dim) {
    keys.fail(unsupported(keys.name("rope.dimension_count"),
                          "RoPE over a part of a head is not supported."));
  }
  if (keys.size_or("attention.value_length", c.head_dim, 1, kMaxHeadDim) != c.head_dim) {
    keys.fail(unsupported(keys.name("attention.value_length"),
                          "Values of another length than keys are not supported."));
  }
  if (static_cast<double>(c.context_length) * c.rope_scale > kMaxRopeAngle) {
    const bool old_key = !keys.has("rope.scaling.factor");
    keys.fail(
        bad(keys.name(old_key ? "rope.scale_linear" : "rope.scaling.factor"),
            "This stretches positions too far for RoPE's angles; it must be about 1 or more."));
  }
  if (keys.size_or("expert_count", 0, 0, SIZE_MAX) != 0) {
    keys.fail(unsupported(keys.name("expert_count"), "Mixtures of experts are not supported."));
  }
}

}  // namespace

Result<Config> Config::from(const gguf::File& file) {
  Config c;
  const auto architecture = file.string("general.architecture");
  if (!architecture) return architecture.error();
  if (*architecture != "llama") {
    return unsupported("general.architecture", "Architecture '" + gguf::printable(*architecture) +
                                                   "' is not supported; Prumo runs 'llama'.");
  }
  c.architecture = *architecture;
  if (const auto name = file.string("general.name"); name) c.name = *name;

  Keys keys(file, c.architecture + ".");
  c.context_length = keys.size("context_length", 1, kMaxContext);
  c.embedding = keys.size("embedding_length", 1, kMaxEmbedding);
  c.layers = keys.size("block_count", 1, kMaxLayers);
  c.ffn = keys.size("feed_forward_length", 1, kMaxFfn);
  c.heads = keys.size("attention.head_count", 1, kMaxHeads);
  c.kv_heads = keys.size_or("attention.head_count_kv", c.heads, 1, kMaxHeads);
  if (!keys.has("attention.key_length") && c.embedding % c.heads != 0) {
    keys.fail(bad(keys.name("attention.head_count"), std::to_string(c.heads) +
                                                         " heads do not divide an embedding of " +
                                                         std::to_string(c.embedding) + "."));
  }
  c.head_dim = keys.size_or("attention.key_length", c.embedding / c.heads, 1, kMaxHeadDim);
  using Float = std::numeric_limits<float>;
  c.rms_eps = static_cast<float>(keys.real("attention.layer_norm_rms_epsilon", Float::min(), true,
                                           Float::min(), Float::max()));
  c.rope_base = keys.real("rope.freq_base", 10000, false, 1, kMaxRopeBase);
  c.rope_scale = read_rope_scale(file, keys);

  // The vocabulary is as large as its list of tokens; the key is only a second witness.
  const gguf::Value* tokens = file.find("tokenizer.ggml.tokens");
  if (tokens == nullptr || !tokens->is_array() || tokens->count() == 0 ||
      tokens->count() > kMaxVocab) {
    keys.fail(bad("tokenizer.ggml.tokens", "A model needs a list of 1 to 16777216 tokens."));
  } else {
    c.vocab = static_cast<std::size_t>(tokens->count());
    const std::size_t stated = keys.size_or("vocab_size", c.vocab, 1, kMaxVocab);
    if (!keys.failed() && stated != c.vocab) {
      keys.fail(bad(keys.name("vocab_size"), "This says " + std::to_string(stated) +
                                                 " and the list of tokens has " +
                                                 std::to_string(c.vocab) + "."));
    }
  }
  if (!keys.failed()) check_relations(c, keys);
  if (keys.failed()) return keys.error();
  return c;
}

}  // namespace prumo
