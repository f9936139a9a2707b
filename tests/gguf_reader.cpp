// File::parse: what it reads, every known way of being wrong, truncation anywhere, and its limits.
#include "gguf/reader.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <set>

#include "base/mapped_file.h"
#include "support/counting_new.h"
#include "support/gguf_builder.h"
#include "support/gguf_malformed.h"
#include "support/gguf_oracle.h"
#include "support/guarded.h"

namespace prumo::gguf {
namespace {

using testing::Bytes;
using testing::GgufBuilder;
using testing::GgufOracle;
using testing::Guarded;
using testing::MalformedGguf;
using testing::MalformedGgufs;
using testing::PeakMemory;
using testing::small_gguf;

/// Parses behind a guard page and compares with the oracle.
Reason reason_of(const Bytes& file) {
  const Guarded<std::byte> guarded(file.data(), file.size(), Guarded<std::byte>::Side::kRight);
  const std::span<const std::byte> bytes(guarded.data(), file.size());
  Reason reason = Reason::kOutOfMemory;
  const Result<File> parsed = File::parse(bytes, &reason);
  EXPECT_EQ(difference(GgufOracle(bytes), reason, parsed, bytes), "");
  return reason;
}

/// A file that must be accepted; the bytes must outlive the view.
File parse(const Bytes& bytes) {
  EXPECT_EQ(reason_of(bytes), Reason::kNone);
  Result<File> parsed = File::parse(bytes);
  if (!parsed) ADD_FAILURE() << parsed.error().place << ": " << parsed.error().message;
  return std::move(parsed).value();
}

TEST(GgufReader, ReadsTheSmallFile) {
  const Bytes bytes = small_gguf().build();
  const File file = parse(bytes);
  EXPECT_EQ(file.version(), 3u);
  EXPECT_EQ(file.alignment(), 32u);
  ASSERT_EQ(file.keys().size(), 7u);
  EXPECT_EQ(file.keys()[0].key, "general.architecture");
  EXPECT_EQ(file.keys()[0].offset, 24u);
  EXPECT_EQ(file.keys()[1].offset, 24u + 8 + 20 + 4 + 8 + 5);
  EXPECT_EQ(file.string("general.architecture").value(), "llama");
  EXPECT_EQ(file.uint("u32").value(), 7u);
  EXPECT_EQ(file.boolean("flag").value(), true);

  const Value& floats = *file.find("floats");
  EXPECT_TRUE(floats.is_array());
  EXPECT_EQ(floats.element_type(), ValueType::kF32);
  ASSERT_EQ(floats.count(), 3u);
  EXPECT_EQ(floats.f32_at(1), -1.0f);
  const Value& strings = *file.find("strings");
  ASSERT_EQ(strings.count(), 3u);
  EXPECT_EQ(strings.string_at(0), "<s>");
  EXPECT_EQ(strings.string_at(1), "");
  EXPECT_EQ(strings.string_at(2), "\xE2\x96\x81the");
  EXPECT_TRUE(file.find("bools")->bool_at(0));
  EXPECT_FALSE(file.find("bools")->bool_at(1));
  EXPECT_EQ(file.find("absent"), nullptr);
  EXPECT_EQ(file.find(""), nullptr);

  ASSERT_EQ(file.tensors().size(), 2u);
  const Tensor& b = *file.tensor("b");
  EXPECT_EQ(&b, &file.tensors()[1]);
  EXPECT_EQ(b.n_dims, 2u);
  EXPECT_EQ(b.dims, (std::array<std::uint64_t, 4>{16, 2, 1, 1}));
  EXPECT_EQ(b.elements(), 32u);
  EXPECT_EQ(b.file_offset, file.data_offset() + 128);
  EXPECT_EQ(b.data.data(), bytes.data() + b.file_offset);  // nothing is copied
  EXPECT_EQ(b.data.size(), 128u);
  EXPECT_EQ(b.data[0], std::byte{2});
  EXPECT_EQ(file.tensor("c"), nullptr);
}

TEST(GgufReader, ReadsVersion2AndEmptyFiles) {
  GgufBuilder b = small_gguf();
  b.version = 2;
  EXPECT_EQ(parse(b.build()).version(), 2u);
  const Bytes nothing = GgufBuilder().build();
  EXPECT_EQ(nothing.size(), 24u);
  const File file = parse(nothing);
  EXPECT_TRUE(file.keys().empty());
  EXPECT_TRUE(file.tensors().empty());
  EXPECT_EQ(file.data_offset(), 24u);
  EXPECT_EQ(file.find("x"), nullptr);
  EXPECT_EQ(file.tensor("x"), nullptr);
}

TEST(GgufReader, MovingAFileKeepsItsStrings) {
  const Bytes bytes = small_gguf().build();
  File first = parse(bytes);
  const File second = std::move(first);
  EXPECT_EQ(second.find("strings")->string_at(2), "\xE2\x96\x81the");
}

TEST(GgufReader, AcceptsWhatTheFormatLeavesOpen) {
  GgufBuilder b = small_gguf();
  b.tail.resize(100, std::byte{0xAA});  // a tail
  EXPECT_EQ(reason_of(b.build()), Reason::kNone);
  b.tail.clear();
  b.tensors[1].dims = {1};
  b.tensors[1].data.resize(4);
  b.pad_last = false;  // the last padding is missing
  EXPECT_EQ(reason_of(b.build()), Reason::kNone);
  Bytes garbage = small_gguf().build();  // padding that is not zero
  const std::size_t head = small_gguf().head().size();
  ASSERT_NE(head % 32, 0u);
  garbage[head] = std::byte{0xFF};
  EXPECT_EQ(reason_of(garbage), Reason::kNone);
}

TEST(GgufReader, AcceptsEveryAlignmentOfTheFormat) {
  for (std::uint32_t alignment = kMinAlignment; alignment <= kMaxAlignment; alignment *= 2) {
    GgufBuilder b = small_gguf();
    b.align(alignment);
    const Bytes bytes = b.build();
    const File file = parse(bytes);
    EXPECT_EQ(file.alignment(), alignment);
    EXPECT_EQ(file.data_offset() % alignment, 0u);
    EXPECT_EQ(file.tensor("b")->data[127], std::byte{2});
  }
}

TEST(GgufReader, AcceptsOneOrNoPartAndOtherKindsOfFile) {
  for (const std::uint16_t parts : {std::uint16_t{0}, std::uint16_t{1}}) {
    EXPECT_EQ(reason_of(small_gguf().add("split.count", parts).build()), Reason::kNone);
  }
  EXPECT_EQ(reason_of(small_gguf().add("split.count", std::int32_t{-1}).build()), Reason::kNone);
  EXPECT_EQ(reason_of(small_gguf().add("general.type", "model").build()), Reason::kNone);
  EXPECT_EQ(reason_of(small_gguf().add("general.type", 3.0f).build()), Reason::kNone);
}

// ---- What is wrong, class by class ----

class Malformed : public ::testing::TestWithParam<MalformedGguf> {};

TEST_P(Malformed, IsRefusedWithReasonAndPlace) {
  const MalformedGguf& wrong = GetParam();
  EXPECT_EQ(reason_name(reason_of(wrong.file)), reason_name(wrong.reason));
  const Result<File> parsed = File::parse(wrong.file);
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error().place, wrong.place);
  EXPECT_NE(parsed.error().message.find(": "), std::string::npos) << "says what to do";
  EXPECT_TRUE(parsed.error().code == ErrorCode::kBadModel ||
              parsed.error().code == ErrorCode::kUnsupported);
}

INSTANTIATE_TEST_SUITE_P(Gguf, Malformed, ::testing::ValuesIn(MalformedGgufs::all()),
                         [](const auto& one) { return one.param.name; });

// Files that people take for models are told what they are; what only looks a little like one of
// them is not.
TEST(GgufReader, SaysWhatAnotherFormatIs) {
  const std::string length("\x40\x01\0\0\0\0\0\0", 8);
  const std::pair<std::string, std::string> kStarts[] = {
      {"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"},
      {"\x1F\x8B\x08\x08", "compressed by gzip"},
      {"PK\x03\x04", "a ZIP archive"},
      {length + "{\"__metadata__\"", "a safetensors file"},
      {"lmgg", "the format that GGUF replaced"},
      {"fmgg\x01", "the format that GGUF replaced"},
      {"tjgg\x03", "the format that GGUF replaced"},
      {"algg", "the format that GGUF replaced"},
      {"<!DOCTYPE html>", "a web page"},
      {"<html>", "a web page"},
  };
  const auto said = [](const std::string& start) {
    const Result<File> parsed = File::parse(std::as_bytes(std::span(start)));
    EXPECT_FALSE(parsed.ok());
    return parsed.ok() ? "" : parsed.error().message;
  };
  const std::string unknown = "name a model in GGUF format";
  for (const auto& [start, what] : kStarts) {
    EXPECT_NE(said(start).find("this is "), std::string::npos) << said(start);
    EXPECT_NE(said(start).find(what), std::string::npos) << said(start);
    EXPECT_EQ(said(start).find(unknown), std::string::npos) << said(start);
    EXPECT_NE(said("x" + start).find(unknown), std::string::npos) << said("x" + start);
  }
  for (const std::string& start : {length, length + "{", length + "[\"", std::string("version 2"),
                                   std::string("<xml>"), std::string("ggml")}) {
    EXPECT_NE(said(start).find(unknown), std::string::npos) << said(start);
  }
}

TEST(GgufReader, EveryReasonHasAMalformedFile) {
  // The limits need large files and have tests of their own below.
  std::set<Reason> seen = {Reason::kNone,          Reason::kTooManyKeys,  Reason::kTooManyTensors,
                           Reason::kStringTooLong, Reason::kArrayTooLong, Reason::kOutOfMemory};
  for (const MalformedGguf& wrong : MalformedGgufs::all()) seen.insert(wrong.reason);
  EXPECT_EQ(seen.size(), kReasons);
}

TEST(GgufReader, CodesTellBrokenFromUnsupported) {
  const std::set<Reason> unsupported = {Reason::kVersionOne,  Reason::kVersionFuture,
                                        Reason::kByteSwapped, Reason::kNestedArray,
                                        Reason::kSplit,       Reason::kAdapter,
                                        Reason::kTensorType,  Reason::kTensorTypeWithdrawn};
  std::set<Reason> seen;
  for (const MalformedGguf& wrong : MalformedGgufs::all()) {
    seen.insert(wrong.reason);
    EXPECT_EQ(File::parse(wrong.file).error().code,
              unsupported.contains(wrong.reason) ? ErrorCode::kUnsupported : ErrorCode::kBadModel)
        << wrong.name;
  }
  EXPECT_TRUE(std::includes(seen.begin(), seen.end(), unsupported.begin(), unsupported.end()));
}

// Wherever there is no memory for the index of a file, that is said; and a file that was read
// before reads the same afterwards.
TEST(GgufReader, OutOfMemoryAnywhereIsSaid) {
  const Bytes bytes = small_gguf().build();
  std::size_t refused = 0;
  for (std::size_t n = 1;; ++n) {
    Reason reason = Reason::kNone;
    testing::fail_allocation(n);
    const Result<File> parsed = File::parse(bytes, &reason);
    testing::fail_allocation(0);
    if (parsed.ok()) break;
    ++refused;
    ASSERT_EQ(reason, Reason::kOutOfMemory) << n;
    ASSERT_EQ(parsed.error().code, ErrorCode::kOutOfMemory) << n;
    ASSERT_FALSE(parsed.error().message.empty());
  }
  EXPECT_GE(refused, 3u);
  EXPECT_EQ(reason_of(bytes), Reason::kNone);
}

TEST(GgufReader, TruncationAnywhereIsAnError) {
  const Bytes whole = small_gguf().build();
  const std::size_t needed = GgufOracle(whole).needed();
  EXPECT_EQ(needed, whole.size());  // 128 bytes need no padding
  for (std::size_t n = 0; n < whole.size(); ++n) {
    const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n));
    EXPECT_NE(reason_of(part), Reason::kNone) << n << " bytes";
  }
}

TEST(GgufReader, EveryByteChangedAnywhereAgreesWithTheOracle) {
  Bytes bytes = small_gguf().build();
  const std::size_t head = small_gguf().head().size();
  for (std::size_t i = 0; i < head; ++i) {
    const std::byte before = bytes[i];
    for (const unsigned value : {0x00u, 0x01u, 0x07u, 0x08u, 0x09u, 0x20u, 0x7Fu, 0x80u, 0xFFu}) {
      bytes[i] = static_cast<std::byte>(value);
      reason_of(bytes);
    }
    bytes[i] = before;
  }
}

// ---- Limits ----

TEST(GgufReader, HoldsItsLimits) {
  GgufBuilder b;
  b.add(std::string(kMaxKeyBytes, 'k'), true);
  b.add_f32(std::string(kMaxTensorNameBytes, 'n'), {1}, {1.0f});
  EXPECT_EQ(reason_of(b.build()), Reason::kNone);

  const auto string_of = [](std::uint64_t n) {
    Bytes payload;
    testing::put(payload, n);
    payload.resize(payload.size() + n);
    return GgufBuilder().raw("k", 8, std::move(payload)).build();
  };
  EXPECT_TRUE(File::parse(string_of(kMaxStringBytes)).ok());
  Reason reason = Reason::kNone;
  EXPECT_FALSE(File::parse(string_of(kMaxStringBytes + 1), &reason).ok());
  EXPECT_EQ(reason, Reason::kStringTooLong);

  const auto array_of = [](std::uint64_t n) {
    Bytes payload;
    testing::put(payload, std::uint32_t{0});
    testing::put(payload, n);
    payload.resize(payload.size() + n);
    return GgufBuilder().raw("k", 9, std::move(payload)).build();
  };
  EXPECT_TRUE(File::parse(array_of(kMaxArrayItems)).ok());
  EXPECT_FALSE(File::parse(array_of(kMaxArrayItems + 1), &reason).ok());
  EXPECT_EQ(reason, Reason::kArrayTooLong);
}

/// n keys of four characters, or n tensors of one float, and nothing else.
Bytes many(std::size_t keys, std::size_t tensors) {
  GgufBuilder b;
  const auto name = [](std::size_t i) {
    std::string text(4, ' ');
    for (char& c : text) {
      c = static_cast<char>('a' + i % 26);
      i /= 26;
    }
    return text;
  };
  for (std::size_t i = 0; i < keys; ++i) b.add(name(i), std::uint8_t{1});
  b.alignment = 32;
  for (std::size_t i = 0; i < tensors; ++i) b.add_f32(name(i), {1}, {1.0f});
  return b.build();
}

TEST(GgufReader, CountsStopAtTheirLimits) {
  EXPECT_TRUE(File::parse(many(kMaxKeys, 0)).ok());
  EXPECT_TRUE(File::parse(many(0, kMaxTensors)).ok());
  Reason reason = Reason::kNone;
  EXPECT_FALSE(File::parse(many(kMaxKeys + 1, 0), &reason).ok());
  EXPECT_EQ(reason, Reason::kTooManyKeys);
  EXPECT_FALSE(File::parse(many(0, kMaxTensors + 1), &reason).ok());
  EXPECT_EQ(reason, Reason::kTooManyTensors);
}

void expect_little_memory(const Bytes& bytes, bool ok) {
  const PeakMemory peak;
  const Result<File> parsed = File::parse(bytes);
  EXPECT_LE(peak.bytes(), 16 * bytes.size() + 65536);
  EXPECT_EQ(parsed.ok(), ok);
}

TEST(GgufReader, MemoryIsBoundedByTheFile) {
  expect_little_memory(many(20000, 0), true);
  expect_little_memory(many(0, 20000), true);
  expect_little_memory(GgufBuilder().add_array("k", std::vector<std::string>(100000)).build(),
                       true);
  GgufBuilder arrays;  // many empty arrays of strings, each with an index of its own
  for (int i = 0; i < 20000; ++i) {
    arrays.add_array<std::string>(std::to_string(i), {});
  }
  expect_little_memory(arrays.build(), true);
  for (const MalformedGguf& wrong : MalformedGgufs::all()) {
    expect_little_memory(wrong.file, false);
  }
  // The counts claim all that the rest of the file could hold, and nothing of it is true.
  GgufBuilder claims;
  claims.tail.resize(std::size_t{33} * 60000, std::byte{0xFF});
  claims.n_tensors = claims.n_keys = 60000;
  expect_little_memory(claims.build(), false);
}

// ---- Look-ups ----

TEST(GgufReader, TypedLookUpsCheckTypeAndRange) {
  GgufBuilder b;
  b.add("u8", std::uint8_t{200}).add("i8", std::int8_t{-3}).add("u16", std::uint16_t{60000});
  b.add("i16", std::int16_t{-5}).add("u32", 4000000000u).add("i32", std::int32_t{77});
  b.add("u64", ~std::uint64_t{0}).add("i64", std::int64_t{-1}).add("f32", 0.1f).add("f64", 0.1);
  b.add("bool", false).add("string", "s").add_array<std::uint32_t>("array", {1});
  const Bytes bytes = b.build();
  const File file = parse(bytes);
  EXPECT_EQ(file.uint("u8").value(), 200u);
  EXPECT_EQ(file.uint("u16").value(), 60000u);
  EXPECT_EQ(file.uint("u32").value(), 4000000000u);
  EXPECT_EQ(file.uint("i32").value(), 77u);
  EXPECT_EQ(file.uint("u64").value(), ~std::uint64_t{0});
  EXPECT_EQ(file.real("f32").value(), static_cast<double>(0.1f));
  EXPECT_EQ(file.real("f64").value(), 0.1);
  EXPECT_EQ(file.real("i8").value(), -3.0);
  EXPECT_EQ(file.real("u64").value(), 0x1p64);
  EXPECT_EQ(file.boolean("bool").value(), false);
  EXPECT_EQ(file.string("string").value(), "s");
  const auto error = [](const auto& result) {
    EXPECT_EQ(result.error().code, ErrorCode::kBadModel);
    return result.error().place + ": " + result.error().message;
  };
  const std::string again = ": convert the model again with a current converter";
  EXPECT_EQ(error(file.uint("none")),
            "none: the key is missing: the file is no complete model, convert the model again");
  EXPECT_EQ(error(file.uint("i8")), "i8: the value must not be negative but is -3" + again);
  EXPECT_EQ(error(file.uint("i64")), "i64: the value must not be negative but is -1" + again);
  EXPECT_EQ(error(file.uint("f32")), "f32: the value must be an integer but is f32" + again);
  EXPECT_EQ(error(file.uint("bool")), "bool: the value must be an integer but is bool" + again);
  EXPECT_EQ(error(file.uint("array")),
            "array: the value must be an integer but is array of u32" + again);
  EXPECT_EQ(error(file.real("string")), "string: the value must be a number but is string" + again);
  EXPECT_EQ(error(file.boolean("u8")), "u8: the value must be a bool but is u8" + again);
  EXPECT_EQ(error(file.string("bool")), "bool: the value must be a string but is bool" + again);
  EXPECT_EQ(file.find("u64")->int_at(0), std::nullopt);
  EXPECT_EQ(file.find("i16")->int_at(0), -5);
  EXPECT_EQ(file.find("i64")->uint_at(0), std::nullopt);
  EXPECT_EQ(file.find("string")->real_at(0), std::nullopt);
  EXPECT_EQ(file.find("array")->u32_at(0), 1u);
  EXPECT_EQ(file.find("i32")->i32_at(0), 77);
}

// ---- Files from outside ----

TEST(GgufReader, ReadsRealModels) {
  const char* const folder = std::getenv("PRUMO_PARITY_DATA");
  if (folder == nullptr || !std::filesystem::is_directory(folder)) {
    GTEST_SKIP() << "PRUMO_PARITY_DATA names no folder, so no real model was read";
  }
  std::size_t models = 0, with_tensors = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".gguf") continue;
    const Result<MappedFile> mapped = MappedFile::open(entry.path());
    ASSERT_TRUE(mapped.ok()) << entry.path();
    Reason reason = Reason::kNone;
    const Result<File> parsed = File::parse(mapped->bytes(), &reason);
    ASSERT_TRUE(parsed.ok()) << entry.path() << ": " << parsed.error().message;
    EXPECT_EQ(difference(GgufOracle(mapped->bytes()), reason, parsed, mapped->bytes()), "");
    EXPECT_TRUE(parsed->string("general.architecture").ok());
    EXPECT_GT(parsed->find("tokenizer.ggml.tokens")->count(), 500u);
    with_tensors += parsed->tensor("token_embd.weight") != nullptr;
    ++models;
  }
  EXPECT_GE(models, 10u);
  EXPECT_GE(with_tensors, 6u);
}

TEST(GgufReader, AnArrayIsNoScalar) {
  GgufBuilder b;
  b.add("uint", 1u).add("real", 1.0f).add("bool", true).add("text", "t");
  b.add_array<std::uint32_t>("uints", {1}).add_array<float>("reals", {1});
  b.add_array<bool>("bools", {true}).add_array<std::string>("texts", {"t"});
  const Bytes bytes = b.build();
  const File file = File::parse(bytes).value();
  EXPECT_TRUE(file.uint("uint").ok());
  EXPECT_TRUE(file.real("real").ok());
  EXPECT_TRUE(file.boolean("bool").ok());
  EXPECT_TRUE(file.string("text").ok());
  EXPECT_NE(file.uint("uints").error().message.find("array of u32"), std::string::npos);
  EXPECT_NE(file.real("reals").error().message.find("array of f32"), std::string::npos);
  EXPECT_NE(file.boolean("bools").error().message.find("array of bool"), std::string::npos);
  EXPECT_NE(file.string("texts").error().message.find("array of string"), std::string::npos);
}

}  // namespace
}  // namespace prumo::gguf
