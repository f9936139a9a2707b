// A vocabulary and a text out of one input. The merges must be those of the definition, and the
// bytes must come back.
//
// Input: u16 length of the vocabulary's bytes, those bytes (see grown_vocab), a byte whose lowest
// bit says whether the rest is a text of atoms or a text as it stands, the rest.
#include "tokenizer/spm.h"

#include <algorithm>
#include <span>
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
  const bool raw = (input.take<std::uint8_t>() & 1) != 0;
  // The definition is slow: no more than it can bear.
  const std::size_t length = std::min<std::size_t>(input.size(), raw ? 256 : 64);
  std::string text = raw ? std::string(input.data(), input.data() + length)
                         : testing::atoms({input.data(), length});
  const auto copy = fuzz::exact_copy<char>(text.data(), text.size());
  const std::string_view exact(copy.get(), text.size());

  const Tokenizer tokenizer = testing::tokenizer_of(vocab);
  const testing::SpmReference reference(vocab);
  std::vector<TokenId> ids = tokenizer.encode(exact, false);
  CHECK(ids == reference.encode(text), "merges of " + std::to_string(text.size()) + " bytes");
  for (const TokenId id : ids) {
    CHECK(id >= 0 && static_cast<std::size_t>(id) < tokenizer.size(), "id " + std::to_string(id));
  }
  const std::string decoded = tokenizer.decode(ids);
  CHECK(decoded == reference.decode(ids), "text of the tokens");
  if (reference.lossless()) CHECK(decoded == text, "round trip");

  const std::vector<TokenId> with_bos = tokenizer.encode(exact, true);
  if (tokenizer.adds_bos()) ids.insert(ids.begin(), tokenizer.bos());
  CHECK(with_bos == ids, "bos");
  CHECK(tokenizer.decode(with_bos) == decoded, "text behind a bos");
  return 0;
}
