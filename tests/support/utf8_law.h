// The law of UTF-8 repair, for bytes in any pieces.
#pragma once

#include <string>
#include <vector>

#include "base/utf8.h"
#include "support/input.h"
#include "support/ready_test.h"
#include "support/utf8_oracle.h"

namespace prumo::testing {

/// "" or how the steps, the repair in one piece or the repair of what has come so far departs from
/// the definition.
inline std::string utf8_fault(const std::vector<std::string>& pieces) {
  const Utf8Oracle& oracle = Utf8Oracle::get();
  Utf8Repairer repairer;
  std::string all;
  std::string out;
  for (const std::string& piece : pieces) {
    all += piece;
    const auto copy = exact_copy<char>(piece.data(), piece.size());
    repairer.push({copy.get(), piece.size()}, out);
    const std::string after = "after byte " + std::to_string(all.size());
    if (!oracle.well_formed(out)) return after + ", what came out is not whole characters";
    if (repairer.pending() > 3) return after + ", more than a character is kept back";
    const std::string cut = repairer.pending() == 0 ? "" : std::string(kReplacementCharacter);
    if (out + cut != oracle.repair(all)) return after + ", the repair is not the definition's";
  }
  const auto copy = exact_copy<char>(all.data(), all.size());
  const std::string_view text(copy.get(), all.size());
  const std::string wanted = oracle.repair(text);
  repairer.finish(out);
  if (out != wanted) return "in pieces, the whole is not the definition's";
  std::string whole = "kept";
  utf8_repair(text, whole);
  if (whole != "kept" + wanted) return "in one piece, the repair is not the definition's";
  whole.clear();
  utf8_repair(wanted, whole);
  if (whole != wanted) return "a repaired text is repaired again";
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Step step = utf8_step(text.substr(at));
    if (step != oracle.step(text.substr(at))) return "wrong step at byte " + std::to_string(at);
    at += step.size;
  }
  return "";
}
inline std::string utf8_law(const std::vector<std::string>& pieces) {
  return ready(utf8_fault(pieces), "utf8_law", pieces);
}

}  // namespace prumo::testing
