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

TEST(GgufValue, WhatSteersATerminalIsEscaped) {
  const auto is_escaped = [](std::uint32_t code) {
    const std::string text = {static_cast<char>(0xE0 | code >> 12),
                              static_cast<char>(0x80 | (code >> 6 & 0x3F)),
                              static_cast<char>(0x80 | (code & 0x3F))};
    return printable(text) != text;
  };
  // Marks of direction, breaks of lines and paragraphs, embeddings, isolates, and what has no
  // width; not what is beside.
  for (std::uint32_t code = 0x2000; code < 0x2080; ++code) {
    const bool steers = (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
                        (code >= 0x2060 && code <= 0x206F);
    EXPECT_EQ(is_escaped(code), steers) << std::hex << code;
  }
  for (std::uint32_t code = 0xFE00; code < 0x10000; ++code) {
    const bool steers = code == 0xFEFF || (code >= 0xFFF9 && code <= 0xFFFB);
    EXPECT_EQ(is_escaped(code), steers) << std::hex << code;
  }
  EXPECT_EQ(printable("\xD8\x9B \xD8\x9C \xD8\x9D"), "\xD8\x9B \\xD8\\x9C \xD8\x9D");  // U+061C
  EXPECT_EQ(printable("\xF3\xA0\x80\x81"), "\\xF3\\xA0\\x80\\x81");                    // U+E0001
  EXPECT_EQ(printable("\xF3\xA0\x82\x80"), "\xF3\xA0\x82\x80");                        // U+E0080
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
