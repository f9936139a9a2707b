// Laws of UTF-8 repair: the definition for short strings, and the same text for every cut.
#include "base/utf8.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "support/gen.h"
#include "support/utf8_law.h"

namespace prumo {
namespace {

using testing::obeys;
using testing::utf8_law;
using testing::Utf8Oracle;

/// The step, the repair in one piece, and the repair byte by byte, against the definition.
void check(std::string_view bytes, std::string& whole, std::string& apart) {
  const Utf8Oracle& oracle = Utf8Oracle::get();
  ASSERT_EQ(utf8_step(bytes), oracle.step(bytes)) << ::testing::PrintToString(bytes);
  whole.clear();
  utf8_repair(bytes, whole);
  ASSERT_EQ(whole, oracle.repair(bytes)) << ::testing::PrintToString(bytes);
  apart.clear();
  Utf8Repairer repairer;
  for (std::size_t i = 0; i < bytes.size(); ++i) repairer.push(bytes.substr(i, 1), apart);
  repairer.finish(apart);
  ASSERT_EQ(apart, whole) << ::testing::PrintToString(bytes);
}

TEST(Utf8Law, AllStringsOfTwoBytesAndSomeOfThree) {
  std::string whole, apart;
  std::array<char, 3> bytes{};
  // The third byte takes the values about which decisions change; tests/exhaustive takes all.
  std::vector<unsigned> thirds;
  for (unsigned c = 0; c < 256; ++c) {
    if (c == 0x7F || (c >= 0x80 && c % 16 == 0) || c == 0xBF) thirds.push_back(c);
  }
  for (unsigned a = 0; a < 256; ++a) {
    bytes[0] = static_cast<char>(a);
    check({bytes.data(), 1}, whole, apart);
    for (unsigned b = 0; b < 256; ++b) {
      bytes[1] = static_cast<char>(b);
      check({bytes.data(), 2}, whole, apart);
      for (const unsigned c : thirds) {
        bytes[2] = static_cast<char>(c);
        check({bytes.data(), 3}, whole, apart);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(Utf8Law, AllLeadsOfFourWithEdgeContinuations) {
  constexpr std::array<unsigned, 10> kEdges = {0x00, 0x41, 0x7F, 0x80, 0x8F,
                                               0x90, 0x9F, 0xA0, 0xBF, 0xC0};
  std::string whole, apart;
  std::array<char, 4> bytes{};
  for (unsigned a = 0xE0; a < 256; ++a) {
    for (const unsigned b : kEdges) {
      for (const unsigned c : kEdges) {
        for (const unsigned d : kEdges) {
          bytes = {static_cast<char>(a), static_cast<char>(b), static_cast<char>(c),
                   static_cast<char>(d)};
          check({bytes.data(), 4}, whole, apart);
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

/// Bytes that often stand inside characters.
rc::Gen<std::string> bytes() {
  return rc::gen::container<std::string>(
      rc::gen::map(rc::gen::weightedOneOf<int>({{2, rc::gen::inRange(0x80, 0xC0)},
                                                {2, rc::gen::inRange(0xE0, 0xF6)},
                                                {1, rc::gen::inRange(0, 256)}}),
                   [](int byte) { return static_cast<char>(byte); }));
}

RC_GTEST_PROP(Utf8Law, RepairIsTheDefinitionWhateverTheCuts, ()) {
  obeys(utf8_law({*bytes()}));
  obeys(utf8_law(*rc::gen::scale(0.4, rc::gen::container<std::vector<std::string>>(bytes()))));
}

}  // namespace
}  // namespace prumo
