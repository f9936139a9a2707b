// SPM on known answers: llama.cpp's vocabulary tests, and small vocabularies worked out by hand.
#include "tokenizer/spm.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "support/spm_reference.h"
#include "support/spm_vocab.h"

namespace prumo {
namespace {

using testing::PlainVocab;
using testing::tokenizer_of;
using testing::vocab_of;
using Ids = std::vector<TokenId>;

const std::string kMark(kSpaceMark);

/// The pieces of a text, bos included when the vocabulary adds one and `add_bos`.
std::vector<std::string> pieces(const Tokenizer& t, std::string_view text, bool add_bos = false) {
  std::vector<std::string> out;
  for (const TokenId id : t.encode(text, add_bos)) out.emplace_back(t.piece(id));
  return out;
}

using Strings = std::vector<std::string>;

// ---- The outside world's answers
// -----------------------------------------------------------------

std::optional<std::string> parity_file(const std::string& name) {
  const char* const folder = std::getenv("PRUMO_PARITY_DATA");
  if (folder == nullptr) return std::nullopt;
  return testing::read_file(std::string(folder) + "/" + name);
}

std::vector<std::string> split(const std::string& text, const std::string& separator) {
  std::vector<std::string> out;
  std::size_t at = 0;
  for (std::size_t next; (next = text.find(separator, at)) != std::string::npos;) {
    out.push_back(text.substr(at, next - at));
    at = next + separator.size();
  }
  out.push_back(text.substr(at));
  return out;
}

Result<Tokenizer> tokenizer_of_bytes(const std::string& bytes) {
  const auto file = gguf::File::parse(std::as_bytes(std::span(bytes)));
  if (!file) return file.error();
  return Tokenizer::from(*file);
}

class SpmParity : public ::testing::TestWithParam<const char*> {};

TEST_P(SpmParity, EveryLineExactly) {
  const std::string name = GetParam();
  const auto model = parity_file(name);
  const auto inputs = parity_file(name + ".inp");
  const auto outputs = parity_file(name + ".out");
  if (!model || !inputs || !outputs) {
    GTEST_SKIP() << "set PRUMO_PARITY_DATA to the folder that has " << name;
  }
  const auto tokenizer = tokenizer_of_bytes(*model);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  auto texts = split(*inputs, "\n__ggml_vocab_test__\n");
  if (texts.back().empty()) texts.pop_back();
  auto lines = split(*outputs, "\n");
  if (lines.back().empty()) lines.pop_back();
  ASSERT_EQ(texts.size(), lines.size());
  ASSERT_GE(texts.size(), 40u);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::istringstream line(lines[i]);
    Ids want;
    for (TokenId id = 0; line >> id;) want.push_back(id);
    EXPECT_EQ(tokenizer->encode(texts[i], false), want) << i << ": " << texts[i];
    EXPECT_EQ(tokenizer->decode(want), texts[i]) << i;
    want.insert(want.begin(), tokenizer->bos());
    EXPECT_EQ(tokenizer->encode(texts[i], true), want) << i;
    EXPECT_EQ(tokenizer->decode(want), texts[i]) << i;
  }
}

TEST_P(SpmParity, EveryCharacterComesBack) {
  const auto model = parity_file(GetParam());
  if (!model) GTEST_SKIP() << "set PRUMO_PARITY_DATA to the folder that has " << GetParam();
  const auto tokenizer = tokenizer_of_bytes(*model);
  ASSERT_TRUE(tokenizer.ok());
  std::string text;
  for (std::uint32_t value = 0; value <= 0x10FFFF; value += value < 0x3000 ? 1 : 97) {
    if (value < 0x80) {
      text = {static_cast<char>(value)};
    } else if (value < 0x800) {
      text = {static_cast<char>(0xC0 | (value >> 6)), static_cast<char>(0x80 | (value & 63))};
    } else if (value < 0x10000) {
      text = {static_cast<char>(0xE0 | (value >> 12)), static_cast<char>(0x80 | (value >> 6 & 63)),
              static_cast<char>(0x80 | (value & 63))};
    } else {
      text = {static_cast<char>(0xF0 | (value >> 18)), static_cast<char>(0x80 | (value >> 12 & 63)),
              static_cast<char>(0x80 | (value >> 6 & 63)), static_cast<char>(0x80 | (value & 63))};
    }
    for (const std::string& each : {text, text + text, "x" + text, " " + text + " "}) {
      ASSERT_EQ(tokenizer->decode(tokenizer->encode(each, true)), each) << std::hex << value;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Vocabularies, SpmParity,
                         ::testing::Values("vocab-llama-spm.gguf", "vocab-phi-3.gguf"));

TEST(SpmParity, LlamaSpecials) {
  const auto model = parity_file("vocab-phi-3.gguf");
  if (!model) GTEST_SKIP() << "set PRUMO_PARITY_DATA to the folder that has vocab-phi-3.gguf";
  const auto tokenizer = tokenizer_of_bytes(*model);
  ASSERT_TRUE(tokenizer.ok());
  EXPECT_EQ(tokenizer->size(), 32064u);
  EXPECT_EQ(tokenizer->bos(), 1);
  EXPECT_EQ(tokenizer->eos(), 32000);
  EXPECT_TRUE(tokenizer->is_end(32000));  // <|endoftext|>
  EXPECT_TRUE(tokenizer->is_end(32007));  // <|end|>
  EXPECT_FALSE(tokenizer->is_end(2));     // </s>, user-defined in this file
  EXPECT_EQ(tokenizer->encode("</s>", true), (Ids{1, 2}));
  const auto control = tokenizer->encode("<|end|>", false);
  EXPECT_EQ(std::count(control.begin(), control.end(), 32007), 0);
  EXPECT_EQ(tokenizer->decode(control), "<|end|>");
}

// ---- Merging ------------------------------------------------------------------------------------

TEST(Spm, TheHighestScoreMergesFirst) {
  // "bc" comes before "ab" in the file, hence has the higher score.
  const Tokenizer t = tokenizer_of(vocab_of({kMark, "a", "b", "c", "bc", "ab", "abc"}));
  EXPECT_EQ(pieces(t, "abc"), (Strings{kMark, "abc"}));  // a bc -> abc
  const Tokenizer u = tokenizer_of(vocab_of({kMark, "a", "b", "c", "bc", "ab"}));
  EXPECT_EQ(pieces(u, "abc"), (Strings{kMark, "a", "bc"}));
  const Tokenizer v = tokenizer_of(vocab_of({kMark, "a", "b", "c", "ab", "bc"}));
  EXPECT_EQ(pieces(v, "abc"), (Strings{kMark, "ab", "c"}));
}

TEST(Spm, OfEqualScoresTheLeftmost) {
  const Tokenizer t = tokenizer_of(vocab_of({kMark, "a", "aa"}));
  EXPECT_EQ(pieces(t, "aaaaa"), (Strings{kMark, "aa", "aa", "a"}));
  PlainVocab vocab = vocab_of({kMark, "a", "b", "ab", "ba"});
  for (auto& token : vocab.tokens) token.score = 0;
  EXPECT_EQ(pieces(tokenizer_of(vocab), "abab"), (Strings{kMark, "ab", "ab"}));
  EXPECT_EQ(pieces(tokenizer_of(vocab), "baba"), (Strings{kMark, "ba", "ba"}));
}

// Converters write minus the rank, so that the first piece has -0.
TEST(Spm, MinusZeroIsAScoreOfZero) {
  for (const bool first : {false, true}) {
    PlainVocab vocab = vocab_of({kMark, "a", "b", "ab", "ba"});
    for (auto& token : vocab.tokens) token.score = 0;
    vocab.tokens[static_cast<std::size_t>(vocab.id_of(first ? "ab" : "ba"))].score = -0.0f;
    EXPECT_EQ(pieces(tokenizer_of(vocab), "abab"), (Strings{kMark, "ab", "ab"})) << first;
    EXPECT_EQ(pieces(tokenizer_of(vocab), "baba"), (Strings{kMark, "ba", "ba"})) << first;
  }
}

// "ab" would come second, but "b" is gone by then: "a" waits for what it makes with "bc".
TEST(Spm, AMergeWhoseRightHalfIsGoneIsNotDoneInItsPlace) {
  const Tokenizer t = tokenizer_of(vocab_of({kMark, "a", "b", "c", "d", "bc", "ab", "bcd", "abc"}));
  EXPECT_EQ(pieces(t, "abcd"), (Strings{kMark, "a", "bcd"}));
  EXPECT_EQ(pieces(t, "abc"), (Strings{kMark, "abc"}));
}

TEST(Spm, APieceThatNoMergeReachesIsNeverMade) {
  const Tokenizer t = tokenizer_of(vocab_of({kMark, "a", "b", "c", "abc"}));
  EXPECT_EQ(pieces(t, "abc"), (Strings{kMark, "a", "b", "c"}));
}

TEST(Spm, CharactersWithoutATokenCanStillMerge) {
  const Tokenizer t = tokenizer_of(vocab_of({kMark, "xy"}));
  EXPECT_EQ(pieces(t, "xyx"), (Strings{kMark, "xy", "x"}));
}

TEST(Spm, ACandidateOfTheOldShapeIsDropped) {
  // "bc" waits in the queue while "ab" is made of its left half, and "cd" of its right half.
  const Tokenizer t = tokenizer_of(vocab_of({kMark, "a", "b", "c", "d", "ab", "bc", "cd"}));
  EXPECT_EQ(pieces(t, "abcd"), (Strings{kMark, "ab", "cd"}));
  const Tokenizer u = tokenizer_of(vocab_of({kMark, "a", "b", "c", "d", "cd", "bc", "ab"}));
  EXPECT_EQ(pieces(u, "abcd"), (Strings{kMark, "ab", "cd"}));
}

TEST(Spm, MergesMaySpanWordsIfAPieceDoes) {
  const Strings small = {kMark, "a", "b", "a" + kMark, "a" + kMark + "b"};
  EXPECT_EQ(pieces(tokenizer_of(vocab_of(small)), "a b"), (Strings{kMark, "a" + kMark + "b"}));
}

TEST(Spm, OnlyNormalTokensAreMerged) {
  for (const std::int32_t type : {0, 2, 3, 5}) {
    PlainVocab vocab = vocab_of({kMark, "a", "b"});
    vocab.tokens.push_back({"ab", 0, type});
    const Tokenizer t = tokenizer_of(vocab);
    EXPECT_EQ(pieces(t, "ab"), (Strings{kMark, "a", "b"})) << type;
    EXPECT_EQ(t.decode(Ids{vocab.id_of("ab")}), "") << type;
  }
}

// ---- Bytes --------------------------------------------------------------------------------------

TEST(Spm, WhatHasNoTokenBecomesBytes) {
  const PlainVocab vocab = vocab_of({kMark, "a"});
  const Tokenizer t = tokenizer_of(vocab);
  const auto byte = [&](unsigned value) { return static_cast<TokenId>(3 + value); };
  EXPECT_EQ(t.encode("a\xC3\xA9", false),
            (Ids{vocab.id_of(kMark), vocab.id_of("a"), byte(0xC3), byte(0xA9)}));
  EXPECT_EQ(t.encode(std::string_view("\0\xFF", 2), false),
            (Ids{vocab.id_of(kMark), byte(0), byte(0xFF)}));
  EXPECT_EQ(pieces(t, "\n"), (Strings{kMark, "\n"}));
}

TEST(Spm, ALiteralMarkIsNotASpace) {
  const Tokenizer t = tokenizer_of(vocab_of({kMark, "a", kMark + kMark, kMark + "a"}));
  EXPECT_EQ(pieces(t, kMark + "a"), (Strings{kMark, "\xE2", "\x96", "\x81", "a"}));
  EXPECT_EQ(pieces(t, " a"), (Strings{kMark + kMark, "a"}));
  EXPECT_EQ(t.decode(t.encode("a" + kMark + " " + kMark, false)), "a" + kMark + " " + kMark);
}

TEST(Spm, ASpaceWithoutAMarkBecomesTheByteOfASpace) {
  const Tokenizer t = tokenizer_of(vocab_of({"a"}));
  EXPECT_EQ(pieces(t, "a a"), (Strings{" ", "a", " ", "a"}));
  EXPECT_EQ(t.decode(t.encode("a a", false)), "a a");
}

TEST(Spm, BrokenCharactersKeepTheTextAroundThem) {
  const Tokenizer t = tokenizer_of(vocab_of({kMark, "a", "b", "ab", "\xC3\xA9"}));
  // A lead byte does not swallow what follows it.
  EXPECT_EQ(pieces(t,
                   "\xE2"
                   "ab"),
            (Strings{kMark, "\xE2", "ab"}));
  EXPECT_EQ(pieces(t,
                   "\xF0\x9F"
                   "ab"),
            (Strings{kMark, "\xF0", "\x9F", "ab"}));
  EXPECT_EQ(pieces(t, "\xE2 a"), (Strings{kMark, "\xE2", kMark, "a"}));
  EXPECT_EQ(pieces(t, "\xC3\xC3\xA9"), (Strings{kMark, "\xC3", "\xC3\xA9"}));
}

TEST(Spm, WhatIsNoCharacterIsItsBytes) {
  const Tokenizer t = tokenizer_of(vocab_of({kMark, "a"}));
  for (const std::string broken :
       {"\x80", "\xC3", "\xE2\x96", "\xF0\x9F\xA6", "\xC0\xAF", "\xE0\x80\x80", "\xF0\x8F\xBF\xBF",
        "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFE\xFF\xF8\xC1"}) {
    Strings wanted = {kMark, "a"};
    for (const char byte : broken) wanted.emplace_back(1, byte);
    wanted.emplace_back("a");
    EXPECT_EQ(pieces(t, "a" + broken + "a"), wanted);
    EXPECT_EQ(t.decode(t.encode("a" + broken + "a", false)), "a" + broken + "a");
  }
}

TEST(Spm, AZeroByteIsAByteLikeOthers) {
  const std::string zero(1, '\0');
  const std::string text = zero + "a" + zero + zero + "a" + zero;
  EXPECT_EQ(pieces(tokenizer_of(vocab_of({kMark, "a"})), text),
            (Strings{kMark, zero, "a", zero, zero, "a", zero}));
  const Tokenizer merged = tokenizer_of(vocab_of({kMark, "a", zero, "a" + zero}));
  EXPECT_EQ(pieces(merged, text), (Strings{kMark, zero, "a" + zero, zero, "a" + zero}));
  EXPECT_EQ(merged.decode(merged.encode(text, false)), text);
}

TEST(Spm, WithoutBytesAnUnknownCharacterIsOneUnknownToken) {
  PlainVocab vocab;
  vocab.tokens = {{"<unk>", 0, 2}, {kMark, 0, 1}, {"a", 0, 1}, {"\xC3", 0, 1}};
  const Tokenizer t = tokenizer_of(vocab);
  EXPECT_EQ(t.encode("a\xF0\x9F\xA6\x99"
                     "a\xC3\xA9",
                     false),
            (Ids{1, 2, 0, 2, 0}));
  EXPECT_EQ(t.encode("\xC3", false), (Ids{1, 3}));
  EXPECT_EQ(t.decode(Ids{1, 2, 0, 2, 0}), "aa");
  vocab.tokens[0].type = 1;
  EXPECT_EQ(tokenizer_of(vocab).encode("aéa", false), (Ids{1, 2, 2}));  // no unknown token either
}

// ---- The space in front -------------------------------------------------------------------------

TEST(Spm, ASpaceIsPutInFrontAndTakenAway) {
  const Tokenizer t = tokenizer_of(vocab_of({kMark, "a", kMark + "a", kMark + kMark}));
  EXPECT_EQ(pieces(t, "a"), (Strings{kMark + "a"}));
  EXPECT_EQ(pieces(t, " a"), (Strings{kMark, kMark + "a"}));
  EXPECT_EQ(pieces(t, ""), Strings{});
  EXPECT_EQ(pieces(t, "", true), Strings{"<s>"});
  EXPECT_EQ(pieces(t, " "), Strings{kMark + kMark});
  for (const std::string text : {"", " ", "  ", "   ", "a", " a", "  a", "a ", " a a  "}) {
    for (const bool bos : {false, true}) EXPECT_EQ(t.decode(t.encode(text, bos)), text);
  }
}

TEST(Spm, NoSpaceIfTheFileSaysSo) {
  PlainVocab vocab = vocab_of({kMark, "a", kMark + "a"});
  vocab.add_space = false;
  const Tokenizer t = tokenizer_of(vocab);
  EXPECT_EQ(pieces(t, "a a"), (Strings{"a", kMark + "a"}));
  EXPECT_EQ(t.decode(t.encode(" a", true)), " a");
}

TEST(Spm, BosOnlyIfAskedForAndTheFileWantsIt) {
  PlainVocab vocab = vocab_of({kMark, "a"});
  const Ids text = {vocab.id_of(kMark), vocab.id_of("a")};
  const Ids with_bos = {1, text[0], text[1]};
  EXPECT_EQ(tokenizer_of(vocab).encode("a", true), with_bos);
  EXPECT_EQ(tokenizer_of(vocab).encode("a", false), text);
  vocab.add_bos = false;
  EXPECT_EQ(tokenizer_of(vocab).encode("a", true), text);
}

// ---- Special tokens in text ---------------------------------------------------------------------

TEST(Spm, ControlTokensInTextAreText) {
  const Tokenizer t = tokenizer_of(vocab_of({kMark, "<", "s", ">", "<s", "s>"}));
  EXPECT_EQ(pieces(t, "<s>"), (Strings{kMark, "<s", ">"}));
  EXPECT_EQ(t.decode(t.encode("<s></s><unk><0x41>", true)), "<s></s><unk><0x41>");
}

TEST(Spm, UserDefinedTokensAreFoundWhole) {
  PlainVocab vocab = vocab_of({kMark, "a", "b", kMark + "a", kMark + "b", "<", ">"});
  vocab.tokens.push_back({"<b>", 0, 4});
  const Tokenizer t = tokenizer_of(vocab);
  // Each run of text between them begins with a space of its own.
  EXPECT_EQ(pieces(t, "a<b>b"), (Strings{kMark + "a", "<b>", kMark + "b"}));
  EXPECT_EQ(pieces(t, "<b><b>"), (Strings{"<b>", "<b>"}));
  EXPECT_EQ(pieces(t, "a <b> b"), (Strings{kMark + "a", kMark, "<b>", kMark, kMark + "b"}));
  for (const char* text : {"a<b>b", " a<b> b ", "<b>", " <b>", "<b> ", "<b><b>", "<b", "b>"}) {
    EXPECT_EQ(t.decode(t.encode(text, true)), text);
  }
}

TEST(Spm, OfUserDefinedTokensTheLongestThenTheLeftmost) {
  PlainVocab vocab = vocab_of({kMark, "x"});
  for (const char* text : {"<", "<<<", "xy", "yx"}) vocab.tokens.push_back({text, 0, 4});
  const Tokenizer t = tokenizer_of(vocab);
  EXPECT_EQ(pieces(t, "<<<<"), (Strings{"<<<", "<"}));
  EXPECT_EQ(pieces(t, "<<<<<<<"), (Strings{"<<<", "<<<", "<"}));
  EXPECT_EQ(pieces(t, "yxy"), (Strings{kMark, "y", "xy"}));  // of equal length the lower id
}

TEST(Spm, UserDefinedTokensWithSpacesOrMarks) {
  PlainVocab vocab = vocab_of({kMark, "a"});
  vocab.tokens.push_back({"  ", 0, 4});         // spaces as they are
  vocab.tokens.push_back({kMark + "a", 0, 4});  // marks: an ordinary piece
  const Tokenizer t = tokenizer_of(vocab);
  EXPECT_EQ(pieces(t, "  a"), (Strings{"  ", kMark + "a"}));
  EXPECT_EQ(pieces(t, kMark + "a"), (Strings{kMark, "\xE2", "\x96", "\x81", "a"}));
  for (const std::string& text : {std::string("  a"), std::string("   a   "), kMark + "a a"}) {
    EXPECT_EQ(t.decode(t.encode(text, true)), text);
  }
}

// ---- Size and threads ---------------------------------------------------------------------------

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t kLong = std::size_t{256} << 10;  // every access is checked: slow
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr std::size_t kLong = std::size_t{256} << 10;
#else
constexpr std::size_t kLong = std::size_t{4} << 20;
#endif
#else
constexpr std::size_t kLong = std::size_t{4} << 20;
#endif

TEST(Spm, MebibytesOfOneLetter) {
  PlainVocab vocab = vocab_of({kMark, "a"});
  for (std::size_t n = 2; n <= 16; n *= 2) {
    vocab.tokens.push_back({std::string(n, 'a'), -static_cast<float>(n), 1});
  }
  const Tokenizer t = tokenizer_of(vocab);
  const std::string text(kLong, 'a');
  const Ids ids = t.encode(text, false);
  ASSERT_EQ(ids.size(), 1 + text.size() / 16);
  EXPECT_EQ(ids[0], vocab.id_of(kMark));
  for (std::size_t i = 1; i < ids.size(); ++i) ASSERT_EQ(ids[i], vocab.id_of(std::string(16, 'a')));
  EXPECT_EQ(t.decode(ids), text);
}

/// What the first hash of an 8-byte piece mixes back to: pieces made so share as many low bits as
/// wanted.
std::uint64_t unmixed(std::uint64_t x) {
  const auto inverse = [](std::uint64_t odd) {
    std::uint64_t out = odd;  // right in its low three bits, and in twice as many each time
    for (int i = 0; i < 5; ++i) out *= 2 - odd * out;
    return out;
  };
  x ^= x >> 32;
  x *= inverse(0xBF58476D1CE4E5B9u);
  x ^= x >> 29 ^ x >> 58;
  x *= inverse(0x9E3779B97F4A7C15u);
  return x ^ x >> 32;
}

std::uint64_t mixed(std::uint64_t x) {
  x ^= x >> 32;
  x *= 0x9E3779B97F4A7C15u;
  x ^= x >> 29;
  x *= 0xBF58476D1CE4E5B9u;
  return x ^ x >> 32;
}

// By the first hash, and by those of the numbers that come next.
TEST(Spm, PiecesMadeToShareHashesCostNoMoreThanOthers) {
  PlainVocab vocab = vocab_of({kMark, "a", "b", "ab", kMark + "ab"});
  for (std::uint64_t i = 1; vocab.tokens.size() < 20000; ++i) {
    ASSERT_EQ(mixed(unmixed(i << 24)), i << 24);
    const std::uint64_t word = unmixed(i << 24) ^ (mixed(std::min<std::uint64_t>(i / 300, 8)) + 8);
    const std::string piece(reinterpret_cast<const char*>(&word), 8);
    if (piece.find(' ') == std::string::npos) vocab.tokens.push_back({piece, -1000, 1});
  }
  const testing::Bytes bytes = vocab.builder().build();
  const auto file = gguf::File::parse(bytes);
  ASSERT_TRUE(file.ok()) << file.error().message;
  const auto read = Vocab::from(*file);
  ASSERT_TRUE(read.ok()) << read.error().message;
  const auto spm = Spm::from(*file, *read);
  ASSERT_TRUE(spm.ok()) << spm.error().message;
  EXPECT_LE(spm->longest_probe(), 256u);
  EXPECT_EQ(pieces(tokenizer_of(vocab), "ab ab"), (Strings{kMark + "ab", kMark + "ab"}));
}

TEST(Spm, MebibytesOfSpacesAndOfWords) {
  const Tokenizer t = tokenizer_of(vocab_of({kMark, "a", kMark + kMark, kMark + "a"}));
  const std::string spaces(kLong, ' ');
  EXPECT_EQ(t.encode(spaces, false).size(), (spaces.size() + 1 + 1) / 2);
  std::string words;
  while (words.size() < kLong) words += " a";
  words.erase(0, 1);
  EXPECT_EQ(t.encode(words, false), Ids((words.size() + 1) / 2, 262));
}

TEST(Spm, ThousandsOfUserDefinedTokensAndALongText) {
  PlainVocab vocab = vocab_of({kMark, "a"});
  for (int i = 0; i < 6000; ++i) {
    vocab.tokens.push_back({"<unused" + std::to_string(i) + ">", 0, 4});
  }
  const Tokenizer t = tokenizer_of(vocab);
  std::string text;
  while (text.size() < kLong / 4) text += "aaaa <unused <unused42> <unusedd>";
  const Ids ids = t.encode(text, false);
  EXPECT_EQ(static_cast<std::size_t>(std::count(ids.begin(), ids.end(), vocab.id_of("<unused42>"))),
            text.size() / 33);
  EXPECT_EQ(t.decode(ids), text);
}

TEST(Spm, ManyThreadsMayShareOne) {
  const Tokenizer t = tokenizer_of(vocab_of({kMark, "a", "b", "ab", kMark + "ab"}));
  const std::string text = "ab abba baab ba \xE2\x96\x81 ab";
  const Ids want = t.encode(text, true);
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (int& count : wrong) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        if (t.encode(text, true) != want || t.decode(want) != text) ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

}  // namespace
}  // namespace prumo
