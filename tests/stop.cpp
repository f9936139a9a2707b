// Stop texts in a text that grows by pieces.
#include "generate/stop.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/floats.h"

namespace prumo::testing {
namespace {

TEST(StopTexts, FindsTheEarliestOfSeveral) {
  const StopTexts stops({"END", "\n\n", "ND"});
  EXPECT_EQ(stops.find("abc", 0), std::string::npos);
  EXPECT_EQ(stops.find("abcEND", 0), 3u);
  EXPECT_EQ(stops.find("a\n\nEND", 0), 1u);
  EXPECT_EQ(StopTexts({}).find("anything", 0), std::string::npos);
}

TEST(StopTexts, FindsOneThatLiesAcrossPieces) {
  const StopTexts stops({"END"});
  EXPECT_EQ(stops.find("abcEND", 4), 3u);
  EXPECT_EQ(stops.find("abcEND", 5), 3u);
}

TEST(StopTexts, HoldsBackWhatMayBecomeOne) {
  const StopTexts stops({"END", "--"});
  EXPECT_EQ(stops.certain("abc"), 3u);
  EXPECT_EQ(stops.certain("abcE"), 3u);
  EXPECT_EQ(stops.certain("abcEN"), 3u);
  EXPECT_EQ(stops.certain("abcEN-"), 5u);
  EXPECT_EQ(stops.certain("E"), 0u);
  EXPECT_EQ(stops.certain(""), 0u);
  EXPECT_EQ(StopTexts({}).certain("abc"), 3u);
}

TEST(StopTexts, TheOneThatEndsFirstCounts) {
  const StopTexts stops({"abcd", "c", "bc"});
  EXPECT_EQ(stops.find("xabcd", 0), 2u);  // "bc" and "c" end before "abcd" does
  EXPECT_EQ(stops.find("xabc", 3), 2u);
  EXPECT_EQ(stops.find("xab", 0), std::string::npos);
}

// Any text, cut anywhere: piecewise search finds what a search of the whole finds, and never shows
// a byte of it.
TEST(StopTexts, PiecesFindWhatTheWholeHas) {
  Bits bits(3);
  for (int round = 0; round < 20000; ++round) {
    const auto random_text = [&](std::size_t least, std::size_t most) {
      std::string text(least + bits.below(most - least + 1), 'a');
      for (char& c : text) c = static_cast<char>('a' + bits.below(2));
      return text;
    };
    std::vector<std::string> texts(1 + bits.below(3));
    for (std::string& text : texts) text = random_text(1, 4);
    const StopTexts stops(texts);
    const std::string whole = random_text(0, 12);
    const std::size_t expected = stops.find(whole, 0);
    std::size_t least_end = whole.size() + 1;
    for (const std::string& text : texts) {
      if (whole.find(text) == std::string::npos) continue;
      least_end = std::min(least_end, whole.find(text) + text.size());
    }
    ASSERT_EQ(expected == std::string::npos, least_end > whole.size());

    std::string grown;
    std::size_t shown = 0;
    std::size_t found = std::string::npos;
    while (grown.size() < whole.size() && found == std::string::npos) {
      const std::size_t seen = grown.size();
      grown += whole.substr(seen, 1 + bits.below(3));
      found = stops.find(grown, seen);
      if (found == std::string::npos) shown = std::max(shown, stops.certain(grown));
    }
    if (found != std::string::npos) {
      ASSERT_EQ(found, expected) << grown;
      bool is_stop = false;
      for (const std::string& text : texts) {
        is_stop = is_stop || whole.substr(found, least_end - found) == text;
      }
      ASSERT_TRUE(is_stop) << whole;
      ASSERT_LE(shown, found) << "part of a stop text was shown";
    } else {
      ASSERT_EQ(expected, std::string::npos) << whole;
    }
  }
}

}  // namespace
}  // namespace prumo::testing
