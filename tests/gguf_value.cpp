// Metadata values as text, and text from files made safe to print.
#include "gguf/value.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "gguf/reader.h"
#include "support/gguf_builder.h"

namespace prumo::gguf {
namespace {

using testing::Bytes;
using testing::GgufBuilder;

TEST(GgufValue, ShowsValues) {
  GgufBuilder b;
  b.add("f", 1e-5f).add("d", 0.1).add("nan", std::nanf("")).add("i", std::int64_t{-9});
  b.add("u", ~std::uint64_t{0}).add("t", true).add("s", "a\"\n\xE2\x96\x81");
  b.add_array<std::int32_t>("few", {1, 2}).add_array<std::string>("none", {});
  b.add_array<std::uint16_t>("many", {1, 2, 3, 4, 5, 6, 7});
  b.add_array<std::string>("strings", {"a", "b"});
  const Bytes bytes = b.build();
  const File file = File::parse(bytes).value();
  const auto text = [&](const char* key) { return to_text(*file.find(key)); };
  EXPECT_EQ(text("f"), "1e-05");
  EXPECT_EQ(text("d"), "0.1");
  EXPECT_EQ(text("nan"), "nan");
  EXPECT_EQ(text("i"), "-9");
  EXPECT_EQ(text("u"), "18446744073709551615");
  EXPECT_EQ(text("t"), "true");
  EXPECT_EQ(text("s"), "\"a\"\\x0A\xE2\x96\x81\"");
  EXPECT_EQ(text("few"), "[1, 2]");
  EXPECT_EQ(text("none"), "[]");
  EXPECT_EQ(text("many"), "[1, 2, 3, 4, 5, 6, ... 7 items]");
  EXPECT_EQ(text("strings"), "[\"a\", \"b\"]");
  EXPECT_EQ(to_text(*file.find("many"), 0), "[... 7 items]");
  EXPECT_EQ(type_name(ValueType::kF64), "f64");
  EXPECT_EQ(type_name(static_cast<ValueType>(13)), "unknown");
}

TEST(GgufValue, IntegersAreReadWholeOrNotAtAll) {
  constexpr std::uint64_t kHalf = std::uint64_t{1} << 63;
  GgufBuilder b;
  b.add("most", kHalf - 1).add("more", kHalf).add("all", ~std::uint64_t{0});
  b.add("minus", std::int64_t{-1}).add("least", std::numeric_limits<std::int64_t>::min());
  b.add("small", std::int8_t{-128}).add("float", 1.0f).add("bool", true);
  const Bytes bytes = b.build();
  const File file = File::parse(bytes).value();
  const auto signed_of = [&](const char* key) { return file.find(key)->int_at(0); };
  const auto unsigned_of = [&](const char* key) { return file.find(key)->uint_at(0); };
  EXPECT_EQ(signed_of("most"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(signed_of("more"), std::nullopt);
  EXPECT_EQ(signed_of("all"), std::nullopt);
  EXPECT_EQ(signed_of("least"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(signed_of("small"), -128);
  EXPECT_EQ(unsigned_of("all"), ~std::uint64_t{0});
  EXPECT_EQ(unsigned_of("most"), kHalf - 1);
  for (const char* key : {"minus", "least", "small", "float", "bool"}) {
    EXPECT_EQ(unsigned_of(key), std::nullopt) << key;
  }
  for (const char* key : {"float", "bool"}) EXPECT_EQ(signed_of(key), std::nullopt) << key;
  EXPECT_EQ(file.find("all")->real_at(0), 0x1p64);
  EXPECT_EQ(file.find("bool")->real_at(0), std::nullopt);
}

/// A code point as UTF-8 writes it; surrogates, which it does not write, in the same way.
std::string encoded(std::uint32_t code) {
  const auto byte = [](std::uint32_t bits) { return static_cast<char>(bits); };
  if (code < 0x80) return {byte(code)};
  const char last = byte(0x80 | (code & 0x3F));
  if (code < 0x800) return {byte(0xC0 | code >> 6), last};
  const char middle = byte(0x80 | (code >> 6 & 0x3F));
  if (code < 0x10000) return {byte(0xE0 | code >> 12), middle, last};
  return {byte(0xF0 | code >> 18), byte(0x80 | (code >> 12 & 0x3F)), middle, last};
}

TEST(GgufValue, WhatSteersATerminalIsEscaped) {
  // Controls, marks of direction, breaks of lines and paragraphs, embeddings, isolates, tags, and
  // what has no width; nothing beside.
  constexpr std::pair<std::uint32_t, std::uint32_t> kSteering[] = {
      {0x00, 0x1F},     {0x5C, 0x5C},     {0x7F, 0x9F},      {0x61C, 0x61C},
      {0x200B, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F},  {0xD800, 0xDFFF},
      {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE007F}};  // with the backslash, which is
                                                                // doubled, and what is no character
  for (std::uint32_t code = 0; code < 0x110000; ++code) {
    const bool steers = std::any_of(std::begin(kSteering), std::end(kSteering), [&](auto range) {
      return range.first <= code && code <= range.second;
    });
    const std::string text = encoded(code);
    if ((printable(text) != text) != steers) FAIL() << std::hex << code;
  }
}

TEST(GgufValue, PrintableKeepsTextAndEscapesTheRest) {
  EXPECT_EQ(printable("blk.0.attn_q.weight"), "blk.0.attn_q.weight");
  EXPECT_EQ(printable("\xC3\xA9 \xF0\x9F\x98\x80"), "\xC3\xA9 \xF0\x9F\x98\x80");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("\x1B[31m\x7F"), "\\x1B[31m\\x7F");
  EXPECT_EQ(printable("a\\n"), "a\\\\n");
  EXPECT_EQ(printable("\xFF\xC3"), "\\xFF\\xC3");
  EXPECT_EQ(printable("\xED\xA0\x80"), "\\xED\\xA0\\x80");  // a surrogate
  EXPECT_EQ(printable("\xC2\x9B"), "\\xC2\\x9B");           // a control character beyond ASCII
  EXPECT_EQ(printable("\xE2\x80\xAE"), "\\xE2\\x80\\xAE");  // right to left from here on
  EXPECT_EQ(printable("abcdef", 6), "abcdef");
  EXPECT_EQ(printable("abcdefg", 6), "abcdef...");
  EXPECT_EQ(printable("abcde\xC3\xA9", 6), "abcde...");  // never half a character
  EXPECT_EQ(printable(""), "");
}

}  // namespace
}  // namespace prumo::gguf
