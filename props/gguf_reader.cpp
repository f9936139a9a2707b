// Laws of the reader: the verdict and view of an independent parser on arbitrary and on mutated
// files, and what may be changed in a file without changing what it says.
#include "gguf/reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <set>

#include "support/gen.h"
#include "support/gguf_gen.h"
#include "support/gguf_law.h"
#include "support/gguf_malformed.h"
#include "support/gguf_mutator.h"

namespace prumo::gguf {
namespace {

using testing::any_gguf;
using testing::builder_of;
using testing::Bytes;
using testing::gguf_law;
using testing::GgufMutator;
using testing::GgufOracle;
using testing::GgufPlan;
using testing::LenientGguf;
using testing::mutate_bytes_simply;
using testing::obeys;

RC_GTEST_PROP(GgufReaderLaws, ReadsEveryWellFormedFile, ()) {
  Reason reason = Reason::kOutOfMemory;
  obeys(gguf_law(builder_of(*any_gguf()).build(), reason));
  RC_ASSERT(reason == Reason::kNone);
}

RC_GTEST_PROP(GgufReaderLaws, AgreesWithTheOracleOnMutants, ()) {
  Bytes file = builder_of(*any_gguf()).build();
  Reason reason = Reason::kNone;
  for (int generation = 0; generation < 8; ++generation) {
    GgufMutator mutator(*rc::gen::arbitrary<std::uint32_t>(), mutate_bytes_simply);
    file = mutator.mutate(file, 16384);
    obeys(gguf_law(file, reason));
  }
}

RC_GTEST_PROP(GgufReaderLaws, AgreesWithTheOracleOnAnyBytes, ()) {
  Bytes file;
  testing::put(file, kMagic);
  testing::put(file, *rc::gen::element(2u, 3u));
  testing::put(file, *rc::gen::inRange<std::uint64_t>(0, 3));
  testing::put(file, *rc::gen::inRange<std::uint64_t>(0, 3));
  for (const std::uint8_t byte : *rc::gen::arbitrary<std::vector<std::uint8_t>>()) {
    file.push_back(static_cast<std::byte>(byte));
  }
  Reason reason = Reason::kNone;
  obeys(gguf_law(file, reason));
}

RC_GTEST_PROP(GgufReaderLaws, NoPrefixWithoutAllItsDataIsRead, ()) {
  const Bytes whole = builder_of(*any_gguf()).build();
  const auto n = *rc::gen::inRange<std::uint64_t>(0, GgufOracle(whole).needed());
  const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n));
  Reason reason = Reason::kNone;
  obeys(gguf_law(part, reason));
  RC_ASSERT(reason != Reason::kNone);
}

RC_GTEST_PROP(GgufReaderLaws, WhatFollowsTheLastTensorDoesNotMatter, ()) {
  const Bytes whole = builder_of(*any_gguf()).build();
  const std::uint64_t needed = GgufOracle(whole).needed();
  Bytes longer(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(needed));
  longer.resize(needed + *rc::gen::inRange<std::size_t>(0, 100), std::byte{0xC3});
  const Result<File> a = File::parse(whole);
  const Result<File> b = File::parse(longer);
  RC_ASSERT(a.ok() && b.ok());
  RC_ASSERT(a->data_offset() == b->data_offset());
  RC_ASSERT(a->tensors().size() == b->tensors().size());
}

RC_GTEST_PROP(GgufReaderLaws, TheOrderOfKeysDoesNotMatter, ()) {
  GgufPlan plan = *any_gguf();
  const Bytes first = builder_of(plan).build();
  std::reverse(plan.fields.begin(), plan.fields.end());
  const Bytes second = builder_of(plan).build();
  const Result<File> a = File::parse(first);
  const Result<File> b = File::parse(second);
  RC_ASSERT(a.ok() && b.ok());
  RC_ASSERT(a->data_offset() == b->data_offset());
  for (const KeyValue& entry : a->keys()) {
    const Value* const other = b->find(entry.key);
    RC_ASSERT(other != nullptr);
    RC_ASSERT(*other == entry.value);
    RC_ASSERT(to_text(*other) == to_text(entry.value));
  }
}

RC_GTEST_PROP(GgufReaderLaws, PrintableIsOneLineOfBoundedText, ()) {
  const auto text = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
  const auto limit = *rc::gen::inRange<std::size_t>(0, 80);
  const std::string shown = printable(text, limit);
  RC_ASSERT(shown.size() <= limit + 3);
  RC_ASSERT(std::none_of(shown.begin(), shown.end(),
                         [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }));
  // Nothing is lost while there is room: the escapes can be told from the text.
  RC_ASSERT(printable(text, 4 * text.size()).find("...") == std::string::npos ||
            text.find("...") != std::string::npos);
}

// ---- The mutator itself ----

RC_GTEST_PROP(GgufMutatorLaws, TakesApartAndPutsTogether, ()) {
  const Bytes file = builder_of(*any_gguf()).build();
  RC_ASSERT(LenientGguf(file).file.build() == file);
}

RC_GTEST_PROP(GgufMutatorLaws, StaysInsideItsLimitAndRepeatsItself, ()) {
  const Bytes a = builder_of(*any_gguf()).build();
  const Bytes b = builder_of(*any_gguf()).build();
  const auto seed = *rc::gen::arbitrary<std::uint32_t>();
  const auto limit = *rc::gen::inRange<std::size_t>(0, 3000);
  const Bytes mutant = GgufMutator(seed, mutate_bytes_simply).mutate(a, limit);
  RC_ASSERT(mutant.size() <= limit);
  RC_ASSERT(mutant == GgufMutator(seed, mutate_bytes_simply).mutate(a, limit));
  const Bytes child = GgufMutator(seed, mutate_bytes_simply).cross(a, b, limit);
  RC_ASSERT(child.size() <= limit);
  RC_ASSERT(child == GgufMutator(seed, mutate_bytes_simply).cross(a, b, limit));
}

// A wrong count hides what is wrong deeper inside. Three edits add or remove three entries at most;
// of the wrong counts, some fall among the right ones.
TEST(GgufMutator, CountsAreRightInSevenOfEight) {
  const testing::GgufBuilder small = testing::small_gguf();
  const Bytes file = small.build();
  const auto emptied = [](std::uint8_t*, std::size_t, std::size_t) { return std::size_t{0}; };
  const auto near = [](const Bytes& mutant, std::size_t at, std::size_t n) {
    std::uint64_t said = 0;
    std::memcpy(&said, mutant.data() + at, sizeof said);
    return said + 3 >= n && said <= n + 3;
  };
  constexpr int kMutants = 8000;
  int right = 0, wrong = 0, plain = 0;
  for (std::uint64_t seed = 0; seed < kMutants; ++seed) {
    const Bytes mutant = GgufMutator(seed, emptied).mutate(file, 4096);
    const bool counted = !mutant.empty() && near(mutant, 8, small.tensors.size()) &&
                         near(mutant, 16, small.keys.size());
    (mutant.empty() ? plain : counted ? right : wrong) += 1;
  }
  EXPECT_NEAR(plain, kMutants / 16, kMutants / 100);
  EXPECT_GT(right, kMutants * 7 / 8 - kMutants / 100);
  EXPECT_GT(wrong, kMutants / 32);
}

TEST(GgufMutator, ReachesEveryReasonAndKeepsManyFilesGood) {
  const Bytes small = testing::small_gguf().build();
  std::set<Reason> seen;
  int good = 0;
  constexpr int kFamilies = 4000, kGenerations = 4;
  std::uint64_t seed = 0;
  for (int family = 0; family < kFamilies; ++family) {
    Bytes file = small;
    for (int generation = 0; generation < kGenerations; ++generation) {
      file = GgufMutator(seed++, mutate_bytes_simply).mutate(file, 4096);
      Reason reason = Reason::kOutOfMemory;
      ASSERT_EQ(gguf_law(file, reason), "") << "family " << family;
      seen.insert(reason);
      good += reason == Reason::kNone;
    }
  }
  EXPECT_GT(good, kFamilies * kGenerations / 10);
  for (std::size_t i = 0; i < kReasons; ++i) {
    const auto reason = static_cast<Reason>(i);
    const bool needs_a_large_file =
        reason == Reason::kTooManyTensors || reason == Reason::kTooManyKeys ||
        reason == Reason::kKeyTooLong || reason == Reason::kArrayTooLong ||
        reason == Reason::kStringTooLong || reason == Reason::kOutOfMemory;
    EXPECT_EQ(seen.count(reason), needs_a_large_file ? 0u : 1u) << reason_name(reason);
  }
}

}  // namespace
}  // namespace prumo::gguf
