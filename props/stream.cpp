// The law of streaming: what comes out, all together, is the repaired text of all tokens; and at
// every moment it is whole characters.
#include "tokenizer/stream.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "support/spm_reference.h"
#include "support/spm_vocab.h"

namespace prumo {
namespace {

using testing::grown_vocab;
using testing::PlainVocab;
using testing::SpmReference;
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
  const PlainVocab vocab = grown_vocab(*rc::gen::arbitrary<Bytes>());
  const Tokenizer tokenizer = tokenizer_of(vocab);
  const Ids ids = *ids_of(vocab);
  const SpmReference reference(vocab);
  const Utf8Oracle& utf8 = Utf8Oracle::get();
  TextStream stream(tokenizer, true);
  std::string out;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::string before = out;
    stream.push(ids[i], out);
    RC_ASSERT(out.starts_with(before));
    RC_ASSERT(utf8.well_formed(out));
    // Nothing that is ripe is kept back.
    const Ids so_far(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    const std::string cut = stream.holds_back() ? std::string(kReplacementCharacter) : "";
    RC_ASSERT(out + cut == utf8.repair(reference.decode(so_far)));
  }
  stream.finish(out);
  RC_ASSERT(out == utf8.repair(tokenizer.decode(ids)));
  RC_ASSERT(!stream.holds_back());
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
