// Every string of up to three bytes, and every one of four that could be a character, through UTF-8
// repair, the text stream and the byte tokens of a vocabulary.
#include "base/utf8.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "support/every.h"
#include "support/spm_vocab.h"
#include "support/utf8_oracle.h"
#include "tokenizer/stream.h"

namespace prumo::testing {
namespace {

constexpr TokenId kFirstByte = 3;  // of byte_vocab()

// Calls f with every string of one to three bytes, then with those of four that begin like a
// character of four and go on with any two bytes, and any of the last that matter.
template <class F>
void for_each_string(Every every, F&& f) {
  constexpr std::array<unsigned, 9> kLast = {0x00, 0x41, 0x7F, 0x80, 0x9F, 0xBF, 0xC2, 0xF0, 0xFF};
  std::array<char, 4> bytes{};
  const auto visit = [&](std::size_t n) {
    if (every()) f(std::string_view(bytes.data(), n));
    return !::testing::Test::HasFatalFailure();
  };
  for (unsigned a = 0; a < 256; ++a) {
    bytes[0] = static_cast<char>(a);
    if (!visit(1)) return;
    for (unsigned b = 0; b < 256; ++b) {
      bytes[1] = static_cast<char>(b);
      if (!visit(2)) return;
      for (unsigned c = 0; c < 256; ++c) {
        bytes[2] = static_cast<char>(c);
        if (!visit(3)) return;
        if (a < 0xF0) continue;
        for (const unsigned d : kLast) {
          bytes[3] = static_cast<char>(d);
          if (!visit(4)) return;
        }
      }
    }
  }
}

TEST(Utf8Whole, StepAndRepairAreTheDefinition) {
  const Utf8Oracle& oracle = Utf8Oracle::get();
  std::string whole;
  std::string apart;
  for_each_string(Every(199), [&](std::string_view bytes) {
    ASSERT_EQ(utf8_step(bytes), oracle.step(bytes)) << ::testing::PrintToString(bytes);
    whole.clear();
    utf8_repair(bytes, whole);
    ASSERT_EQ(whole, oracle.repair(bytes)) << ::testing::PrintToString(bytes);
    // However they are cut in two.
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
      apart.clear();
      Utf8Repairer repairer;
      repairer.push(bytes.substr(0, cut), apart);
      repairer.push(bytes.substr(cut), apart);
      repairer.finish(apart);
      ASSERT_EQ(apart, whole) << ::testing::PrintToString(bytes) << ", cut at " << cut;
    }
  });
}

// A vocabulary of bytes and nothing else: a string's tokens are its bytes behind that of the space
// in front, they print what they are, and a stream of them is the repaired text.
TEST(Utf8Whole, ByteTokensAndTheirStream) {
  const Tokenizer tokenizer = tokenizer_of(byte_vocab());
  std::string repaired;
  std::string out;
  for_each_string(Every(499), [&](std::string_view bytes) {
    const std::vector<TokenId> ids = tokenizer.encode(bytes, false);
    ASSERT_EQ(ids.size(), bytes.size() + 1) << ::testing::PrintToString(bytes);
    ASSERT_EQ(ids[0], kFirstByte + ' ');
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      ASSERT_EQ(ids[i + 1], kFirstByte + static_cast<unsigned char>(bytes[i]));
    }
    ASSERT_EQ(tokenizer.decode(ids), bytes);
    repaired.clear();
    utf8_repair(bytes, repaired);
    out.clear();
    TextStream stream(tokenizer, true);
    for (const TokenId id : ids) stream.push(id, out);
    const std::string so_far = out;
    ASSERT_TRUE(repaired.starts_with(so_far)) << ::testing::PrintToString(bytes);
    stream.finish(out);
    ASSERT_EQ(out, repaired) << ::testing::PrintToString(bytes);
  });
}

// Beside pieces that merge, what no piece has falls back to its bytes, and all comes back.
TEST(Utf8Whole, BytesBesidePieces) {
  const Tokenizer tokenizer = tokenizer_of(
      vocab_of({"\xE2\x96\x81", "a", "b", "ab", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\xA6\x99",
                "\xE2\x96\x81"
                "a",
                "aab"}));
  std::string text;
  for_each_string(Every(499), [&](std::string_view bytes) {
    text.assign("a").append(bytes).append("b");
    ASSERT_EQ(tokenizer.decode(tokenizer.encode(text, false)), text)
        << ::testing::PrintToString(bytes);
  });
}

}  // namespace
}  // namespace prumo::testing
