// Laws of SPM and of streaming, against the definition, for vocabularies grown out of any bytes
// (grown_vocab, crossing_vocab).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "support/input.h"
#include "support/ready_test.h"
#include "support/spm_reference.h"
#include "support/spm_vocab.h"
#include "tokenizer/stream.h"

namespace prumo::testing {

/// "" or how a text's tokens, with and without a bos, or their text depart from the definition.
inline std::string encode_fault(const PlainVocab& vocab, const std::string& text) {
  const auto copy = exact_copy<char>(text.data(), text.size());
  const std::string_view exact(copy.get(), text.size());
  const Tokenizer tokenizer = tokenizer_of(vocab);
  const SpmReference reference(vocab);
  std::vector<TokenId> ids = tokenizer.encode(exact, false);
  if (ids != reference.encode(text)) return "the tokens are not the definition's";
  for (const TokenId id : ids) {
    if (id < 0 || static_cast<std::size_t>(id) >= tokenizer.size()) {
      return "there is no token " + std::to_string(id);
    }
  }
  const std::string decoded = tokenizer.decode(ids);
  if (decoded != reference.decode(ids)) return "the text of the tokens is not the definition's";
  if (reference.lossless() && decoded != text) return "the text does not come back";
  if (tokenizer.adds_bos() != vocab.add_bos.value_or(true)) return "the bos is not as asked for";
  if (tokenizer.adds_bos()) ids.insert(ids.begin(), tokenizer.bos());
  const std::vector<TokenId> with_bos = tokenizer.encode(exact, true);
  if (with_bos != ids) return "with a bos, not only the bos is more";
  if (tokenizer.decode(with_bos) != decoded) return "behind a bos, the text is another";
  return "";
}
inline std::string spm_law(const std::string& vocab, const std::string& text) {
  return ready(encode_fault(grown_vocab(octets(vocab)), text), "spm_law", vocab, text);
}
inline std::string user_defined_law(const std::string& vocab, const std::string& text) {
  return ready(encode_fault(crossing_vocab(octets(vocab)), text), "user_defined_law", vocab, text);
}

/// "" or how the text of any ids, streamed, departs from the definition's: whole characters at
/// every moment, nothing that is ripe kept back, all of it at the end.
inline std::string stream_fault(const PlainVocab& vocab, const std::vector<TokenId>& ids) {
  const Tokenizer tokenizer = tokenizer_of(vocab);
  const SpmReference reference(vocab);
  const Utf8Oracle& utf8 = Utf8Oracle::get();
  if (tokenizer.decode(ids) != reference.decode(ids)) return "the text is not the definition's";
  TextStream stream(tokenizer, true);
  std::string out;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::string after = "after token " + std::to_string(i);
    const std::string before = out;
    stream.push(ids[i], out);
    if (!out.starts_with(before)) return after + ", what was shown is taken back";
    if (!utf8.well_formed(out)) return after + ", what came out is not whole characters";
    const std::vector<TokenId> so_far(ids.begin(),
                                      ids.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    const std::string cut = stream.holds_back() ? std::string(kReplacementCharacter) : "";
    if (out + cut != utf8.repair(reference.decode(so_far))) return after + ", it is not the text";
  }
  stream.finish(out);
  if (stream.holds_back()) return "at the end, something is kept back";
  return out == utf8.repair(reference.decode(ids)) ? "" : "at the end, it is not the text";
}
inline std::string stream_law(const std::string& vocab, const std::vector<TokenId>& ids) {
  return ready(stream_fault(grown_vocab(octets(vocab)), ids), "stream_law", vocab, ids);
}

}  // namespace prumo::testing
