// Vocabularies right and wrong: what is read, and which key an error names.
#include "tokenizer/vocab.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "support/counting_new.h"
#include "support/spm_vocab.h"

namespace prumo {
namespace {

using testing::GgufBuilder;
using testing::PlainVocab;

/// A file of six tokens that each test breaks in one place.
struct Parts {
  std::vector<std::string> tokens = {"<unk>", "<s>", "</s>", "<0x41>", "\xE2\x96\x81x", "<tool>"};
  std::vector<float> scores = {0, 0, 0, 0, -1, 0};
  std::vector<std::int32_t> types = {2, 3, 3, 6, 1, 4};

  [[nodiscard]] GgufBuilder without(std::string_view left_out) const {
    GgufBuilder file;
    if (left_out != "model") file.add("tokenizer.ggml.model", std::string_view("llama"));
    if (left_out != "tokens") file.add_array("tokenizer.ggml.tokens", tokens);
    if (left_out != "scores") file.add_array("tokenizer.ggml.scores", scores);
    if (left_out != "token_type") file.add_array("tokenizer.ggml.token_type", types);
    return file;
  }
  [[nodiscard]] GgufBuilder all() const { return without(""); }
};

void expect_error(const GgufBuilder& file, std::string_view key, std::string_view part_of_message,
                  ErrorCode code = ErrorCode::kBadModel) {
  const auto tokenizer = testing::tokenizer_of(file);
  ASSERT_FALSE(tokenizer.ok());
  EXPECT_EQ(tokenizer.error().place, "tokenizer.ggml." + std::string(key));
  EXPECT_EQ(tokenizer.error().code, code);
  EXPECT_NE(tokenizer.error().message.find(part_of_message), std::string::npos)
      << tokenizer.error().message;
}

/// The tokenizer of a file that must be good.
Tokenizer good(const GgufBuilder& file) {
  auto tokenizer = testing::tokenizer_of(file);
  if (!tokenizer) ADD_FAILURE() << tokenizer.error().place << ": " << tokenizer.error().message;
  return std::move(*tokenizer);
}

TEST(ByteToken, HasExactlyTwoHexadecimalDigits) {
  EXPECT_EQ(parse_byte_token("<0x00>"), 0);
  EXPECT_EQ(parse_byte_token("<0x9A>"), 0x9A);
  EXPECT_EQ(parse_byte_token("<0xfF>"), 0xFF);
  for (const std::string_view text :
       {"",       "<0x>",   "<0x1>",  "<0x-1>", "<0x+1>", "<0x 1>",  "<0x1 >",  "<0x123>",
        "<0xG0>", "<0x0G>", "<0X41>", "0x41",   "<0x41",  "<0x41> ", " <0x41>", "<1x41>",
        "<0x4:>", "<0x4@>", "<0x4`>", "<0x41x", "<0x41<", "(0x41>",  "<0x4g>",  "<0x/1>"}) {
    EXPECT_FALSE(parse_byte_token(text).has_value()) << text;
  }
  EXPECT_FALSE(parse_byte_token(std::string_view("<0x4\0>", 6)).has_value());
}

TEST(Vocab, ReadsAWholeFile) {
  const Tokenizer t = good(Parts().all());
  EXPECT_EQ(t.size(), 6u);
  EXPECT_EQ(t.unk(), 0);
  EXPECT_EQ(t.bos(), 1);
  EXPECT_EQ(t.eos(), 2);
  EXPECT_TRUE(t.adds_bos());
  EXPECT_TRUE(t.is_end(2));
  for (const TokenId id : {0, 1, 3, 4, 5}) EXPECT_FALSE(t.is_end(id)) << id;
  EXPECT_EQ(t.piece(0), "<unk>");
  EXPECT_EQ(t.piece(3), "A");
  EXPECT_EQ(t.piece(4), "\xE2\x96\x81x");
  EXPECT_EQ(t.piece(5), "<tool>");
}

TEST(Vocab, IdsOutsideOfItAreHarmless) {
  const Tokenizer t = good(Parts().all());
  for (const TokenId id :
       {-1, 6, std::numeric_limits<TokenId>::min(), std::numeric_limits<TokenId>::max()}) {
    EXPECT_EQ(t.piece(id), "");
    EXPECT_FALSE(t.is_end(id));
    EXPECT_EQ(t.decode(std::vector<TokenId>{id, 4, id}), "x");
  }
}

TEST(Vocab, TheFileMayGo) {
  auto bytes = Parts().all().build();
  auto file = gguf::File::parse(bytes);
  ASSERT_TRUE(file.ok());
  const auto loaded = Tokenizer::from(*file);
  ASSERT_TRUE(loaded.ok());
  std::fill(bytes.begin(), bytes.end(), std::byte{0xEE});
  EXPECT_EQ(loaded->piece(4), "\xE2\x96\x81x");
  EXPECT_EQ(loaded->encode("x", true), (std::vector<TokenId>{1, 4}));
}

TEST(Vocab, AMovedTokenizerWorks) {
  Tokenizer first = testing::tokenizer_of(testing::vocab_of({"x"}));
  const auto want = first.encode("xyz", true);
  const Tokenizer second = std::move(first);
  EXPECT_EQ(second.encode("xyz", true), want);
  EXPECT_EQ(second.decode(want), "xyz");
}

TEST(Vocab, OtherTokenizersAreRefusedByName) {
  for (const std::string_view model : {"gpt2", "bert", "t5", "rwkv", "plamo2", ""}) {
    GgufBuilder file;
    file.add("tokenizer.ggml.model", model);
    expect_error(file, "model", "\"" + std::string(model) + "\"", ErrorCode::kUnsupported);
  }
  GgufBuilder number;
  number.add("tokenizer.ggml.model", 1u);
  expect_error(number, "model", "");
  expect_error(Parts().without("model"), "model", "");
}

TEST(Vocab, TokensMustBeStringsAndSome) {
  expect_error(Parts().without("tokens"), "tokens", "no vocabulary");
  Parts none;
  none.tokens.clear();
  none.scores.clear();
  none.types.clear();
  expect_error(none.all(), "tokens", "empty");
  expect_error(Parts().without("tokens").add("tokenizer.ggml.tokens", std::string_view("a")),
               "tokens", "array of strings");
  expect_error(Parts().without("tokens").add_array<std::uint8_t>("tokenizer.ggml.tokens", {1, 2}),
               "tokens", "array of strings");
}

TEST(Vocab, ScoresMustBeOneF32AToken) {
  expect_error(Parts().without("scores"), "scores", "order of merges");
  for (const std::size_t n : {0u, 5u, 7u}) {
    Parts parts;
    parts.scores.resize(n);
    expect_error(parts.all(), "scores", std::to_string(n) + " scores for 6 tokens");
  }
  expect_error(Parts().without("scores").add_array<std::int32_t>("tokenizer.ggml.scores",
                                                                 {0, 0, 0, 0, 0, 0}),
               "scores", "array of f32");
  expect_error(
      Parts().without("scores").add_array<double>("tokenizer.ggml.scores", {0, 0, 0, 0, 0, 0}),
      "scores", "array of f32");
  expect_error(Parts().without("scores").add("tokenizer.ggml.scores", 1.0f), "scores",
               "array of f32");
}

TEST(Vocab, AScoreMayBeInfiniteButNotNaN) {
  Parts parts;
  parts.scores[4] = -std::numeric_limits<float>::infinity();
  good(parts.all());
  parts.scores[4] = std::nanf("");
  expect_error(parts.all(), "scores", "token 4");
}

TEST(Vocab, TypesMustBeOneI32AToken) {
  for (const std::size_t n : {0u, 5u, 7u}) {
    Parts parts;
    parts.types.resize(n, 1);
    expect_error(parts.all(), "token_type", std::to_string(n) + " types for 6 tokens");
  }
  const std::string key = "tokenizer.ggml.token_type";
  expect_error(Parts().without("token_type").add_array<std::int8_t>(key, {2, 3, 3, 6, 1, 4}),
               "token_type", "array of i32");
  expect_error(Parts().without("token_type").add_array<std::uint32_t>(key, {2, 3, 3, 6, 1, 4}),
               "token_type", "array of i32");
  expect_error(Parts().without("token_type").add(key, std::int32_t{1}), "token_type",
               "array of i32");
  for (const std::int32_t type : {-1, 7, 1 << 30, std::numeric_limits<std::int32_t>::min()}) {
    Parts parts;
    parts.types[4] = type;
    expect_error(parts.all(), "token_type", "token 4 has type " + std::to_string(type));
  }
}

TEST(Vocab, AByteMustBeWrittenAsOne) {
  for (const char* text : {"<0x-1>", "<0x4>", "A", ""}) {
    Parts parts;
    parts.tokens[3] = text;
    expect_error(parts.all(), "tokens", "token 3");
  }
}

TEST(Vocab, SpecialIdsMustBeInsideAndNoBytes) {
  for (const char* key :
       {"bos_token_id", "eos_token_id", "unknown_token_id", "eot_token_id", "eom_token_id"}) {
    const std::string whole = "tokenizer.ggml." + std::string(key);
    for (const std::uint32_t id : {6u, 7u, 0x7FFFFFFFu, 0x80000000u, 0xFFFFFFFFu}) {
      expect_error(Parts().all().add(whole, id), key, std::to_string(id));
    }
    expect_error(Parts().all().add(whole, std::uint64_t{1} << 32), key, "4294967296");
    expect_error(Parts().all().add(whole, std::int32_t{-1}), key, "");
    expect_error(Parts().all().add(whole, 1.0f), key, "");
    expect_error(Parts().all().add(whole, 3u), key, "is a byte");
    good(Parts().all().add(whole, 5u));
    good(Parts().all().add(whole, std::uint8_t{5}));
  }
  // Ids that nothing here uses may be anything: files in the wild say -1 for "none".
  good(Parts().all().add("tokenizer.ggml.padding_token_id", 0xFFFFFFFFu));
}

TEST(Vocab, SwitchesMustBeBooleans) {
  expect_error(Parts().all().add("tokenizer.ggml.add_bos_token", 1u), "add_bos_token", "");
  expect_error(Parts().all().add("tokenizer.ggml.add_space_prefix", std::string_view("yes")),
               "add_space_prefix", "");
  EXPECT_FALSE(good(Parts().all().add("tokenizer.ggml.add_bos_token", false)).adds_bos());
}

TEST(Vocab, WithoutKeysTheUsualIdsCountIfSuchTokensStandThere) {
  Parts parts;
  parts.types = {1, 1, 1, 6, 1, 4};  // nothing special about the first three
  const Tokenizer plain = good(parts.all());
  EXPECT_EQ(plain.bos(), kNoToken);
  EXPECT_EQ(plain.eos(), kNoToken);
  EXPECT_EQ(plain.unk(), kNoToken);
  EXPECT_FALSE(plain.adds_bos());
  Parts one;
  one.tokens = {"a"};
  one.scores = {0};
  one.types = {1};
  EXPECT_EQ(good(one.all()).bos(), kNoToken);
}

// In a file with types the type alone tells, whatever the texts.
TEST(Vocab, TheUsualIdsCountUnderAnyText) {
  Parts parts;
  parts.tokens[0] = "<|nothing|>";
  parts.tokens[1] = "<|begin_of_text|>";
  parts.tokens[2] = "<|end_of_text|>";
  const Tokenizer t = good(parts.all());
  EXPECT_EQ(t.unk(), 0);
  EXPECT_EQ(t.bos(), 1);
  EXPECT_EQ(t.eos(), 2);
  EXPECT_TRUE(t.is_end(2));
  EXPECT_TRUE(t.adds_bos());
}

TEST(Vocab, OutOfMemoryAnywhereIsSaid) {
  const auto bytes = Parts().all().build();
  const auto file = gguf::File::parse(bytes);
  ASSERT_TRUE(file.ok());
  std::size_t refused = 0;
  for (std::size_t n = 1;; ++n) {
    testing::fail_allocation(n);
    const auto tokenizer = Tokenizer::from(*file);
    testing::fail_allocation(0);
    if (tokenizer.ok()) break;
    ++refused;
    ASSERT_EQ(tokenizer.error().code, ErrorCode::kOutOfMemory) << n;
  }
  EXPECT_GE(refused, 3u);
}

TEST(Vocab, WithoutTypesTextsTell) {
  const Tokenizer t = good(Parts().without("token_type"));
  EXPECT_EQ(t.unk(), 0);
  EXPECT_EQ(t.bos(), 1);
  EXPECT_EQ(t.eos(), 2);
  EXPECT_EQ(t.piece(3), "A");
  EXPECT_EQ(t.decode(std::vector<TokenId>{1, 4, 3, 5, 2}), "xA<tool>");
}

TEST(Vocab, NamedSpecialTokensPrintNothingWhateverTheirType) {
  Parts parts;
  parts.types = {1, 1, 1, 6, 1, 4};
  const Tokenizer t = good(parts.all()
                               .add("tokenizer.ggml.bos_token_id", 1u)
                               .add("tokenizer.ggml.eos_token_id", 5u)
                               .add("tokenizer.ggml.unknown_token_id", 0u));
  EXPECT_EQ(t.decode(std::vector<TokenId>{0, 1, 4, 5}), "x");
  EXPECT_TRUE(t.is_end(5));
  EXPECT_EQ(t.decode(std::vector<TokenId>{2}), "</s>");
}

TEST(Vocab, TheEndIsASet) {
  PlainVocab vocab = testing::byte_vocab();
  const std::vector<std::string> ends = {"<|eot_id|>",    "<|eom_id|>",    "<|im_end|>", "<|end|>",
                                         "<end_of_turn>", "<|endoftext|>", "<EOT>"};
  for (const std::string& text : ends) vocab.tokens.push_back({text, 0, 3});
  for (const std::string& text : ends) vocab.tokens.push_back({text + "!", 0, 3});
  vocab.tokens.push_back({"turn over", 0, 3});
  vocab.tokens.push_back({"message over", 0, 1});
  vocab.ids["eot"] = static_cast<std::uint32_t>(vocab.id_of("turn over"));
  vocab.ids["eom"] = static_cast<std::uint32_t>(vocab.id_of("message over"));
  const Tokenizer t = testing::tokenizer_of(vocab);
  std::size_t n = 0;
  for (std::size_t i = 0; i < t.size(); ++i) n += t.is_end(static_cast<TokenId>(i)) ? 1 : 0;
  EXPECT_EQ(n, ends.size() + 3);
  EXPECT_TRUE(t.is_end(t.eos()));
  EXPECT_TRUE(t.is_end(vocab.id_of("turn over")));
  EXPECT_TRUE(t.is_end(vocab.id_of("message over")));
  for (const std::string& text : ends) EXPECT_TRUE(t.is_end(vocab.id_of(text))) << text;
}

TEST(Vocab, AnEndTextIsAnEndOnlyIfItIsASpecialToken) {
  PlainVocab vocab = testing::byte_vocab();
  vocab.tokens.push_back({"<|end|>", 0, 1});
  vocab.tokens.push_back({"<|im_end|>", 0, 4});
  const Tokenizer t = testing::tokenizer_of(vocab);
  EXPECT_FALSE(t.is_end(vocab.id_of("<|end|>")));
  EXPECT_TRUE(t.is_end(vocab.id_of("<|im_end|>")));
  // A prompt cannot spell an end token.
  const auto ids = t.encode("<|im_end|>", false);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), vocab.id_of("<|im_end|>")), 0);
  EXPECT_EQ(t.decode(ids), "<|im_end|>");
}

TEST(Vocab, EmptyAndDoubleTokensAreTolerated) {
  const PlainVocab vocab = testing::vocab_of({"", "x", "x", "", "\xE2\x96\x81"});
  const Tokenizer t = testing::tokenizer_of(vocab);
  const auto ids = t.encode("x", false);
  EXPECT_EQ(ids, (std::vector<TokenId>{vocab.id_of("\xE2\x96\x81"), vocab.id_of("x")}));
  EXPECT_EQ(vocab.id_of("x"), 261);  // the last of the two
  EXPECT_EQ(t.decode(std::vector<TokenId>{259, 260, 262, 261}), "xx");
}

}  // namespace
}  // namespace prumo
