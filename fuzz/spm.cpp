// A vocabulary and a text out of one input. The merges must be those of the definition, and the
// bytes must come back.
//
// Input: u16 length of the vocabulary's bytes, those bytes (see grown_vocab), a byte whose lowest
// bit says whether the rest is a text of atoms or a text as it stands, the rest.
#include <algorithm>
#include <string>

#include "support/check.h"
#include "support/spm_law.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace prumo;
  fuzz::Input input(data, size);
  const std::size_t wanted = input.take<std::uint16_t>();  // first: it shortens what is left
  const std::size_t n = std::min(wanted, input.size());
  const std::string vocab(input.data(), input.data() + n);
  input.skip(n);
  const bool raw = (input.take<std::uint8_t>() & 1) != 0;
  // The definition is slow: no more than it can bear.
  const std::size_t length = std::min<std::size_t>(input.size(), raw ? 256 : 64);
  const std::string text = raw ? std::string(input.data(), input.data() + length)
                               : testing::atoms({input.data(), length});
  const std::string fault = testing::spm_law(vocab, text);
  CHECK(fault.empty(), fault);
  return 0;
}
