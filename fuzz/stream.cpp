// Any tokens of any vocabulary, streamed: whole characters at every moment, all of the text at the
// end, by a decoder and a UTF-8 of its own.
//
// Input: u16 length of the vocabulary's bytes, those bytes (see grown_vocab), then two bytes a
// token: ids below 512 as they are, so that some lie outside, and special values above.
#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "support/check.h"
#include "support/spm_law.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace prumo;
  fuzz::Input input(data, size);
  const std::size_t wanted = input.take<std::uint16_t>();  // first: it shortens what is left
  const std::size_t n = std::min(wanted, input.size());
  const std::string vocab(input.data(), input.data() + n);
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

  const std::string fault = testing::stream_law(vocab, ids);
  CHECK(fault.empty(), fault);
  return 0;
}
