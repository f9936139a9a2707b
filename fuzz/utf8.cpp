// Any bytes, cut anywhere, against the definition. The first byte seeds the cuts.
#include "base/utf8.h"

#include <string>

#include "support/check.h"
#include "support/utf8_oracle.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace prumo;
  const testing::Utf8Oracle& oracle = testing::Utf8Oracle::get();
  fuzz::Input input(data, size);
  auto seed = input.take<std::uint8_t>();
  const auto copy = fuzz::exact_copy<char>(input.data(), input.size());
  const std::string_view text(copy.get(), input.size());

  const std::string want = oracle.repair(text);
  std::string whole = "kept";
  utf8_repair(text, whole);
  CHECK(whole == "kept" + want, "repair of " + std::to_string(text.size()) + " bytes");

  Utf8Repairer repairer;
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    seed = static_cast<std::uint8_t>(seed * 5 + 113);
    const std::size_t n = std::min<std::size_t>(seed >> 5, text.size() - at);
    const auto piece = fuzz::exact_copy<char>(text.data() + at, n);
    repairer.push({piece.get(), n}, out);
    at += n;
    CHECK(repairer.pending() <= 3, "kept back");
    const auto cut = repairer.pending() == 0 ? "" : std::string(kReplacementCharacter);
    CHECK(out + cut == oracle.repair(text.substr(0, at)), "after byte " + std::to_string(at));
  }
  repairer.finish(out);
  CHECK(out == want, "in pieces");

  for (std::size_t at = 0; at < text.size();) {
    const Utf8Step step = utf8_step(text.substr(at));
    CHECK(step == oracle.step(text.substr(at)), "step at " + std::to_string(at));
    at += step.size;
  }
  return 0;
}
