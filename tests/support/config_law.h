// The law of a Config: keys, each right or wrong in some way, are judged as the rules written down
// here judge them, and a refusal names one of the keys that break them. Whatever is accepted has
// the numbers that the keys say, and memory that can be counted without overflow.
//
// Input: for each key u8 how (below 160: as it should be) and what that takes; then for
// the vocabulary, u8 how and u8 number of tokens.
#pragma once

#include <cmath>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "model/config.h"
#include "model/forward.h"
#include "support/gguf_builder.h"
#include "support/input.h"

namespace prumo::testing {

/// A key's value as the rules see it.
struct Said {
  bool there = false;
  std::optional<std::uint64_t> natural = {};  ///< an integer of 0 or more
  std::optional<double> real = {};            ///< a number
  std::optional<std::string> text = {};
};

inline constexpr std::uint64_t kExtremes[] = {0,
                                              1,
                                              2,
                                              3,
                                              1023,
                                              1024,
                                              1025,
                                              (1u << 17),
                                              (1u << 17) + 1,
                                              (1u << 20),
                                              (1u << 20) + 1,
                                              (1u << 24) + 1,
                                              0x7FFFFFFFu,
                                              0xFFFFFFFFu,
                                              std::uint64_t{1} << 32,
                                              std::uint64_t{1} << 63,
                                              ~std::uint64_t{0}};
inline constexpr double kReals[] = {0.0, -0.0,     1e-5, 5e-324,  1e-300, 1e-40,   0.5,
                                    1.0, 1.5,      4.0,  1e30,    1.1e30, 1e39,    1e308,
                                    -1,  HUGE_VAL, NAN,  0x1p-10, 1e4,    0x1p-126};
inline constexpr const char* kTexts[] = {"llama", "linear", "none",    "yarn",
                                         "",      "qwen2",  "\x1B[2J", "Llama"};

class ConfigKeys {
 public:
  explicit ConfigKeys(Input& in) : in_(in) {}

  /// Writes a key that should be this number.
  Said number(const std::string& key, std::uint64_t usual) {
    const auto how = in_.take<std::uint8_t>();
    if (how < 160) return natural(key, how % 4, usual);
    if (how < 176) return {};  // absent
    if (how < 208) return extreme(key);
    if (how < 224) return natural(key, 0, in_.take<std::uint8_t>());
    if (how < 240) return real(key, kReals[in_.take<std::uint8_t>() % std::size(kReals)]);
    return other(key, how);
  }
  /// One that should be this real number, if it is there at all.
  Said real(const std::string& key, double usual, bool optional) {
    const auto how = in_.take<std::uint8_t>();
    if (how < 160) return optional && how < 80 ? Said{} : real(key, usual);
    if (how < 176) return {};
    if (how < 216) return real(key, kReals[in_.take<std::uint8_t>() % std::size(kReals)]);
    if (how < 224) return real(key, in_.take<double>());
    if (how < 240) return extreme(key);
    return other(key, how);
  }
  Said text(const std::string& key, const char* usual) {
    const auto how = in_.take<std::uint8_t>();
    if (how < 200) return usual == nullptr ? Said{} : write(key, usual);
    if (how < 208) return {};
    if (how < 240) return write(key, kTexts[in_.take<std::uint8_t>() % std::size(kTexts)]);
    return natural(key, 0, how);
  }
  GgufBuilder file;

 private:
  /// A type, then a number: two statements, so that every compiler reads them in this order.
  Said extreme(const std::string& key) {
    const unsigned type = in_.take<std::uint8_t>() % 8;
    return natural(key, type, kExtremes[in_.take<std::uint8_t>() % std::size(kExtremes)]);
  }

  template <class T>
  Said integer(const std::string& key, std::uint64_t value) {
    const auto cut = static_cast<T>(value);
    file.add(key, cut);
    Said said{true, {}, static_cast<double>(cut), {}};
    if (cut >= 0) said.natural = static_cast<std::uint64_t>(cut);
    return said;
  }
  Said natural(const std::string& key, unsigned type, std::uint64_t value) {
    switch (type) {
      case 1:
        return integer<std::uint64_t>(key, value);
      case 2:
        return integer<std::int32_t>(key, value);
      case 3:
        return integer<std::int64_t>(key, value);
      case 4:
        return integer<std::uint8_t>(key, value);
      case 5:
        return integer<std::int8_t>(key, value);
      case 6:
        return integer<std::uint16_t>(key, value);
      case 7:
        return integer<std::int16_t>(key, value);
      default:
        return integer<std::uint32_t>(key, value);
    }
  }
  Said real(const std::string& key, double value) {
    if (in_.take<std::uint8_t>() % 2 == 0) {
      file.add(key, value);
      return {true, {}, value, {}};
    }
    const auto largest = static_cast<double>(std::numeric_limits<float>::max());
    const bool fits = !(std::fabs(value) > largest) || std::isinf(value);
    const float cut = fits ? static_cast<float>(value) : 1.0f;
    file.add(key, cut);
    return {true, {}, static_cast<double>(cut), {}};
  }
  Said write(const std::string& key, const char* value) {
    file.add(key, std::string_view(value));
    return {true, {}, {}, value};
  }
  Said other(const std::string& key, unsigned how) {
    if (how % 4 == 0) file.add(key, true);
    if (how % 4 == 1) file.add_array(key, std::vector<std::uint32_t>{1});
    if (how % 4 == 2) file.add_array(key, std::vector<std::uint32_t>{});
    if (how % 4 == 3) return write(key, "1");
    return {true, {}, {}, {}};
  }

  Input& in_;
};

/// The rules. A key that is wrong is kept by its name.
class ConfigRules {
 public:
  std::set<std::string> broken;

  /// The number if it is a good one, else `otherwise`, with the key noted as broken.
  std::uint64_t size(const std::string& key, const Said& said, std::uint64_t most,
                     std::optional<std::uint64_t> otherwise) {
    if (!said.there && otherwise) return *otherwise;
    if (said.there && said.natural && *said.natural >= 1 && *said.natural <= most) {
      return *said.natural;
    }
    broken.insert(key);
    return otherwise.value_or(1);
  }
  double real(const std::string& key, const Said& said, std::optional<double> otherwise,
              double least, double most) {
    if (!said.there && otherwise) return *otherwise;
    if (said.there && said.real && *said.real >= least && *said.real <= most) return *said.real;
    broken.insert(key);
    return otherwise.value_or(least);
  }
};

/// Writes the keys that the input asks for, and notes what they say and which are wrong.
class ConfigCase {
 public:
  explicit ConfigCase(Input& in) : keys(in) {
    sizes();
    numbers();
    vocabulary(in);
  }
  ConfigKeys keys;
  ConfigRules rules;
  Config c;  ///< what the keys say

 private:
  std::size_t size(const std::string& name, std::uint64_t usual, std::uint64_t most,
                   std::optional<std::uint64_t> otherwise = {}) {
    return static_cast<std::size_t>(
        rules.size(p_ + name, keys.number(p_ + name, usual), most, otherwise));
  }

  void sizes() {
    constexpr std::uint64_t kHeads = 1024;
    const Said architecture = keys.text("general.architecture", "llama");
    keys.text("general.name", nullptr);
    if (architecture.text != "llama") rules.broken.insert("general.architecture");
    c.context_length = size("context_length", 32, 1u << 20);
    c.embedding = size("embedding_length", 64, 1u << 17);
    c.layers = size("block_count", 2, 1024);
    c.ffn = size("feed_forward_length", 96, 1u << 20);
    c.heads = size("attention.head_count", 4, kHeads);
    c.kv_heads = size("attention.head_count_kv", 2, kHeads, c.heads);
    const Said length = keys.number(p_ + "attention.key_length", 16);
    if (!length.there && c.embedding % c.heads != 0) {
      rules.broken.insert(p_ + "attention.head_count");
    }
    const std::uint64_t implied = c.embedding / c.heads;
    c.head_dim =
        static_cast<std::size_t>(rules.size(p_ + "attention.key_length", length, 1024, implied));
    for (const char* name : {"rope.dimension_count", "attention.value_length"}) {
      if (size(name, 16, 1024, c.head_dim) != c.head_dim) rules.broken.insert(p_ + name);
    }
    const Said experts = keys.number(p_ + "expert_count", 0);
    if (experts.there && experts.natural != 0u) rules.broken.insert(p_ + "expert_count");
  }

  void numbers() {
    constexpr double kLeast = std::numeric_limits<double>::denorm_min();
    constexpr double kMost = std::numeric_limits<double>::max();
    constexpr double kLeastFloat = static_cast<double>(std::numeric_limits<float>::min());
    constexpr double kMostFloat = static_cast<double>(std::numeric_limits<float>::max());
    const std::string eps = p_ + "attention.layer_norm_rms_epsilon";
    c.rms_eps = static_cast<float>(
        rules.real(eps, keys.real(eps, 1e-5, false), {}, kLeastFloat, kMostFloat));
    const std::string base = p_ + "rope.freq_base";
    c.rope_base = rules.real(base, keys.real(base, 10000, true), 10000, 1, 1e30);
    const double factor = rope_factor(kLeast, kMost);
    c.rope_scale = 1 / factor;
    if (static_cast<double>(c.context_length) * c.rope_scale > 1048576) rules.broken.insert(which_);
    if (c.heads % c.kv_heads != 0) rules.broken.insert(p_ + "attention.head_count_kv");
    if (c.head_dim % 2 != 0 || c.head_dim > 1024 || c.heads * c.head_dim > 128 * c.embedding) {
      rules.broken.insert(p_ + "attention.key_length");
    }
  }

  double rope_factor(double least, double most) {
    // The scale: of the type that is said, else of whichever key there is.
    const std::string old_key = p_ + "rope.scale_linear", new_key = p_ + "rope.scaling.factor";
    const std::string type_key = p_ + "rope.scaling.type";
    const Said old_scale = keys.real(old_key, 1, true);
    const Said new_scale = keys.real(new_key, 2, true);
    const Said type = keys.text(type_key, nullptr);
    double factor = rules.real(old_key, old_scale, 1, least, most);
    which_ = old_key;
    if (type.there && type.text == "none") {
      factor = 1;
    } else if (type.there && type.text == "linear") {
      factor = rules.real(new_key, new_scale, {}, least, most);
    } else if (type.there) {
      rules.broken.insert(type_key);
    } else if (new_scale.there) {
      factor = rules.real(new_key, new_scale, {}, least, most);
    }
    if (new_scale.there) which_ = new_key;
    return factor;
  }

  void vocabulary(Input& in) {
    const auto how = in.take<std::uint8_t>();
    c.vocab = in.take<std::uint8_t>() % 8u;
    const std::string tokens = "tokenizer.ggml.tokens";
    if (how < 240) keys.file.add_array(tokens, std::vector<std::string>(c.vocab, "a"));
    if (how >= 248) keys.file.add(tokens, "a");
    if (how >= 240 || c.vocab == 0) rules.broken.insert(tokens);
    if (size("vocab_size", c.vocab, 1u << 24, c.vocab) != c.vocab) {
      rules.broken.insert(p_ + "vocab_size");
    }
  }

  const std::string p_ = "llama.";
  std::string which_;  // the key that the scale of positions is of
};

/// What `info` counts, in 128 bits: it must fit 64.
inline std::string sizes_fault(const Config& c) {
  __extension__ using Wide = unsigned __int128;
  const auto rounded = [](std::size_t n) { return static_cast<Wide>((n + 15) / 16 * 16); };
  const Wide cache = static_cast<Wide>(c.layers) * c.kv_heads * rounded(c.context_length) *
                     (c.head_dim + rounded(c.head_dim)) * 2;
  if (KvCache::bytes(c, c.context_length, CacheType::kF16) != cache) return "bytes of the cache";
  if (SessionState::bytes(c, {}, 256) <= cache) return "bytes of a session";
  return "";
}

inline std::string refusal_fault(const Error& error, const std::set<std::string>& broken,
                                 const std::string& wrong) {
  if (!broken.contains(error.place)) return error.place + " is not among" + wrong;
  if (error.message.empty() || error.message.find('\n') != std::string::npos) {
    return error.place + " is refused with no sentence: " + error.message;
  }
  if (error.code != ErrorCode::kBadModel && error.code != ErrorCode::kUnsupported) {
    return error.place + " is refused with another code";
  }
  return "";
}

/// The law: "" or what is wrong.
inline std::string config_law(std::span<const std::byte> input) {
  Input in(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  const ConfigCase wanted(in);
  const Bytes bytes = wanted.keys.file.build();
  const auto copy = exact_copy<std::byte>(bytes.data(), bytes.size());
  const auto file = gguf::File::parse({copy.get(), bytes.size()});
  if (!file) return "no file: " + file.error().message;
  const auto got = Config::from(*file);
  const Config& c = wanted.c;
  std::string wrong;
  for (const std::string& key : wanted.rules.broken) wrong += " " + key;
  if (!got) return refusal_fault(got.error(), wanted.rules.broken, wrong);
  if (!wanted.rules.broken.empty()) return "accepted in spite of" + wrong;
  if (got->context_length != c.context_length || got->embedding != c.embedding ||
      got->layers != c.layers || got->ffn != c.ffn || got->heads != c.heads ||
      got->kv_heads != c.kv_heads || got->head_dim != c.head_dim || got->vocab != c.vocab) {
    return "sizes";
  }
  if (got->rms_eps != c.rms_eps || got->rope_base != c.rope_base ||
      got->rope_scale != c.rope_scale) {
    return "numbers";
  }
  return sizes_fault(*got);
}

}  // namespace prumo::testing
