// Any bytes, cut anywhere, against the definition. The first byte seeds the cuts.
#include <algorithm>
#include <string>
#include <vector>

#include "support/check.h"
#include "support/utf8_law.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  prumo::fuzz::Input input(data, size);
  auto seed = input.take<std::uint8_t>();
  std::vector<std::string> pieces;
  while (input.size() != 0) {
    seed = static_cast<std::uint8_t>(seed * 5 + 113);
    const std::size_t n = std::min<std::size_t>(seed >> 5, input.size());
    pieces.emplace_back(input.data(), input.data() + n);
    input.skip(n);
  }
  const std::string fault = prumo::testing::utf8_law(pieces);
  CHECK(fault.empty(), fault);
  return 0;
}
