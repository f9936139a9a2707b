// Tokens that are found whole: which of several that overlap, and how long that may take when model
// and text are made to make it slow.
#include "tokenizer/user_defined.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/sanitized.h"
#include "support/spm_reference.h"
#include "support/spm_vocab.h"

namespace prumo {
namespace {

using testing::PlainVocab;
using testing::SpmReference;
using testing::tokenizer_of;
using Ids = std::vector<TokenId>;

/// byte_vocab and these tokens, all user-defined: the first is 259.
PlainVocab vocab_with(const std::vector<std::string>& texts) {
  PlainVocab vocab = testing::byte_vocab();
  vocab.add_space = false;
  for (const std::string& text : texts) vocab.tokens.push_back({text, 0, 4});
  return vocab;
}

std::string run(std::size_t n, char letter = 'a') {
  return std::string(n, letter);
}

/// The ids of a text; for the places in which `texts` stand, 0, 1, ...; -1 for a byte.
Ids cut(const std::vector<std::string>& texts, std::string_view text) {
  const PlainVocab vocab = vocab_with(texts);
  Ids ids = tokenizer_of(vocab).encode(text, false);
  EXPECT_EQ(ids, SpmReference(vocab).encode(text));
  for (TokenId& id : ids) id = id < 259 ? -1 : id - 259;
  return ids;
}

/// `first`, then n bytes.
Ids behind(TokenId first, std::size_t n) {
  Ids ids(n + 1, -1);
  ids[0] = first;
  return ids;
}

TEST(UserDefined, TheLongestThenTheLowerIdThenTheLeftmost) {
  EXPECT_EQ(cut({"ab", "bcd", "cd"}, "abcd"), (Ids{-1, 1}));
  EXPECT_EQ(cut({"ab", "bc"}, "abc"), (Ids{0, -1}));
  EXPECT_EQ(cut({"bc", "ab"}, "abc"), (Ids{-1, 0}));
  EXPECT_EQ(cut({"aa"}, "aaaaa"), (Ids{0, 0, -1}));
  EXPECT_EQ(cut({"abab", "ba"}, "ababab"), (Ids{0, -1, -1}));
}

TEST(UserDefined, OfEqualTextsTheLast) {
  EXPECT_EQ(cut({"ab", "ab"}, "ab"), (Ids{1}));
  // The last "ab" is of a higher id than "bc", so that "bc" goes first.
  EXPECT_EQ(cut({"ab", "bc", "ab"}, "abc"), (Ids{-1, 1}));
}

TEST(UserDefined, AShorterTokenTakesTheRoomThatALongerOneLeaves) {
  const std::vector<std::string> runs = {"a", "aa", "aaa", "aaaab", "bbbbbb"};
  EXPECT_EQ(cut(runs, "aaaaaaab"), (Ids{2, 3}));
  EXPECT_EQ(cut(runs, "aaaaaab"), (Ids{1, 3}));
  EXPECT_EQ(cut(runs, "aaaaab"), (Ids{0, 3}));
  EXPECT_EQ(cut(runs, "aaaabbbbbb"), (Ids{2, 0, 4}));
  // A longer one ends inside a shorter one's place, and begins inside it.
  EXPECT_EQ(cut({"bcd", "xab", "deee"}, "xabcdeee"), (Ids{1, -1, 2}));
}

TEST(UserDefined, TokensOfAboutSixtyFourBytes) {
  for (std::size_t n = 61; n <= 68; ++n) {
    const std::vector<std::string> texts = {run(n) + "b", run(n) + "c", run(n), run(n) + "ca"};
    EXPECT_EQ(cut(texts, run(n) + "b" + run(n) + "c"), (Ids{0, 1})) << n;
    EXPECT_EQ(cut(texts, run(n) + "ca" + run(n)), (Ids{3, 2})) << n;
    EXPECT_EQ(cut(texts, "b" + run(n)), (Ids{-1, 2})) << n;
    EXPECT_EQ(cut(texts, run(n - 1) + "b"), Ids(n, -1)) << n;
    EXPECT_EQ(cut(texts, run(n) + "ca" + run(n - 1) + "b"), behind(3, n)) << n;
  }
}

// ---- Made to be slow: each would take minutes or hours if its cost were a product ---------------

/// How much longer than what is tried where every access is checked.
#if defined(PRUMO_TEST_SANITIZED)
constexpr std::size_t kSize = 1;
#else
constexpr std::size_t kSize = 2;
#endif
constexpr std::size_t kLong = kSize * 200000;

TEST(UserDefinedCost, ALongTokenThatNearlyStandsEverywhere) {
  // At every byte of the text half of the token is there.
  const Tokenizer t = tokenizer_of(vocab_with({run(kLong / 2) + "b", run(kLong) + "b"}));
  const std::string text = run(kLong);
  EXPECT_EQ(t.encode(text, false), Ids(kLong, 3 + 'a'));
  Ids want(kLong / 2 - 1, 3 + 'a');
  want.push_back(259);
  EXPECT_EQ(t.encode(text + "b", false), (Ids{260}));
  EXPECT_EQ(t.encode(text.substr(1) + "b", false), want);
}

TEST(UserDefinedCost, ALongTokenThatStandsAtTheEndOnly) {
  const Tokenizer t = tokenizer_of(vocab_with({run(kLong / 2) + "b" + run(kLong / 2)}));
  Ids want(kLong, 3 + 'a');
  want.push_back(259);
  EXPECT_EQ(t.encode(run(kLong + kLong / 2) + "b" + run(kLong / 2), false), want);
}

TEST(UserDefinedCost, EveryTokenOfThousandsIsThere) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<std::string> texts;
  std::string text;
  Ids want;
  for (std::size_t i = 0; i < kSize * 150000; ++i) {
    texts.push_back(
        {kLetters[i >> 18 & 63], kLetters[i >> 12 & 63], kLetters[i >> 6 & 63], kLetters[i & 63]});
    text += "." + texts.back();
    want.insert(want.end(), {3 + '.', static_cast<TokenId>(259 + i)});
  }
  // Four times over, so that there are more parts.
  for (int twice = 0; twice < 2; ++twice) {
    text += text;
    const Ids once = want;
    want.insert(want.end(), once.begin(), once.end());
  }
  EXPECT_EQ(tokenizer_of(vocab_with(texts)).encode(text, false), want);
}

TEST(UserDefinedCost, ManyLongTokensWithOneBeginningThatStandsEverywhere) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < kSize * 10000; ++i) texts.push_back(run(70) + std::to_string(i));
  const std::string text = run(kLong);
  const Tokenizer t = tokenizer_of(vocab_with(texts));
  EXPECT_EQ(t.encode(text, false), Ids(kLong, 3 + 'a'));
  EXPECT_EQ(t.encode(text.substr(0, 70) + "7a", false), (Ids{266, 3 + 'a'}));
}

TEST(UserDefinedCost, EveryLengthBeginsEverywhere) {
  std::vector<std::string> texts;
  for (std::size_t n = 1; n <= 250 * kSize; ++n) texts.push_back(run(n));
  const Tokenizer t = tokenizer_of(vocab_with(texts));
  const std::size_t longest = texts.size();
  EXPECT_EQ(t.encode(run(kLong), false), Ids(kLong / longest, 258 + static_cast<TokenId>(longest)));
  Ids want;  // every run but for the last fits
  std::string text;
  for (std::size_t n = 1; n < longest; ++n) {
    text += run(n) + "b";
    want.insert(want.end(), {258 + static_cast<TokenId>(n), 3 + 'b'});
  }
  EXPECT_EQ(t.encode(text, false), want);
}

}  // namespace
}  // namespace prumo
