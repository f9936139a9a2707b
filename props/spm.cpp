// Laws of SPM for vocabularies and texts grown out of random bytes.
#include "tokenizer/spm.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "support/gen.h"
#include "support/spm_law.h"

namespace prumo {
namespace {

using testing::atoms;
using testing::grown_vocab;
using testing::obeys;
using testing::PlainVocab;
using testing::spm_law;
using testing::SpmReference;
using testing::stream_law;
using testing::tokenizer_of;
using Bytes = std::vector<std::uint8_t>;
using Ids = std::vector<TokenId>;

/// Longer than what rapidcheck makes by itself, so that vocabularies have depth.
rc::Gen<Bytes> bytes() {
  return rc::gen::scale(3.0, rc::gen::arbitrary<Bytes>());
}

/// Texts of the vocabularies' own atoms mostly, any bytes sometimes.
rc::Gen<std::string> text() {
  return rc::gen::weightedOneOf<std::string>(
      {{3, rc::gen::map(bytes(), [](const Bytes& b) { return atoms(b); })},
       {1, rc::gen::map(bytes(), [](const Bytes& b) { return std::string(b.begin(), b.end()); })}});
}

RC_GTEST_PROP(SpmLaw, TextsAreEncodedAsTheDefinitionDoesAndComeBack, ()) {
  const Bytes vocab = *bytes();
  const auto inputs = *rc::gen::container<std::vector<std::string>>(10, text());
  RC_CLASSIFY(SpmReference(grown_vocab(vocab)).lossless(), "every byte has a token");
  for (const std::string& input : inputs) obeys(spm_law({vocab.begin(), vocab.end()}, input));
}

RC_GTEST_PROP(SpmLaw, DecodeOfAnyIds, ()) {
  const Bytes vocab = *bytes();
  const auto n = static_cast<int>(grown_vocab(vocab).tokens.size());
  const Ids ids = *rc::gen::container<Ids>(rc::gen::weightedOneOf<TokenId>(
      {{9, rc::gen::inRange(-2, n + 2)}, {1, rc::gen::arbitrary<TokenId>()}}));
  obeys(stream_law({vocab.begin(), vocab.end()}, ids));
}

// A user-defined token cuts the text for good: what stands on either side is encoded by itself.
RC_GTEST_PROP(SpmLaw, AUserDefinedTokenIsAWall, ()) {
  PlainVocab vocab = grown_vocab(*bytes());
  const auto wall = static_cast<TokenId>(vocab.tokens.size());
  vocab.tokens.push_back({"####", 0, 4});
  const std::string left = *text();
  const std::string right = *text();
  const Tokenizer tokenizer = tokenizer_of(vocab);
  // Only if neither side has a part of the wall.
  RC_PRE(left.find('#') == std::string::npos && right.find('#') == std::string::npos);
  Ids want = tokenizer.encode(left, false);
  want.push_back(wall);
  const Ids rest = tokenizer.encode(right, false);
  want.insert(want.end(), rest.begin(), rest.end());
  RC_ASSERT(tokenizer.encode(left + "####" + right, false) == want);
}

// Pieces that no merge of the text reaches change nothing, so words apart may be encoded apart.
RC_GTEST_PROP(SpmLaw, AnUnrelatedPieceThatSpansWordsChangesNothing, ()) {
  PlainVocab vocab = grown_vocab(*bytes());
  const std::string input = *text();
  const Ids want = tokenizer_of(vocab).encode(input, false);
  vocab.tokens.push_back({"Z\xE2\x96\x81Z", 9, 1});
  RC_ASSERT(tokenizer_of(vocab).encode(input, false) == want);
}

}  // namespace
}  // namespace prumo
