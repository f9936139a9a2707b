// The rules that a Llama's file must keep, written down once more over the slow parser of
// gguf_oracle.h: which keys or tensors break them, and the numbers that the file says. It shares no
// code with the loader but the text of a name.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/value.h"
#include "support/gguf_oracle.h"

namespace prumo::testing {

class ModelOracle {
 public:
  /// Of a file that the parser accepts.
  ModelOracle(const GgufOracle& parsed, std::span<const std::byte> file)
      : parsed_(parsed), file_(file) {
    numbers();
    if (broken_.empty()) vocabulary();
    if (broken_.empty()) tensors();
  }
  /// The rules of a vocabulary alone, of a file that need not be a model.
  static ModelOracle of_vocabulary(const GgufOracle& parsed, std::span<const std::byte> file) {
    ModelOracle out(parsed, file, Part{});
    out.count_tokens();
    out.vocabulary();
    return out;
  }

  std::uint64_t context = 0, embedding = 0, layers = 0, ffn = 0, heads = 0, kv_heads = 0;
  std::uint64_t head_dim = 0, vocab = 0;
  double eps = 0, base = 0, scale = 1;
  Wide elements = 0;  ///< of all tensors

  [[nodiscard]] bool good() const { return broken_.empty() && !tensors_broken_; }
  /// The first key that breaks a rule, in the order of vocabularies; "" when none does. The keys of
  /// sizes have no order.
  [[nodiscard]] const std::string& first() const { return first_; }
  /// Whether a refusal may name this place: keys come before the vocabulary, and both before
  /// tensors.
  [[nodiscard]] bool breaks(const std::string& place) const {
    if (!broken_.empty()) return broken_.contains(place);
    bool there = false;
    for (const OracleTensor& t : parsed_.tensors) {
      if (gguf::printable(t.name) != place) continue;
      if (wrong(t)) return true;
      there = true;
    }
    return !there && tensors_broken_ && wanted(place).has_value() && place != "output.weight";
  }
  [[nodiscard]] std::string list() const {
    std::string out = tensors_broken_ ? " a tensor" : "";
    for (const std::string& each : broken_) out += " " + each;
    return out;
  }

 private:
  using U64 = std::uint64_t;
  struct Part {};
  ModelOracle(const GgufOracle& parsed, std::span<const std::byte> file, Part)
      : parsed_(parsed), file_(file) {}

  [[nodiscard]] const OracleItem* find(const std::string& key) const {
    for (const auto& [name, item] : parsed_.keys) {
      if (name == key) return &item;
    }
    return nullptr;
  }
  template <class T>
  [[nodiscard]] T load(Wide at) const {
    T out;
    std::memcpy(&out, file_.data() + static_cast<std::size_t>(at), sizeof out);
    return out;
  }
  [[nodiscard]] std::string text_at(Wide at) const {
    const auto* from = reinterpret_cast<const char*>(file_.data() + static_cast<std::size_t>(at));
    return {from + 8, static_cast<std::size_t>(load<U64>(at))};
  }
  static bool is_array_of(const OracleItem& item, std::uint32_t element) {
    return item.type == 9 && item.element == element;
  }

  /// An integer of 0 or more.
  [[nodiscard]] std::optional<U64> natural(const OracleItem& item) const {
    const auto from = [](auto value) -> std::optional<U64> {
      if (value < 0) return {};
      return static_cast<U64>(value);
    };
    switch (item.type) {
      case 0:
        return load<std::uint8_t>(item.begin);
      case 1:
        return from(load<std::int8_t>(item.begin));
      case 2:
        return load<std::uint16_t>(item.begin);
      case 3:
        return from(load<std::int16_t>(item.begin));
      case 4:
        return load<std::uint32_t>(item.begin);
      case 5:
        return from(load<std::int32_t>(item.begin));
      case 10:
        return load<U64>(item.begin);
      case 11:
        return from(load<std::int64_t>(item.begin));
      default:
        return {};
    }
  }
  /// A positive number; every other is 0.
  [[nodiscard]] double positive(const OracleItem& item) const {
    double value = 0;
    if (item.type == 6) value = static_cast<double>(load<float>(item.begin));
    if (item.type == 12) value = load<double>(item.begin);
    if (const auto whole = natural(item)) value = static_cast<double>(*whole);
    return value > 0 && value < HUGE_VAL ? value : 0;
  }

  U64 size(const std::string& name, U64 most, std::optional<U64> otherwise = {}) {
    const OracleItem* item = find("llama." + name);
    if (item == nullptr && otherwise) return *otherwise;
    const auto value = item == nullptr ? std::nullopt : natural(*item);
    if (value && *value >= 1 && *value <= most) return *value;
    broken_.insert("llama." + name);
    return otherwise.value_or(1);
  }
  double real(const std::string& name, std::optional<double> otherwise, double least, double most) {
    const OracleItem* item = find("llama." + name);
    if (item == nullptr && otherwise) return *otherwise;
    const double value = item == nullptr ? 0 : positive(*item);
    if (value > 0 && value >= least && value <= most) return value;
    broken_.insert("llama." + name);
    return otherwise.value_or(least);
  }
  void require(bool holds, const std::string& key) {
    if (holds) return;
    if (first_.empty()) first_ = key;
    broken_.insert(key);
  }

  void numbers() {
    const OracleItem* architecture = find("general.architecture");
    require(architecture != nullptr && architecture->type == 8 &&
                text_at(architecture->begin) == "llama",
            "general.architecture");
    context = size("context_length", U64{1} << 20);
    embedding = size("embedding_length", U64{1} << 17);
    layers = size("block_count", 1024);
    ffn = size("feed_forward_length", U64{1} << 20);
    heads = size("attention.head_count", 1024);
    kv_heads = size("attention.head_count_kv", 1024, heads);
    const bool said = find("llama.attention.key_length") != nullptr;
    require(said || embedding % heads == 0, "llama.attention.head_count");
    head_dim = size("attention.key_length", 1024, embedding / heads);
    require(size("attention.value_length", 1024, head_dim) == head_dim,
            "llama.attention.value_length");
    require(size("rope.dimension_count", 1024, head_dim) == head_dim, "llama.rope.dimension_count");
    require(head_dim % 2 == 0 && head_dim >= 1 && head_dim <= 1024, "llama.attention.key_length");
    require(Wide{heads} * head_dim <= Wide{128} * embedding, "llama.attention.key_length");
    require(heads % kv_heads == 0, "llama.attention.head_count_kv");
    const OracleItem* experts = find("llama.expert_count");
    require(experts == nullptr || natural(*experts) == U64{0}, "llama.expert_count");
    using Float = std::numeric_limits<float>;
    eps = real("attention.layer_norm_rms_epsilon", {}, static_cast<double>(Float::min()),
               static_cast<double>(Float::max()));
    base = real("rope.freq_base", 10000, 1, 1e30);
    rope_scale();
    require(count_tokens(), "tokenizer.ggml.tokens");
    require(size("vocab_size", U64{1} << 24, vocab) == vocab, "llama.vocab_size");
  }

  /// Whether there are any.
  bool count_tokens() {
    const OracleItem* tokens = find("tokenizer.ggml.tokens");
    const bool listed = tokens != nullptr && tokens->type == 9 && tokens->count >= 1;
    vocab = listed ? static_cast<U64>(tokens->count) : 1;
    return listed;
  }

  void rope_scale() {
    constexpr double kMost = std::numeric_limits<double>::max();
    double factor = real("rope.scale_linear", 1, 0, kMost);
    const OracleItem* type = find("llama.rope.scaling.type");
    const bool newer = find("llama.rope.scaling.factor") != nullptr;
    const std::string which = type == nullptr ? "" : type->type == 8 ? text_at(type->begin) : "?";
    if (which == "none") factor = 1;
    if (which == "linear" || (type == nullptr && newer)) {
      factor = real("rope.scaling.factor", {}, 0, kMost);
    }
    require(type == nullptr || which == "none" || which == "linear", "llama.rope.scaling.type");
    scale = 1 / factor;
    require(static_cast<double>(context) * scale <= 0x1p20,
            newer ? "llama.rope.scaling.factor" : "llama.rope.scale_linear");
  }

  static bool is_byte(const std::string& text) {
    const auto hex = [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    };
    return text.size() == 6 && text.starts_with("<0x") && hex(text[3]) && hex(text[4]) &&
           text[5] == '>';
  }

  void vocabulary() {
    const std::string t = "tokenizer.ggml.";
    const OracleItem* model = find(t + "model");
    require(model != nullptr && model->type == 8 && text_at(model->begin) == "llama", t + "model");
    const OracleItem* tokens = find(t + "tokens");
    const bool texts = tokens != nullptr && is_array_of(*tokens, 8) && tokens->count >= 1;
    require(texts, t + "tokens");
    if (!texts) return;
    std::vector<bool> bytes;
    const OracleItem* types = find(t + "token_type");
    const bool typed = types != nullptr && is_array_of(*types, 5) && types->count == vocab;
    require(types == nullptr || typed, t + "token_type");
    for (U64 i = 0; i < vocab; ++i) {
      const bool looks = is_byte(text_at(tokens->strings[static_cast<std::size_t>(i)]));
      const std::int32_t type = typed ? load<std::int32_t>(types->begin + 4 * i) : looks ? 6 : 1;
      require(type >= 0 && type <= 6, t + "token_type");
      require(type != 6 || looks, t + "tokens");
      bytes.push_back(type == 6);
    }
    for (const char* name :
         {"bos_token_id", "eos_token_id", "unknown_token_id", "eot_token_id", "eom_token_id"}) {
      const OracleItem* item = find(t + name);
      const auto id = item == nullptr ? std::nullopt : natural(*item);
      require(item == nullptr || (id && *id < vocab && !bytes[static_cast<std::size_t>(*id)]),
              t + name);
    }
    boolean(t + "add_bos_token");
    const OracleItem* scores = find(t + "scores");
    bool numbers = scores != nullptr && is_array_of(*scores, 6) && scores->count == vocab;
    for (U64 i = 0; numbers && i < vocab; ++i) {
      numbers = !std::isnan(load<float>(scores->begin + 4 * i));
    }
    require(numbers, t + "scores");
    boolean(t + "add_space_prefix");
  }
  void boolean(const std::string& key) {
    const OracleItem* item = find(key);
    require(item == nullptr || item->type == 7, key);
  }

  struct Shape {
    std::vector<Wide> dims;
    bool norm;
  };
  /// The shape of a tensor of that name, if the model has one.
  [[nodiscard]] std::optional<Shape> wanted(std::string_view name) const {
    const Wide e = embedding, q = heads * head_dim, kv = kv_heads * head_dim;
    if (name == "token_embd.weight" || name == "output.weight") return Shape{{e, vocab}, false};
    if (name == "output_norm.weight") return Shape{{e}, true};
    if (!name.starts_with("blk.")) return {};
    name.remove_prefix(4);
    U64 layer = 0;
    std::size_t digits = 0;
    for (; digits < name.size() && digits < 5 && name[digits] >= '0' && name[digits] <= '9';
         ++digits) {
      layer = 10 * layer + static_cast<U64>(name[digits] - '0');
    }
    if (digits == 0 || (digits > 1 && name[0] == '0') || layer >= layers) return {};
    name.remove_prefix(digits);
    if (name == ".attn_norm.weight" || name == ".ffn_norm.weight") return Shape{{e}, true};
    if (name == ".attn_q.weight") return Shape{{e, q}, false};
    if (name == ".attn_k.weight" || name == ".attn_v.weight") return Shape{{e, kv}, false};
    if (name == ".attn_output.weight") return Shape{{q, e}, false};
    if (name == ".ffn_gate.weight" || name == ".ffn_up.weight") return Shape{{e, ffn}, false};
    if (name == ".ffn_down.weight") return Shape{{ffn, e}, false};
    return {};
  }

  /// A shape without the ones at its end, which say nothing.
  static std::vector<Wide> trimmed(std::vector<Wide> dims) {
    while (!dims.empty() && dims.back() == 1) dims.pop_back();
    return dims;
  }
  [[nodiscard]] bool wrong(const OracleTensor& t) const {
    if (t.name == "rope_freqs.weight") return wrong_divisors(t);
    const auto shape = wanted(t.name);
    static const std::set<std::uint32_t> kFloats = {0, 1, 30};
    static const std::set<std::uint32_t> kComputable = {0, 1,  30, 8,  2,  3, 6,
                                                        7, 10, 11, 12, 13, 14};
    return !shape || trimmed(shape->dims) != trimmed(t.dims) ||
           !(shape->norm ? kFloats : kComputable).contains(t.type);
  }
  [[nodiscard]] bool wrong_divisors(const OracleTensor& t) const {
    if (t.type != 0 || trimmed(t.dims) != trimmed({head_dim / 2})) return true;
    for (Wide i = 0; i < head_dim / 2; ++i) {
      const float divisor = load<float>(parsed_.data_start + t.offset + 4 * i);
      if (!(divisor > 0) || divisor > 1e30f) return true;
      if (static_cast<double>(context) * scale / static_cast<double>(divisor) > 0x1p20) return true;
    }
    return false;
  }

  void tensors() {
    Wide needed = 0;
    for (const OracleTensor& t : parsed_.tensors) {
      tensors_broken_ = tensors_broken_ || wrong(t);
      needed += t.name != "rope_freqs.weight" && t.name != "output.weight" ? 1 : 0;
      Wide n = 1;
      for (const Wide dim : t.dims) n *= dim;
      elements += n;
    }
    // Names are all different, so that as many good ones as there must be are all of them.
    tensors_broken_ = tensors_broken_ || needed != 2 + Wide{9} * layers;
  }

  const GgufOracle& parsed_;
  std::span<const std::byte> file_;
  std::set<std::string> broken_;
  std::string first_;
  bool tensors_broken_ = false;
};

}  // namespace prumo::testing
