// Keys to a Config: what is read, what is assumed, what is refused and by which key.
#include "model/config.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "support/tiny_llama.h"

namespace prumo::testing {
namespace {

Result<Config> config_of(const GgufBuilder& builder) {
  const Bytes bytes = builder.build();
  const auto file = gguf::File::parse(bytes);
  EXPECT_TRUE(file.ok());
  return Config::from(*file);
}

// The same file with one key said anew.
template <class T>
GgufBuilder with(std::string key, T value) {
  GgufBuilder file = tiny_llama({});
  drop_key(file, key);
  file.add(key, value);
  return file;
}

void expect_refused(const GgufBuilder& file, const std::string& place,
                    ErrorCode code = ErrorCode::kBadModel) {
  const auto config = config_of(file);
  ASSERT_FALSE(config.ok()) << place << " was accepted";
  EXPECT_EQ(config.error().place, place);
  EXPECT_EQ(config.error().code, code);
  EXPECT_FALSE(config.error().message.empty());
}

TEST(Config, ReadsEveryKey) {
  GgufBuilder file = tiny_llama({.embedding = 64,
                                 .layers = 3,
                                 .heads = 4,
                                 .kv_heads = 2,
                                 .head_dim = 20,
                                 .ffn = 96,
                                 .vocab = 300,
                                 .context = 77});
  file.add("llama.rope.freq_base", 500000.0f).add("llama.rope.scaling.type", "linear");
  file.add("llama.rope.scaling.factor", 4.0f);
  const auto c = config_of(file);
  ASSERT_TRUE(c.ok()) << c.error().message;
  EXPECT_EQ(c->architecture, "llama");
  EXPECT_EQ(c->name, "tiny");
  EXPECT_EQ(c->context_length, 77u);
  EXPECT_EQ(c->embedding, 64u);
  EXPECT_EQ(c->layers, 3u);
  EXPECT_EQ(c->heads, 4u);
  EXPECT_EQ(c->kv_heads, 2u);
  EXPECT_EQ(c->group(), 2u);
  EXPECT_EQ(c->head_dim, 20u);
  EXPECT_EQ(c->q_dim(), 80u);
  EXPECT_EQ(c->kv_dim(), 40u);
  EXPECT_EQ(c->ffn, 96u);
  EXPECT_EQ(c->vocab, 300u);
  EXPECT_EQ(c->rms_eps, 1e-5f);
  EXPECT_EQ(c->rope_base, 500000.0);
  EXPECT_EQ(c->rope_scale, 0.25);
}

TEST(Config, AssumesWhatMayBeAbsent) {
  GgufBuilder file = tiny_llama({});
  for (const char* key : {"attention.head_count_kv", "attention.key_length",
                          "attention.value_length", "rope.dimension_count"}) {
    drop_key(file, std::string("llama.") + key);
  }
  const auto c = config_of(file);
  ASSERT_TRUE(c.ok());
  EXPECT_EQ(c->kv_heads, c->heads);
  EXPECT_EQ(c->head_dim, c->embedding / c->heads);
  EXPECT_EQ(c->rope_base, 10000.0);
  EXPECT_EQ(c->rope_scale, 1.0);
}

TEST(Config, ReadsTheOlderLinearScale) {
  EXPECT_EQ(config_of(with("llama.rope.scale_linear", 8.0f))->rope_scale, 0.125);
}

TEST(Config, NamesTheKeyThatIsMissing) {
  for (const char* key :
       {"context_length", "embedding_length", "block_count", "feed_forward_length",
        "attention.head_count", "attention.layer_norm_rms_epsilon"}) {
    GgufBuilder file = tiny_llama({});
    drop_key(file, std::string("llama.") + key);
    expect_refused(file, std::string("llama.") + key);
  }
  GgufBuilder file = tiny_llama({});
  drop_key(file, "general.architecture");
  expect_refused(file, "general.architecture");
  file = tiny_llama({});
  drop_key(file, "tokenizer.ggml.tokens");
  expect_refused(file, "tokenizer.ggml.tokens");
}

TEST(Config, RefusesSizesWithoutSense) {
  for (const char* key :
       {"context_length", "embedding_length", "block_count", "feed_forward_length",
        "attention.head_count", "attention.head_count_kv", "attention.key_length"}) {
    expect_refused(with(std::string("llama.") + key, 0u), std::string("llama.") + key);
    expect_refused(with(std::string("llama.") + key, 0xFFFFFFFFu), std::string("llama.") + key);
    expect_refused(with(std::string("llama.") + key, -1), std::string("llama.") + key);
    expect_refused(with(std::string("llama.") + key, "x"), std::string("llama.") + key);
  }
  expect_refused(with("llama.attention.head_count_kv", 3u), "llama.attention.head_count_kv");
  expect_refused(with("llama.attention.key_length", 15u), "llama.attention.key_length");
  // Heads more than 128 times as wide as the embedding would make a small file's cache large.
  const TinyShape shape{.embedding = 8};
  const auto widest = static_cast<std::uint32_t>(128 * shape.embedding / shape.heads);
  GgufBuilder wide = tiny_llama(shape);
  drop_key(wide, "llama.attention.key_length");
  wide.add("llama.attention.key_length", widest + 2);
  drop_key(wide, "llama.attention.value_length");
  drop_key(wide, "llama.rope.dimension_count");
  expect_refused(wide, "llama.attention.key_length");
  drop_key(wide, "llama.attention.key_length");
  wide.add("llama.attention.key_length", widest);
  EXPECT_TRUE(config_of(wide).ok());
  // Without the key heads are parts of the embedding, and have the same limit.
  for (const std::size_t head_dim : {1024u, 1026u}) {
    GgufBuilder parts = tiny_llama({.embedding = 2 * head_dim,
                                    .layers = 1,
                                    .heads = 2,
                                    .kv_heads = 1,
                                    .head_dim = head_dim,
                                    .ffn = 2});
    drop_key(parts, "llama.attention.key_length");
    if (head_dim > 1024) {
      drop_key(parts, "llama.attention.value_length");
      drop_key(parts, "llama.rope.dimension_count");
      expect_refused(parts, "llama.attention.key_length");
    } else {
      EXPECT_TRUE(config_of(parts).ok());
    }
  }
  expect_refused(with("llama.vocab_size", 301u), "llama.vocab_size");
  GgufBuilder file = with("llama.attention.head_count", 5u);
  drop_key(file, "llama.attention.key_length");
  expect_refused(file, "llama.attention.head_count");
}

TEST(Config, SizesStopAtTheirLimits) {
  const std::pair<const char*, std::uint64_t> kLimits[] = {
      {"context_length", 1 << 20},    {"embedding_length", 1 << 17},
      {"block_count", 1024},          {"feed_forward_length", 1 << 20},
      {"attention.head_count", 1024}, {"attention.head_count_kv", 1024},
      {"attention.key_length", 1024}, {"attention.value_length", 1024},
      {"rope.dimension_count", 1024}, {"vocab_size", 1 << 24}};
  for (const auto& [name, most] : kLimits) {
    const std::string key = std::string("llama.") + name;
    const auto says = [&](std::uint64_t value) {
      const auto config = config_of(with(key, value));
      return config.ok() ? "" : config.error().place + ": " + config.error().message;
    };
    const std::string limits = "it must be from 1 to " + std::to_string(most);
    EXPECT_EQ(says(most).find(limits), std::string::npos) << key;  // others may not go with it
    for (const std::uint64_t bad :
         {std::uint64_t{0}, most + 1, std::uint64_t{1} << 32, ~std::uint64_t{0}}) {
      const std::string sentence = key + ": This is " + std::to_string(bad) + "; " + limits;
      EXPECT_EQ(says(bad).substr(0, sentence.size()), sentence);
    }
  }
}

TEST(Config, RefusesNumbersWithoutSense) {
  for (const char* key : {"llama.attention.layer_norm_rms_epsilon", "llama.rope.freq_base",
                          "llama.rope.scale_linear"}) {
    for (const float bad : {0.0f, -1.0f, std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::quiet_NaN()}) {
      expect_refused(with(key, bad), key);
    }
  }
}

// The table of angles is made for bases from 1 on and angles up to 2^20.
TEST(Config, RefusesAnglesThatTheRopeTableIsNotMadeFor) {
  for (const double bad : {4.9e-324, 1e-30, 0.999, 1.1e30, 1e308}) {
    expect_refused(with("llama.rope.freq_base", bad), "llama.rope.freq_base");
  }
  EXPECT_TRUE(config_of(with("llama.rope.freq_base", 1.0)).ok());
  EXPECT_TRUE(config_of(with("llama.rope.freq_base", 1e30)).ok());
  // The context is 64 positions long.
  for (const double bad : {4.9e-324, 1e-300, 0x1p-15}) {
    expect_refused(with("llama.rope.scale_linear", bad), "llama.rope.scale_linear");
    expect_refused(with("llama.rope.scaling.factor", bad), "llama.rope.scaling.factor");
  }
  EXPECT_TRUE(config_of(with("llama.rope.scale_linear", 0x1p-14)).ok());
  EXPECT_TRUE(config_of(with("llama.rope.scaling.factor", 1e300)).ok());
}

TEST(Config, RefusesAnEpsilonThatIsNoFloat) {
  for (const double bad : {4.9e-324, 1e-40, 1e39, 1e308}) {
    expect_refused(with("llama.attention.layer_norm_rms_epsilon", bad),
                   "llama.attention.layer_norm_rms_epsilon");
  }
}

TEST(Config, SaysWhatItDoesNotSupport) {
  expect_refused(with("general.architecture", "qwen2"), "general.architecture",
                 ErrorCode::kUnsupported);
  expect_refused(with("llama.rope.scaling.type", "yarn"), "llama.rope.scaling.type",
                 ErrorCode::kUnsupported);
  expect_refused(with("llama.rope.dimension_count", 8u), "llama.rope.dimension_count",
                 ErrorCode::kUnsupported);
  expect_refused(with("llama.attention.value_length", 8u), "llama.attention.value_length",
                 ErrorCode::kUnsupported);
  expect_refused(with("llama.expert_count", 8u), "llama.expert_count", ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace prumo::testing
