// Small files of models, one for each thing that a loader meets: good ones of every weight type,
// and ones that a rule of the model refuses although their format is right, with the place that is
// to be named. Tests run through them, and they seed the fuzzer.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "support/tiny_llama.h"

namespace prumo::testing {

struct ModelCase {
  std::string name;   ///< what it is, as a test name
  std::string place;  ///< of the Error; empty for a file that loads
  Bytes file;
  bool finite = true;  ///< whether a model that loads gives numbers
};

class ModelCases {
 public:
  static std::vector<ModelCase> all() {
    ModelCases m;
    m.types();
    m.mixtures();
    m.variants();
    m.numbers();
    m.relations();
    m.tokens();
    m.specials();
    m.tensors();
    m.rope_divisors();
    return std::move(m.cases_);
  }

  /// A model of 12 tokens and about 4 KB that the cases below vary: two heads of 4 elements over
  /// one key head, an embedding and a feed-forward network of 8, every matrix F32.
  static TinyShape shape() {
    return {.embedding = 8,
            .layers = 1,
            .heads = 2,
            .kv_heads = 1,
            .head_dim = 4,
            .ffn = 8,
            .vocab = 12,
            .context = 20};
  }
  static GgufBuilder small(const TinyShape& s = shape()) {
    GgufBuilder file = tiny_llama(s);
    add_vocabulary(file,
                   {"<unk>", "<s>", "</s>", "<0x41>", "\xE2\x96\x81", "a", "b", "ab",
                    "\xE2\x96\x81"
                    "a",
                    "ba", "aab", "<|x|>"},
                   {2, 3, 3, 6, 1, 1, 1, 1, 1, 1, 1, 4});
    return file;
  }

 private:
  using Edit = std::function<void(GgufBuilder&)>;
  using Type = gguf::TensorType;
  static constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

  void good(const std::string& name, const GgufBuilder& file, bool finite = true) {
    cases_.push_back({"Good" + name, "", file.build(), finite});
  }
  void bad(const std::string& name, const std::string& place, const Edit& change) {
    GgufBuilder file = small();
    change(file);
    cases_.push_back({name, place, file.build()});
  }
  /// The small file with this key, or none of that name, in place of its own.
  template <class T>
  void key(const std::string& name, const std::string& key, T value, std::string place = "") {
    bad(name, place.empty() ? key : place, [&](GgufBuilder& f) { set(f, key, value); });
  }
  void without(const std::string& name, const std::string& key) {
    bad(name, key, [&](GgufBuilder& f) { drop_key(f, key); });
  }
  template <class T>
  static void set(GgufBuilder& file, const std::string& key, T value) {
    drop_key(file, key);
    file.add(key, value);
  }
  template <class T>
  static void set_array(GgufBuilder& file, const std::string& key, const std::vector<T>& items) {
    drop_key(file, key);
    file.add_array<T>(key, items);
  }

  /// Every matrix whose rows are whole blocks of the type is stored in it.
  static void retype(GgufBuilder& file, Type type) {
    Bits bits(static_cast<std::uint64_t>(type));
    for (GgufTensor& t : file.tensors) {
      if (t.dims.size() != 2 || t.dims[0] % block_format(type).elements != 0) continue;
      t.type = static_cast<std::uint32_t>(type);
      t.data = random_rows(type, t.dims[1], t.dims[0], bits);
    }
  }
  static const std::vector<std::pair<Type, const char*>>& kinds() {
    static const std::vector<std::pair<Type, const char*>> kKinds = {
        {Type::kF32, "F32"},   {Type::kF16, "F16"},   {Type::kBF16, "BF16"}, {Type::kQ8_0, "Q8_0"},
        {Type::kQ4_0, "Q4_0"}, {Type::kQ4_1, "Q4_1"}, {Type::kQ5_0, "Q5_0"}, {Type::kQ5_1, "Q5_1"},
        {Type::kQ2_K, "Q2_K"}, {Type::kQ3_K, "Q3_K"}, {Type::kQ4_K, "Q4_K"}, {Type::kQ5_K, "Q5_K"},
        {Type::kQ6_K, "Q6_K"}};
    return kKinds;
  }
  /// A small model of one type, as far as rows are whole blocks of it.
  static GgufBuilder of_type(Type type, bool tied) {
    TinyShape s = shape();
    s.tied = tied;
    const std::size_t block = block_format(type).elements;
    if (block == 32) s.embedding = s.ffn = 32, s.head_dim = 16;
    if (block == 256) s.embedding = 256, s.head_dim = 2, s.ffn = 2, s.heads = 1;
    if (block != 1) s.type = s.output_type = Type::kF16;
    GgufBuilder file = small(s);
    retype(file, type);
    return file;
  }

  void types() {
    bool tied = false;
    for (const auto& [type, name] : kinds()) {
      tied = !tied;
      good(std::string(name) + (tied ? "Tied" : "Untied"), of_type(type, tied));
    }
    good("F32Untied", of_type(Type::kF32, false));
    good("Q8_0Tied", of_type(Type::kQ8_0, true));
    good("Q6_KUntied", of_type(Type::kQ6_K, false));
  }

  void mixtures() {
    // What quantized files of models mix: rows of 256 in one type, those of 32 in another.
    TinyShape s = shape();
    s.ffn = 256;
    s.type = Type::kF16;
    for (const auto& [type, name] : {std::pair(Type::kQ6_K, "Q6_K"), {Type::kQ3_K, "Q3_K"}}) {
      GgufBuilder file = small(s);
      retype(file, type);
      good(std::string("FfnDown") + name + "RestF16", file);
    }
    GgufBuilder file = of_type(Type::kQ4_K, true);
    Bits bits(7);
    GgufTensor& v = tensor_of(file, "blk.0.attn_v.weight");
    v.type = static_cast<std::uint32_t>(Type::kQ6_K);
    v.data = random_rows(Type::kQ6_K, v.dims[1], v.dims[0], bits);
    good("Q4_KWithQ6_KValues", file);
    GgufBuilder output = of_type(Type::kQ4_0, false);
    GgufTensor& o = tensor_of(output, "output.weight");
    o.type = static_cast<std::uint32_t>(Type::kBF16);
    o.data = random_rows(Type::kBF16, o.dims[1], o.dims[0], bits);
    good("Q4_0WithBF16Output", output);
  }

  void variants() {
    const auto vary = [this](const char* name, const Edit& change, bool finite = true) {
      GgufBuilder file = small();
      change(file);
      good(name, file, finite);
    };
    TinyShape s = shape();
    s.layers = 2;
    good("TwoLayers", small(s));
    s = shape();
    s.heads = 4;
    good("FourHeadsOfOneKeyHead", small(s));
    s = shape();
    s.context = 1;
    good("ContextOfOneToken", small(s));
    vary("Version2", [](auto& f) { f.version = 2; });
    vary("Alignment64", [](auto& f) { f.align(64); });
    vary("WithoutTokenTypes", [](auto& f) { drop_key(f, "tokenizer.ggml.token_type"); });
    vary("WithoutSpecialTokens", [](auto& f) {
      drop_key(f, "tokenizer.ggml.bos_token_id");
      drop_key(f, "tokenizer.ggml.eos_token_id");
    });
    vary("LinearRopeScaling", [](auto& f) {
      f.add("llama.rope.scaling.type", "linear").add("llama.rope.scaling.factor", 4.0f);
    });
    vary("RopeDivisors", [](auto& f) { f.add_f32("rope_freqs.weight", {2}, {1.0f, 8.0f}); });
    vary("HeadSizeByTheEmbedding", [](auto& f) {
      drop_key(f, "llama.attention.key_length");
      drop_key(f, "llama.attention.value_length");
    });
    vary("EqualLogits", [](auto& f) {
      Bytes& rows = tensor_of(f, "token_embd.weight").data;
      rows.assign(rows.size(), std::byte{0});
    });
    vary("NormsInF16", [](auto& f) {
      GgufTensor& norm = tensor_of(f, "output_norm.weight");
      norm.type = 1;
      norm.data.assign(16, std::byte{0x3C});
    });
    vary(
        "NanNorm",
        [](auto& f) {
          std::memcpy(tensor_of(f, "output_norm.weight").data.data(), &kNan, sizeof kNan);
        },
        false);
    for (const auto type : {Type::kQ8_0, Type::kQ4_K}) {
      GgufBuilder file = of_type(type, true);
      GgufTensor& t = tensor_of(file, "token_embd.weight");
      for (std::size_t at = 0; at < t.data.size(); at += block_format(type).bytes) {
        store_u16(&t.data[at + block_format(type).scale_at], 0x7E00);
      }
      good(std::string("NanBlockScales") + (type == Type::kQ8_0 ? "Q8_0" : "Q4_K"), file, false);
    }
    vary(
        "InfiniteWeight",
        [](auto& f) {
          const float infinity = std::numeric_limits<float>::infinity();
          std::memcpy(tensor_of(f, "blk.0.ffn_up.weight").data.data(), &infinity, sizeof infinity);
        },
        false);
  }

  void numbers() {
    const std::string l = "llama.";
    key("ArchitectureOther", "general.architecture", "qwen2");
    without("ArchitectureMissing", "general.architecture");
    key("Heads0", l + "attention.head_count", 0u);
    key("HeadsNegative", l + "attention.head_count", -2);
    key("HeadsFloat", l + "attention.head_count", 2.0f);
    key("HeadsHuge", l + "attention.head_count", ~std::uint64_t{0});
    key("KeyHeads0", l + "attention.head_count_kv", 0u);
    key("Layers0", l + "block_count", 0u);
    key("LayersHuge", l + "block_count", 0xFFFFFFFFu);
    key("LayersOneMore", l + "block_count", 2u, "blk.1.attn_norm.weight");
    key("LayersMost", l + "block_count", 1024u, "blk.1.attn_norm.weight");
    without("LayersMissing", l + "block_count");
    key("Context0", l + "context_length", 0u);
    key("ContextHuge", l + "context_length", 1u << 21);
    key("Embedding0", l + "embedding_length", 0u);
    key("EmbeddingOther", l + "embedding_length", 16u, "token_embd.weight");
    key("FfnOther", l + "feed_forward_length", 16u, "blk.0.ffn_gate.weight");
    key("FfnHuge", l + "feed_forward_length", 1u << 31);
    key("EpsilonNan", l + "attention.layer_norm_rms_epsilon", kNan);
    key("Epsilon0", l + "attention.layer_norm_rms_epsilon", 0.0f);
    without("EpsilonMissing", l + "attention.layer_norm_rms_epsilon");
    key("RopeBaseNegative", l + "rope.freq_base", -1.0f);
    key("RopeScaleTiny", l + "rope.scale_linear", 1e-30f);
    key("RopeScalingYarn", l + "rope.scaling.type", "yarn");
    key("Experts", l + "expert_count", 8u);
    key("VocabSizeOther", l + "vocab_size", 13u);
  }

  void relations() {
    bad("HeadsDoNotDivideTheEmbedding", "llama.attention.head_count", [](auto& f) {
      set(f, "llama.attention.head_count", 3u);
      drop_key(f, "llama.attention.key_length");
    });
    key("KeyHeadsMoreThanHeads", "llama.attention.head_count_kv", 3u);
    TinyShape uneven = shape();
    uneven.heads = 3;
    uneven.kv_heads = 2;
    cases_.push_back(
        {"KeyHeadsDoNotDivideHeads", "llama.attention.head_count_kv", small(uneven).build()});
    TinyShape odd = shape();
    odd.head_dim = 3;
    cases_.push_back({"HeadsOfOddSize", "llama.attention.key_length", small(odd).build()});
    key("RopeOverPartOfAHead", "llama.rope.dimension_count", 2u);
    key("HeadsTooWide", "llama.attention.key_length", 1024u);
    key("ValuesOfAnotherSize", "llama.attention.value_length", 2u);
    key("KeyHeadsOtherThanTheTensors", "llama.attention.head_count_kv", 2u, "blk.0.attn_k.weight");
  }

  void tokens() {
    const std::string t = "tokenizer.ggml.";
    without("TokenizerMissing", t + "model");
    key("TokenizerOther", t + "model", "gpt2");
    without("TokensMissing", t + "tokens");
    const auto array = [&](const char* name, const std::string& key, const auto& items,
                           const std::string& place) {
      bad(name, place, [&](GgufBuilder& f) { set_array(f, key, items); });
    };
    using Floats = std::vector<float>;
    using Ints = std::vector<std::int32_t>;
    array("TokensEmpty", t + "tokens", std::vector<std::string>(), t + "tokens");
    array("TokensAreNumbers", t + "tokens", Ints(12), t + "tokens");
    without("ScoresMissing", t + "scores");
    array("ScoresOneShort", t + "scores", Floats(11), t + "scores");
    array("ScoresEmpty", t + "scores", Floats(), t + "scores");
    array("ScoresOneLong", t + "scores", Floats(13), t + "scores");
    array("ScoresNan", t + "scores", Floats(12, kNan), t + "scores");
    array("ScoresAreIntegers", t + "scores", Ints(12), t + "scores");
    array("TypesOneShort", t + "token_type", Ints(11, 1), t + "token_type");
    array("TypesEmpty", t + "token_type", Ints(), t + "token_type");
    array("TypesOneLong", t + "token_type", Ints(13, 1), t + "token_type");
    array("TypesNegative", t + "token_type", Ints(12, -1), t + "token_type");
    array("TypesAboveSix", t + "token_type", Ints(12, 7), t + "token_type");
    array("TypesAreFloats", t + "token_type", Floats(12, 1), t + "token_type");
    array("BytesThatAreNoBytes", t + "token_type", Ints(12, 6), t + "tokens");
    bad("OneTokenMoreThanRows", "token_embd.weight", [&](GgufBuilder& f) {
      set_array(f, t + "tokens", std::vector<std::string>(13, "a"));
      set_array(f, t + "scores", Floats(13));
      drop_key(f, t + "token_type");
    });
  }

  void specials() {
    const std::string t = "tokenizer.ggml.";
    key("BosNegative", t + "bos_token_id", -1);
    key("BosOneOutside", t + "bos_token_id", 12u);
    key("EosMax", t + "eos_token_id", ~std::uint64_t{0});
    key("EosMax32", t + "eos_token_id", 0xFFFFFFFFu);
    key("UnknownIsAByte", t + "unknown_token_id", 3u);
    key("EotOutside", t + "eot_token_id", 99u);
    key("EomIsText", t + "eom_token_id", "2");
    key("AddBosIsANumber", t + "add_bos_token", 1u);
    key("AddSpaceIsANumber", t + "add_space_prefix", 1u);
  }

  void tensors() {
    for (const char* name : {"token_embd.weight", "output_norm.weight", "blk.0.attn_k.weight",
                             "blk.0.ffn_norm.weight"}) {
      bad(std::string("Missing_") + name, name, [&](GgufBuilder& f) {
        std::erase_if(f.tensors, [&](const GgufTensor& t) { return t.name == name; });
      });
    }
    GgufBuilder ones = small();
    for (GgufTensor& t : ones.tensors) t.dims.push_back(1);
    good("ShapesThatEndWithOnes", ones);
    const auto change = [this](const char* name, const char* tensor,
                               const std::function<void(GgufTensor&)>& edit) {
      bad(name, tensor, [&](GgufBuilder& f) { edit(tensor_of(f, tensor)); });
    };
    change("Transposed", "blk.0.attn_k.weight", [](auto& t) { std::swap(t.dims[0], t.dims[1]); });
    change("OneDimensionMore", "blk.0.attn_q.weight", [](auto& t) {
      t.dims.push_back(2);
      t.data.resize(2 * t.data.size());
    });
    change("OneDimensionLess", "blk.0.attn_q.weight", [](auto& t) { t.dims = {64}; });
    change("NormOfTwoDimensions", "output_norm.weight", [](auto& t) { t.dims = {4, 2}; });
    change("HalfOfTheRows", "blk.0.ffn_down.weight", [](auto& t) {
      t.dims[1] /= 2;
      t.data.resize(t.data.size() / 2);
    });
    change("WeightsAreIntegers", "blk.0.ffn_down.weight", [](auto& t) { t.type = 26; });
    bad("LayerOfNoUse", "blk.1.attn_norm.weight",
        [](auto& f) { f.add_f32("blk.1.attn_norm.weight", {8}, std::vector<float>(8)); });
    bad("Bias", "blk.0.attn_q.bias",
        [](auto& f) { f.add_f32("blk.0.attn_q.bias", {8}, std::vector<float>(8)); });
    bad("OutputOfTooFewRows", "output.weight", [](auto& f) {
      f.add_f32("output.weight", {8, 11}, std::vector<float>(88));
    });
    GgufBuilder file = of_type(Type::kQ8_0, true);
    GgufTensor& norm = tensor_of(file, "output_norm.weight");
    norm.type = 8;
    norm.data.resize(34);
    cases_.push_back({"NormQuantized", "output_norm.weight", file.build()});
  }

  void rope_divisors() {
    const auto divisors = [this](const char* name, const std::vector<float>& values) {
      bad(name, "rope_freqs.weight",
          [&](auto& f) { f.add_f32("rope_freqs.weight", {values.size()}, values); });
    };
    divisors("RopeDivisorNan", {1.0f, kNan});
    divisors("RopeDivisor0", {0.0f, 1.0f});
    divisors("RopeDivisorTiny", {1.0f, 1e-30f});
    divisors("RopeDivisorsTooMany", {1.0f, 1.0f, 1.0f});
    bad("RopeDivisorsInF16", "rope_freqs.weight",
        [](auto& f) { f.add_tensor("rope_freqs.weight", 1, {2}, Bytes(4, std::byte{0x3C})); });
  }

  std::vector<ModelCase> cases_;
};

}  // namespace prumo::testing
