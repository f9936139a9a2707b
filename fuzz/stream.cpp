// Any tokens of any vocabulary, streamed: whole characters at every moment, all of the text at the
// end, by a decoder and a UTF-8 of its own.
//
// Input: u16 length of the vocabulary's bytes, those bytes (see grown_vocab), then two bytes a
// token: ids below 512 as they are, so that some lie outside, and special values above.
#include "tokenizer/stream.h"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "support/check.h"
#include "support/spm_reference.h"
#include "support/spm_vocab.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace prumo;
  fuzz::Input input(data, size);
  const std::size_t wanted = input.take<std::uint16_t>();  // first: it shortens what is left
  const std::size_t n = std::min(wanted, input.size());
  const testing::PlainVocab vocab = testing::grown_vocab({input.data(), n});
  input.skip(n);
  std::vector<TokenId> ids;
  while (input.size() != 0 && ids.size() < 100) {
    const auto number = input.take<std::uint16_t>();
    if ((number >> 12) == 15)
      ids.push_back(std::numeric_limits<TokenId>::min() + number);
    else if ((number >> 12) == 14)
      ids.push_back(std::numeric_limits<TokenId>::max() - number);
    else
      ids.push_back(number & 511);
  }

  const Tokenizer tokenizer = testing::tokenizer_of(vocab);
  const testing::SpmReference reference(vocab);
  const testing::Utf8Oracle& utf8 = testing::Utf8Oracle::get();
  CHECK(tokenizer.decode(ids) == reference.decode(ids), "text of the tokens");
  TextStream stream(tokenizer, true);
  std::string out;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    std::string piece;
    stream.push(ids[i], piece);
    CHECK(utf8.well_formed(piece), "piece " + std::to_string(i));
    out += piece;
    const std::vector<TokenId> so_far(ids.begin(),
                                      ids.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    const std::string cut = stream.holds_back() ? std::string(kReplacementCharacter) : "";
    CHECK(out + cut == utf8.repair(reference.decode(so_far)), "after token " + std::to_string(i));
  }
  stream.finish(out);
  CHECK(out == utf8.repair(reference.decode(ids)), "all of it");
  return 0;
}
