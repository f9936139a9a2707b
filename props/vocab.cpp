// Laws of loading: every vocabulary that keeps the rules loads, and each broken rule is found.
#include "tokenizer/vocab.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "support/gen.h"
#include "support/vocab_law.h"

namespace prumo {
namespace {

using testing::GgufBuilder;
using testing::grown_vocab;
using testing::obeys;
using testing::PlainVocab;
using testing::special_id_law;
using testing::tokenizer_of;
using testing::vocab_law;
using Bytes = std::vector<std::uint8_t>;

RC_GTEST_PROP(VocabLaw, WhatKeepsTheRulesLoadsAsItIs, ()) {
  const auto vocab = *rc::gen::arbitrary<Bytes>();
  obeys(vocab_law({vocab.begin(), vocab.end()}));
}

RC_GTEST_PROP(VocabLaw, SpecialIdsCountExactlyWhenInside, ()) {
  const auto vocab = *rc::gen::arbitrary<Bytes>();
  const auto n = static_cast<std::uint32_t>(grown_vocab(vocab).tokens.size());
  const std::string name =
      *rc::gen::elementOf(std::vector<std::string>{"bos", "eos", "unknown", "eot", "eom"});
  const auto id = *rc::gen::oneOf(rc::gen::inRange<std::uint32_t>(0, n + 3),
                                  rc::gen::arbitrary<std::uint32_t>());
  obeys(special_id_law({vocab.begin(), vocab.end()}, name, id));
}

RC_GTEST_PROP(VocabLaw, LengthsMustAgree, ()) {
  PlainVocab vocab = grown_vocab(*rc::gen::arbitrary<Bytes>());
  const std::size_t n = vocab.tokens.size();
  const auto other = *rc::gen::suchThat(rc::gen::inRange<std::size_t>(0, 2 * n),
                                        [n](std::size_t m) { return m != n; });
  GgufBuilder file = vocab.builder();
  const bool scores = *rc::gen::arbitrary<bool>();
  // The builder's entries stand in the order model, tokens, scores, types.
  const std::size_t at = scores ? 2 : 3;
  GgufBuilder wrong;
  if (scores) wrong.add_array(file.keys[at].key, std::vector<float>(other));
  if (!scores) wrong.add_array(file.keys[at].key, std::vector<std::int32_t>(other, 1));
  file.keys[at] = wrong.keys[0];
  const auto loaded = tokenizer_of(file);
  RC_ASSERT(!loaded.ok());
  RC_ASSERT(loaded.error().place == file.keys[at].key);
}

RC_GTEST_PROP(VocabLaw, AByteTokenIsTwoHexadecimalDigits, ()) {
  const auto digit =
      rc::gen::map(rc::gen::inRange(0, 256), [](int c) { return static_cast<char>(c); });
  const std::string digits = {*digit, *digit};
  const auto is_hex = [](char c) {
    return std::string_view("0123456789abcdefABCDEF").find(c) != std::string_view::npos;
  };
  const auto byte = parse_byte_token("<0x" + digits + ">");
  RC_ASSERT(byte.has_value() == (is_hex(digits[0]) && is_hex(digits[1])));
  if (byte) RC_ASSERT(*byte == std::stoul(digits, nullptr, 16));
}

}  // namespace
}  // namespace prumo
