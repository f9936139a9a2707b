// Seeds of config and vocab: every way in which a key can be wrong that is known to have hit other
// engines, and every size that is refused.
#include <cstdio>
#include <cstdlib>
#include <map>

#include "support/seeds.h"
#include "support/spm_vocab.h"

namespace prumo::fuzz {
namespace {

/// The keys as fuzz/config.cpp asks for them, and the bytes that make each as it should be.
constexpr const char* kKeys[] = {
    "general.architecture", "general.name", "context_length", "embedding_length", "block_count",
    "feed_forward_length",  "head_count",   "head_count_kv",  "key_length",       "dimension_count",
    "value_length",         "expert_count", "rms_epsilon",    "freq_base",        "scale_linear",
    "scaling_factor",       "scaling_type", "tokens",         "vocab_size"};
using Said = std::map<std::string, std::vector<unsigned>>;

// How a key is said, in bytes that fuzz/config.cpp reads: a number by its place among the target's
// extremes, of u32 (0), u64 (1), i32 (2) or i64 (3); reals by their place among the target's.
std::vector<unsigned> extreme(unsigned type, unsigned place) {
  return {176, type, place};
}
std::vector<unsigned> small(unsigned number) {
  return {208, number};
}
std::vector<unsigned> real(unsigned place) {
  return {176, place, 0};
}
const std::vector<unsigned> kAbsent = {160};
const std::vector<unsigned> kText = {243};
const std::vector<unsigned> kArray = {241};
constexpr unsigned kU32 = 0, kU64 = 1, kI32 = 2;
constexpr unsigned kZero = 0, kAbove1024 = 6, kAbove17Bits = 8, kAbove20Bits = 10,
                   kAbove24Bits = 11;
constexpr unsigned kOneIn33Bits = 14, kAllOnes = 16;

void add_config(Seeds& seeds, const std::string& name, const Said& said) {
  Bytes out;
  std::size_t found = 0;
  for (const char* key : kKeys) {
    const auto it = said.find(key);
    std::vector<unsigned> bytes = {0};  // as it should be, or as in most files: absent
    if (std::string(key) == "rms_epsilon") bytes = {0, 0};
    if (std::string(key) == "tokens") bytes = {0, 3};
    if (it != said.end()) bytes = it->second, ++found;
    for (const unsigned byte : bytes) put_byte(out, byte);
  }
  // A key that fuzz/config.cpp does not have would leave the seed a good file.
  seeds.push_back({"config", found == said.size() ? name : "no_such_key", out});
}

void add_sizes(Seeds& seeds) {
  const std::map<std::string, unsigned> above = {
      {"context_length", kAbove20Bits}, {"embedding_length", kAbove17Bits},
      {"block_count", kAbove1024},      {"feed_forward_length", kAbove20Bits},
      {"head_count", kAbove1024},       {"head_count_kv", kAbove1024},
      {"key_length", kAbove1024},       {"dimension_count", kAbove1024},
      {"value_length", kAbove1024},     {"vocab_size", kAbove24Bits},
  };
  for (const auto& [key, place] : above) {
    add_config(seeds, key + "_0", {{key, extreme(kU32, kZero)}});
    add_config(seeds, key + "_above_its_limit", {{key, extreme(kU32, place)}});
    add_config(seeds, key + "_negative", {{key, extreme(kI32, kAllOnes)}});
    add_config(seeds, key + "_of_64_ones", {{key, extreme(kU64, kAllOnes)}});
    // 0 to whoever keeps the lower half.
    add_config(seeds, key + "_4294967296", {{key, extreme(kU64, kOneIn33Bits)}});
  }
  for (const char* key : {"context_length", "embedding_length", "block_count",
                          "feed_forward_length", "head_count", "rms_epsilon"}) {
    add_config(seeds, std::string(key) + "_absent", {{key, kAbsent}});
    add_config(seeds, std::string(key) + "_text", {{key, kText}});
    add_config(seeds, std::string(key) + "_array", {{key, kArray}});
  }
}

void add_relations(Seeds& seeds) {
  add_config(seeds, "good", {});
  add_config(seeds, "heads_do_not_divide_the_embedding",
             {{"head_count", small(5)}, {"key_length", kAbsent}});
  add_config(seeds, "key_heads_do_not_divide_the_heads", {{"head_count_kv", small(3)}});
  add_config(
      seeds, "head_of_odd_length",
      {{"key_length", small(15)}, {"dimension_count", small(15)}, {"value_length", small(15)}});
  add_config(seeds, "rope_over_a_part_of_a_head", {{"dimension_count", small(8)}});
  add_config(seeds, "values_of_another_length", {{"value_length", small(8)}});
  add_config(seeds, "experts", {{"expert_count", small(8)}});
  add_config(seeds, "vocab_size_of_another_vocabulary", {{"vocab_size", small(4)}});
  add_config(seeds, "another_architecture", {{"general.architecture", {208, 5}}});
  add_config(seeds, "no_architecture", {{"general.architecture", {200}}});
  add_config(seeds, "no_tokens", {{"tokens", {240, 3}}});
  add_config(seeds, "empty_tokens", {{"tokens", {0, 0}}});
  add_config(seeds, "tokens_are_no_array", {{"tokens", {248, 3}}});
  for (const char* key : {"rms_epsilon", "freq_base", "scale_linear"}) {
    const std::string k = key;
    add_config(seeds, k + "_0", {{key, real(0)}});
    add_config(seeds, k + "_negative", {{key, real(14)}});
    add_config(seeds, k + "_infinite", {{key, real(15)}});
    add_config(seeds, k + "_nan", {{key, real(16)}});
    add_config(seeds, k + "_least", {{key, real(3)}});
  }
  add_config(seeds, "rms_epsilon_below_the_floats", {{"rms_epsilon", real(5)}});
  add_config(seeds, "rms_epsilon_above_the_floats", {{"rms_epsilon", real(12)}});
  add_config(seeds, "freq_base_above_its_limit", {{"freq_base", real(11)}});
  add_config(seeds, "scaling_type_unknown", {{"scaling_type", {208, 3}}});
  add_config(seeds, "scaling_linear_without_a_factor", {{"scaling_type", {208, 1}}});
  add_config(seeds, "scaling_factor_least",
             {{"scaling_type", {208, 1}}, {"scaling_factor", real(3)}});
}

/// A whole file for fuzz_vocab, behind the byte that says so. `key` is what it must be refused for,
/// "" if it is good: a seed that is not what it says is a mistake here.
void add_vocab(Seeds& seeds, const std::string& name, const testing::GgufBuilder& file,
               const std::string& key) {
  const auto tokenizer = testing::tokenizer_of(file);
  const std::string place = tokenizer ? "" : tokenizer.error().place;
  if (place != (key.empty() ? "" : "tokenizer.ggml." + key)) {
    std::fprintf(stderr, "vocab %s: refused for '%s'\n", name.c_str(), place.c_str());
    std::exit(1);
  }
  Bytes out;
  put_byte(out, 0);
  const Bytes bytes = file.build();
  out.insert(out.end(), bytes.begin(), bytes.end());
  seeds.push_back({"vocab", name, out});
}

/// The keys of a tokenizer of six tokens, one of them a byte, but for one that is left out.
testing::GgufBuilder six_tokens(const std::string& left_out = "") {
  testing::GgufBuilder file;
  const std::string p = "tokenizer.ggml.";
  file.add(p + "model", std::string_view("llama"));
  if (left_out != "tokens") {
    file.add_array<std::string>(p + "tokens",
                                {"<unk>", "<s>", "</s>", "<0x41>", "\xE2\x96\x81x", "<tool>"});
  }
  if (left_out != "scores") file.add_array<float>(p + "scores", {0, 0, 0, 0, -1, 0});
  if (left_out != "token_type") file.add_array<std::int32_t>(p + "token_type", {2, 3, 3, 6, 1, 4});
  return file;
}

/// What models (tests/support/model_malformed.h) leave out.
void add_vocabs(Seeds& seeds) {
  const std::string p = "tokenizer.ggml.";
  const auto other = [&](const std::string& name, const std::string& key, auto items) {
    add_vocab(seeds, name, six_tokens(key).add_array(p + key, items), key);
  };
  add_vocab(seeds, "good", six_tokens(), "");
  add_vocab(seeds, "good_without_types", six_tokens("token_type"), "");
  other("scores_of_8_bits", "scores", std::vector<std::int8_t>(6));
  other("scores_of_f64", "scores", std::vector<double>(6));
  other("types_of_8_bits", "token_type", std::vector<std::int8_t>{2, 3, 3, 6, 1, 4});
  add_vocab(seeds, "byte_below_0",
            six_tokens("tokens").add_array<std::string>(
                p + "tokens", {"<unk>", "<s>", "</s>", "<0x-1>", "\xE2\x96\x81x", "<tool>"}),
            "tokens");
  add_vocab(seeds, "scores_no_array", six_tokens("scores").add(p + "scores", 1.0f), "scores");
  for (const char* name : {"bos", "eos", "unknown", "eot", "eom"}) {
    const std::string id = std::string(name) + "_id", key = std::string(name) + "_token_id";
    const auto with = [&](auto value) { return six_tokens().add(p + key, value); };
    add_vocab(seeds, id + "_negative", with(std::int32_t{-1}), key);
    add_vocab(seeds, id + "_as_large_as_the_vocabulary", with(6u), key);
    add_vocab(seeds, id + "_of_33_bits", with(std::uint64_t{1} << 32 | 1), key);
    add_vocab(seeds, id + "_a_byte", with(3u), key);
    add_vocab(seeds, id + "_no_integer", with(1.0f), key);
  }
}

}  // namespace

void add_key_seeds(Seeds& seeds) {
  add_sizes(seeds);
  add_relations(seeds);
  add_vocabs(seeds);
}

}  // namespace prumo::fuzz
