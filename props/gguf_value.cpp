// Laws of metadata values: every reading of an item is what C++ makes of the number that was
// written, equal values are those of equal bits, and a number's text reads back as that number.
#include "gguf/value.h"

#include <gtest/gtest.h>

#include <charconv>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>

#include "gguf/reader.h"
#include "support/gen.h"
#include "support/gguf_gen.h"

namespace prumo::gguf {
namespace {

using testing::any_gguf;
using testing::builder_of;
using testing::GgufField;

/// Whether the items of a number's type are read as that number.
template <class T>
bool read_as(const Value& value, std::uint64_t i, T number) {
  constexpr bool kInteger = std::is_integral_v<T> && !std::is_same_v<T, bool>;
  std::optional<std::uint64_t> natural;
  std::optional<std::int64_t> whole;
  std::optional<double> real;
  if constexpr (kInteger) {
    if (std::in_range<std::uint64_t>(number)) natural = static_cast<std::uint64_t>(number);
    if (std::in_range<std::int64_t>(number)) whole = static_cast<std::int64_t>(number);
  }
  if constexpr (!std::is_same_v<T, bool>) real = static_cast<double>(number);
  const auto got = value.real_at(i);
  const bool same_real = got.has_value() == real.has_value() &&
                         (!got || *got == *real || (*got != *got && *real != *real));
  return value.uint_at(i) == natural && value.int_at(i) == whole && same_real;
}

RC_GTEST_PROP(GgufValueLaws, EveryReadingIsTheNumberWritten, ()) {
  const auto plan = *any_gguf();
  const auto bytes = builder_of(plan).build();
  const auto file = File::parse(bytes);
  RC_ASSERT(file.ok());
  for (const GgufField& field : plan.fields) {
    if (field.type == 8) continue;
    const Value* value = file->find(field.key);
    RC_ASSERT(value != nullptr && value->count() == field.numbers.size());
    testing::with_type(field.type, [&](auto zero) {
      using T = decltype(zero);
      for (std::size_t i = 0; i < field.numbers.size(); ++i) {
        RC_ASSERT(read_as(*value, i, testing::from_bits<T>(field.numbers[i])));
      }
    });
  }
}

RC_GTEST_PROP(GgufValueLaws, EqualIsEqualBits, ()) {
  const auto plan = *any_gguf();
  const auto bytes = builder_of(plan).build();
  const auto file = File::parse(bytes);
  RC_ASSERT(file.ok());
  for (const KeyValue& a : file->keys()) {
    for (const KeyValue& b : file->keys()) {
      const auto x = a.value.payload(), y = b.value.payload();
      const bool same = a.value.type() == b.value.type() &&
                        a.value.element_type() == b.value.element_type() &&
                        a.value.count() == b.value.count() && x.size() == y.size() &&
                        (x.empty() || std::memcmp(x.data(), y.data(), x.size()) == 0);
      RC_ASSERT((a.value == b.value) == same);
    }
  }
}

template <class T>
void expect_reads_back(T number) {
  testing::GgufBuilder builder;
  builder.add("x", number);
  const auto bytes = builder.build();
  const auto file = File::parse(bytes);
  RC_ASSERT(file.ok());
  const std::string text = to_text(*file->find("x"));
  T again{};
  const auto end = std::from_chars(text.data(), text.data() + text.size(), again);
  RC_ASSERT(end.ec == std::errc() && end.ptr == text.data() + text.size());
  RC_ASSERT(std::memcmp(&again, &number, sizeof number) == 0 || number != number);
}

RC_GTEST_PROP(GgufValueLaws, TheTextOfANumberReadsBack, ()) {
  const auto bits = *testing::full_range(rc::gen::arbitrary<std::uint64_t>());
  expect_reads_back(*testing::any_float());
  expect_reads_back(std::bit_cast<double>(bits));
  expect_reads_back(bits);
  expect_reads_back(static_cast<std::int64_t>(bits));
  expect_reads_back(static_cast<std::int16_t>(bits));
  expect_reads_back(static_cast<std::uint32_t>(bits));
}

RC_GTEST_PROP(GgufValueLaws, AnArrayShowsAsManyItemsAsAsked, ()) {
  const auto items = *rc::gen::arbitrary<std::vector<std::int32_t>>();
  const auto most = *rc::gen::inRange<std::size_t>(0, 20);
  testing::GgufBuilder builder;
  builder.add_array("x", items);
  const auto bytes = builder.build();
  const auto file = File::parse(bytes);
  RC_ASSERT(file.ok());
  std::string expected = "[";
  for (std::size_t i = 0; i < items.size() && i < most; ++i) {
    expected += (i == 0 ? "" : ", ") + std::to_string(items[i]);
  }
  if (items.size() > most) {
    expected += (most == 0 ? "... " : ", ... ") + std::to_string(items.size()) + " items";
  }
  RC_ASSERT(to_text(*file->find("x"), most) == expected + "]");
}

}  // namespace
}  // namespace prumo::gguf
