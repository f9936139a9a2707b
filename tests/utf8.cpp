// UTF-8 repair: the standard's own examples, edges of every range, and cuts.
#include "base/utf8.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "support/utf8_oracle.h"

namespace prumo {
namespace {

using namespace std::string_view_literals;
using testing::Utf8Oracle;

std::string repaired(std::string_view bytes) {
  std::string out;
  utf8_repair(bytes, out);
  return out;
}

/// n replacement characters.
std::string replaced(std::size_t n) {
  std::string out;
  for (std::size_t i = 0; i < n; ++i) out += kReplacementCharacter;
  return out;
}

TEST(Utf8Step, CharactersOfEveryLengthAtTheEdges) {
  const std::vector<std::pair<std::string_view, int>> cases = {{"\0"sv, 1},
                                                               {"\x7F", 1},
                                                               {"\xC2\x80", 2},
                                                               {"\xDF\xBF", 2},
                                                               {"\xE0\xA0\x80", 3},
                                                               {"\xED\x9F\xBF", 3},
                                                               {"\xEE\x80\x80", 3},
                                                               {"\xEF\xBF\xBF", 3},
                                                               {"\xF0\x90\x80\x80", 4},
                                                               {"\xF4\x8F\xBF\xBF", 4}};
  for (const auto& [text, size] : cases) {
    const Utf8Step want = {Utf8::kCharacter, static_cast<std::uint8_t>(size)};
    EXPECT_EQ(utf8_step(text), want) << text;
    EXPECT_EQ(utf8_step(std::string(text) + "\xFF"), want) << text;
    for (std::size_t n = 1; n < text.size(); ++n) {
      EXPECT_EQ(utf8_step(text.substr(0, n)), (Utf8Step{Utf8::kCut, static_cast<std::uint8_t>(n)}));
    }
  }
}

TEST(Utf8Step, BrokenIsAMaximalSubpart) {
  const std::vector<std::pair<std::string_view, int>> cases = {
      {"\x80", 1},         {"\xBF", 1},     {"\xC0\x80", 1},     {"\xC1\xBF", 1},
      {"\xC2\x41", 1},     {"\xC2\xC2", 1}, {"\xE0\x9F\x80", 1}, {"\xED\xA0\x80", 1},
      {"\xE1\x80\x41", 2}, {"\xE1\xC0", 1}, {"\xF0\x8F", 1},     {"\xF0\x90\x80\x41", 3},
      {"\xF0\x90\x41", 2}, {"\xF4\x90", 1}, {"\xF5\x80", 1},     {"\xFF", 1}};
  for (const auto& [text, size] : cases) {
    EXPECT_EQ(utf8_step(text), (Utf8Step{Utf8::kBroken, static_cast<std::uint8_t>(size)}))
        << ::testing::PrintToString(text);
  }
}

// Tables 3-8 to 3-11 of the Unicode Standard, chapter 3.
TEST(Utf8Repair, TheStandardsExamples) {
  EXPECT_EQ(repaired("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"), replaced(8) + "A");
  EXPECT_EQ(repaired("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"), replaced(8) + "A");
  EXPECT_EQ(repaired("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"),
            replaced(5) + "A" + replaced(2) + "B");
  EXPECT_EQ(repaired("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), replaced(4) + "A");
}

TEST(Utf8Repair, WellFormedTextIsUntouched) {
  EXPECT_EQ(repaired(""), "");
  const std::string_view text = "a\0\x7F é € 🦙 \xEF\xBF\xBD\xF4\x8F\xBF\xBF"sv;
  EXPECT_EQ(repaired(text), text);
}

TEST(Utf8Repair, AppendsAndKeepsWhatWasThere) {
  std::string out = "\xFFkept";
  utf8_repair("\xE2\x82", out);
  EXPECT_EQ(out, "\xFFkept" + replaced(1));
}

TEST(Utf8Repairer, HandsOutWholeCharactersOnly) {
  Utf8Repairer repairer;
  std::string out;
  const std::string_view llama = "\xF0\x9F\xA6\x99";
  for (std::size_t i = 0; i < 3; ++i) {
    repairer.push(llama.substr(i, 1), out);
    EXPECT_EQ(out, "");
    EXPECT_EQ(repairer.pending(), i + 1);
  }
  repairer.push("\x99!", out);
  EXPECT_EQ(out, std::string(llama) + "!");
  EXPECT_EQ(repairer.pending(), 0u);
}

TEST(Utf8Repairer, WhatCannotBecomeACharacterComesOutAtOnce) {
  Utf8Repairer repairer;
  std::string out;
  repairer.push("\xF0\x9F", out);
  repairer.push("\xF0\x9F", out);  // the first two are dead, the second two may live
  EXPECT_EQ(out, replaced(1));
  EXPECT_EQ(repairer.pending(), 2u);
  repairer.push("a", out);
  EXPECT_EQ(out, replaced(2) + "a");
}

TEST(Utf8Repairer, FinishReplacesTheTailAndStartsAnew) {
  Utf8Repairer repairer;
  std::string out;
  repairer.finish(out);
  EXPECT_EQ(out, "");
  repairer.push("x\xE2\x82", out);
  EXPECT_EQ(out, "x");
  repairer.finish(out);
  repairer.push("\xAC", out);
  EXPECT_EQ(out, "x" + replaced(2));
}

TEST(Utf8Repairer, EveryCutOfAMixedTextGivesTheSame) {
  const std::string_view text =
      "a\xF0\x9F\xA6\x99\xE2\x82\x41\xED\xA0\x80\xC3\xA9\xF4\x90\xE1\x80"sv;
  const std::string want = Utf8Oracle::get().repair(text);
  EXPECT_EQ(repaired(text), want);
  for (std::size_t i = 0; i <= text.size(); ++i) {
    for (std::size_t j = i; j <= text.size(); ++j) {
      Utf8Repairer repairer;
      std::string out;
      repairer.push(text.substr(0, i), out);
      repairer.push(text.substr(i, j - i), out);
      repairer.push(text.substr(j), out);
      repairer.finish(out);
      ASSERT_EQ(out, want) << i << " " << j;
    }
  }
}

}  // namespace
}  // namespace prumo
