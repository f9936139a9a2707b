// Laws of stop texts: a text that comes in pieces is searched as the whole is, and nothing is shown
// that could belong to a stop text.
#include "generate/stop.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace prumo {
namespace {

constexpr std::size_t kNowhere = std::string::npos;

// Of few letters, so that beginnings of one lie in others everywhere.
rc::Gen<std::string> text() {
  return rc::gen::container<std::string>(rc::gen::element('a', 'b', 'a', 'c'));
}
rc::Gen<std::vector<std::string>> stops() {
  return rc::gen::scale(0.06,
                        rc::gen::container<std::vector<std::string>>(rc::gen::nonEmpty(text())));
}

// At every end, the longest stop text that ends there, letter by letter.
std::size_t first_of(const std::vector<std::string>& stops, const std::string& text) {
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
  return kNowhere;
}

RC_GTEST_PROP(StopLaw, PiecesAreSearchedAsTheWholeIs, ()) {
  const auto wanted = *stops();
  const auto pieces = *rc::gen::container<std::vector<std::string>>(rc::gen::scale(0.1, text()));
  const StopTexts search(wanted);
  std::string grown;
  for (const std::string& piece : pieces) {
    const std::size_t seen = grown.size();
    grown += piece;
    const std::size_t found = search.find(grown, seen);
    RC_ASSERT(found == first_of(wanted, grown));
    if (found != kNowhere) return;
  }
}

// `certain` is the longest beginning that is the same in every future: each byte after it is, right
// now, inside of an end of the text that begins a stop text, and none before it is.
RC_GTEST_PROP(StopLaw, WhatIsHeldBackIsWhatCouldBecomeOne, ()) {
  const auto wanted = *stops();
  const auto grown = *text();
  RC_PRE(first_of(wanted, grown) == kNowhere);
  std::size_t least = grown.size();
  for (std::size_t i = grown.size(); i-- > 0;) {
    for (const std::string& stop : wanted) {
      if (stop.starts_with(grown.substr(i))) least = i;
    }
  }
  RC_ASSERT(StopTexts(wanted).certain(grown) == least);
}

// So what has been shown is never taken back.
RC_GTEST_PROP(StopLaw, NothingShownIsEverPartOfOne, ()) {
  const auto wanted = *stops();
  const auto pieces = *rc::gen::container<std::vector<std::string>>(rc::gen::scale(0.1, text()));
  const StopTexts search(wanted);
  std::string grown;
  std::size_t shown = 0;
  for (const std::string& piece : pieces) {
    const std::size_t seen = grown.size();
    grown += piece;
    const std::size_t found = search.find(grown, seen);
    if (found != kNowhere) {
      RC_ASSERT(shown <= found);
      return;
    }
    RC_ASSERT(search.certain(grown) >= shown);
    shown = search.certain(grown);
  }
}

}  // namespace
}  // namespace prumo
