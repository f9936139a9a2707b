// The law of stop texts, for a text that grows by pieces.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "generate/stop.h"
#include "support/ready_test.h"

namespace prumo::testing {

/// At every end, the longest stop text that ends there, letter by letter; npos for none.
inline std::size_t first_stop(const std::vector<std::string>& stops, const std::string& text) {
  for (std::size_t end = 0; end <= text.size(); ++end) {
    std::size_t longest = 0;
    for (const std::string& stop : stops) {
      if (stop.size() > end) continue;
      std::size_t n = 0;
      while (n < stop.size() && text[end - stop.size() + n] == stop[n]) ++n;
      if (n == stop.size()) longest = std::max(longest, n);
    }
    if (longest != 0) return end - longest;
  }
  return std::string::npos;
}

/// The longest beginning that is the same in every future: each byte behind it is, right now,
/// inside of an end of the text that begins a stop text, and none before it is.
inline std::size_t certain_of(const std::vector<std::string>& stops, const std::string& text) {
  std::size_t least = text.size();
  for (std::size_t i = text.size(); i-- > 0;) {
    for (const std::string& stop : stops) {
      if (stop.starts_with(text.substr(i))) least = i;
    }
  }
  return least;
}

/// "" or where a text in pieces is not searched as its whole is, where more or less is held back
/// than could become a stop text, or where what was shown is taken back.
inline std::string stop_fault(const std::vector<std::string>& stops,
                              const std::vector<std::string>& pieces) {
  const StopTexts search(stops);
  std::string grown;
  std::size_t shown = 0;
  for (const std::string& piece : pieces) {
    const std::size_t seen = grown.size();
    grown += piece;
    const std::string after = "after byte " + std::to_string(grown.size()) + ", ";
    const std::size_t found = search.find(grown, seen);
    if (found != first_stop(stops, grown)) return after + "found at " + std::to_string(found);
    if (found != std::string::npos) return shown <= found ? "" : after + "it was shown already";
    const std::size_t certain = search.certain(grown);
    if (certain != certain_of(stops, grown))
      return after + std::to_string(certain) + " are certain";
    if (certain < shown) return after + "less is certain than before";
    shown = certain;
  }
  return "";
}
inline std::string stop_law(const std::vector<std::string>& stops,
                            const std::vector<std::string>& pieces) {
  return ready(stop_fault(stops, pieces), "stop_law", stops, pieces);
}

}  // namespace prumo::testing
