// Text as it streams: whole characters, dead bytes, the space in front, the end.
#include "tokenizer/stream.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/counting_new.h"
#include "support/spm_vocab.h"

namespace prumo {
namespace {

using testing::byte_vocab;
using testing::PlainVocab;
using testing::tokenizer_of;
using testing::vocab_of;
using Ids = std::vector<TokenId>;

const std::string kMark(kSpaceMark);
const std::string kDead(kReplacementCharacter);

TokenId byte(unsigned value) {
  return static_cast<TokenId>(3 + value);
}

/// What each push appends, and at last what finish appends.
std::vector<std::string> pushed(const Tokenizer& tokenizer, const Ids& ids, bool at_start = true) {
  TextStream stream(tokenizer, at_start);
  std::vector<std::string> out;
  for (const TokenId id : ids) stream.push(id, out.emplace_back());
  stream.finish(out.emplace_back());
  return out;
}

using Strings = std::vector<std::string>;

TEST(TextStream, ACharacterInFourTokensComesOutOnce) {
  const Tokenizer t = tokenizer_of(vocab_of({"a"}));
  EXPECT_EQ(pushed(t, {byte(0xF0), byte(0x9F), byte(0xA6), byte(0x99), 259}),
            (Strings{"", "", "", "\xF0\x9F\xA6\x99", "a", ""}));
}

TEST(TextStream, ADeadTailComesOutAsSoonAsItIsDead) {
  const Tokenizer t = tokenizer_of(vocab_of({"a"}));
  EXPECT_EQ(pushed(t, {byte(0xF0), byte(0x9F), 259, byte(0x80), byte(0xE2), byte(0xE2)}),
            (Strings{"", "", kDead + "a", kDead, "", kDead, kDead}));
}

TEST(TextStream, FinishFlushesAnIncompleteTail) {
  const Tokenizer t = tokenizer_of(vocab_of({"a"}));
  TextStream stream(t, true);
  std::string out = "before ";
  stream.push(byte(0xE2), out);
  EXPECT_TRUE(stream.holds_back());
  EXPECT_EQ(out, "before ");
  stream.finish(out);
  EXPECT_FALSE(stream.holds_back());
  EXPECT_EQ(out, "before " + kDead);
  stream.finish(out);
  EXPECT_EQ(out, "before " + kDead);
}

TEST(TextStream, TheFirstSpaceGoesAtTheStartOnly) {
  const PlainVocab vocab = vocab_of({kMark + "a", kMark, "a"});
  const Tokenizer t = tokenizer_of(vocab);
  EXPECT_EQ(pushed(t, {259, 259}), (Strings{"a", " a", ""}));
  EXPECT_EQ(pushed(t, {259, 259}, false), (Strings{" a", " a", ""}));
  EXPECT_EQ(pushed(t, {260, 260, 261}), (Strings{"", " ", "a", ""}));
  EXPECT_EQ(pushed(t, {byte(' '), byte(' ')}), (Strings{"", " ", ""}));
  EXPECT_EQ(pushed(t, {1, 259}), (Strings{"", "a", ""}));
  EXPECT_EQ(pushed(t, {261, 259}), (Strings{"a", " a", ""}));
}

TEST(TextStream, WhatFollowsAnEndContinuesTheText) {
  const PlainVocab vocab = vocab_of({kMark + "a"});
  const Tokenizer t = tokenizer_of(vocab);
  for (const bool at_start : {true, false}) {
    TextStream stream(t, at_start);
    std::string out;
    stream.finish(out);
    stream.push(259, out);
    EXPECT_EQ(out, " a");
  }
}

TEST(TextStream, SpecialTokensPrintNothingAndBeginARun) {
  PlainVocab vocab = vocab_of({kMark + "a"});
  vocab.tokens.push_back({"<tool>", 0, 4});
  vocab.tokens.push_back({"<|end|>", 0, 3});
  const Tokenizer t = tokenizer_of(vocab);
  EXPECT_EQ(pushed(t, {0, 259, 1, 259, 2, 261, 259, 260, 259, 259}),
            (Strings{"", "a", "", "a", "", "", "a", "<tool>", "a", " a", ""}));
}

TEST(TextStream, BytesAreJoinedAcrossTokensThatPrintNothing) {
  const Tokenizer t = tokenizer_of(byte_vocab());
  EXPECT_EQ(pushed(t, {byte(0xC3), 2, -1, 1 << 30, byte(0xA9)}),
            (Strings{"", "", "", "", "\xC3\xA9", ""}));
}

TEST(TextStream, PiecesMayBeginAndEndInsideCharacters) {
  const PlainVocab vocab = vocab_of({"x\xF0\x9F", "\xA6\x99y\xE2", "\x82\xACz\xFF"});
  EXPECT_EQ(pushed(tokenizer_of(vocab), {259, 260, 261}),
            (Strings{"x", "\xF0\x9F\xA6\x99y", "\xE2\x82\xACz" + kDead, ""}));
}

TEST(TextStream, PushAllocatesNothingOfItsOwn) {
  const PlainVocab vocab = vocab_of({kMark + "word", "x\xF0\x9F", "\xA6\x99y"});
  const Tokenizer t = tokenizer_of(vocab);
  std::string out;
  out.reserve(std::size_t{1} << 16);
  const std::size_t before = testing::allocations;
  TextStream stream(t, true);
  for (int i = 0; i < 1000; ++i) {
    for (const TokenId id : {259, 260, 261, byte(0xFF), byte(0xE2), 2}) stream.push(id, out);
  }
  stream.finish(out);
  const std::size_t streamed = testing::allocations;
  const std::string probe(100, 'x');
  const std::size_t probed = testing::allocations;
  EXPECT_EQ(streamed, before);
  EXPECT_EQ(probed, streamed + 1) << "the counter must count";
  EXPECT_EQ(out.size(), 1000u * (4 + 6 + 3 + 3));
}

}  // namespace
}  // namespace prumo
