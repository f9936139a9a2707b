// The law of streaming: what comes out, all together, is the repaired text of all tokens; and at
// every moment it is whole characters.
#include "tokenizer/stream.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "support/gen.h"
#include "support/spm_law.h"

namespace prumo {
namespace {

using testing::grown_vocab;
using testing::obeys;
using testing::PlainVocab;
using testing::stream_law;
using testing::tokenizer_of;
using testing::Utf8Oracle;
using Bytes = std::vector<std::uint8_t>;
using Ids = std::vector<TokenId>;

rc::Gen<Ids> ids_of(const PlainVocab& vocab) {
  const auto n = static_cast<int>(vocab.tokens.size());
  // Lead and continuation bytes often, where the vocabulary has bytes (at 3 to 258).
  return rc::gen::container<Ids>(rc::gen::weightedOneOf<TokenId>(
      {{4, rc::gen::inRange(-1, n + 1)}, {3, rc::gen::inRange(3 + 0x80, 3 + 0xF5)}}));
}

RC_GTEST_PROP(StreamLaw, TheWholeIsTheRepairedDecode, ()) {
  const auto vocab = *rc::gen::arbitrary<Bytes>();
  obeys(stream_law({vocab.begin(), vocab.end()}, *ids_of(grown_vocab(vocab))));
}

// A generation that continues a text shows what the whole text has more than its beginning.
RC_GTEST_PROP(StreamLaw, AContinuationIsTheRestOfTheText, ()) {
  const PlainVocab vocab = grown_vocab(*rc::gen::arbitrary<Bytes>());
  const Tokenizer tokenizer = tokenizer_of(vocab);
  Ids ids = {vocab.id_of("a")};  // a beginning that prints
  const bool ordinary =
      ids[0] != kNoToken && vocab.tokens[static_cast<std::size_t>(ids[0])].type == 1;
  RC_PRE(ordinary);
  const Ids more = *ids_of(vocab);
  TextStream stream(tokenizer, false);
  std::string out = "a";
  for (const TokenId id : more) stream.push(id, out);
  stream.finish(out);
  ids.insert(ids.end(), more.begin(), more.end());
  RC_ASSERT(out == Utf8Oracle::get().repair(tokenizer.decode(ids)));
}

}  // namespace
}  // namespace prumo
