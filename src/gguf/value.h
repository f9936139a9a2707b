// One metadata value of a GGUF file: its type, its items, and how it looks to a person.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "gguf/format.h"

namespace prumo::gguf {

/// A checked view of one metadata value; the file's bytes must outlive it. A value that is no array
/// reads as one item, so every accessor serves both. Items cost O(1) each, those of string arrays
/// too.
class Value {
 public:
  /// kArray for arrays, otherwise the type of the one item.
  [[nodiscard]] ValueType type() const { return type_; }
  [[nodiscard]] bool is_array() const { return type_ == ValueType::kArray; }
  /// The type of the items; never kArray.
  [[nodiscard]] ValueType element_type() const { return element_type_; }
  /// Number of items; 1 unless an array, which may be empty.
  [[nodiscard]] std::uint64_t count() const { return count_; }

  // Items by their exact type; another element_type() or i >= count() is misuse.
  [[nodiscard]] std::string_view string_at(std::uint64_t i) const;
  [[nodiscard]] float f32_at(std::uint64_t i) const;
  [[nodiscard]] std::int32_t i32_at(std::uint64_t i) const;
  [[nodiscard]] std::uint32_t u32_at(std::uint64_t i) const;
  [[nodiscard]] bool bool_at(std::uint64_t i) const;

  // Items by what they mean, for i < count().
  /// Any integer type; nothing when the items are no integers or this one is negative.
  [[nodiscard]] std::optional<std::uint64_t> uint_at(std::uint64_t i) const;
  /// Any integer type; nothing when the items are no integers or this one is above 2^63 - 1.
  [[nodiscard]] std::optional<std::int64_t> int_at(std::uint64_t i) const;
  /// f32, f64 or any integer type (rounded to nearest); nothing for the other types.
  [[nodiscard]] std::optional<double> real_at(std::uint64_t i) const;

  /// The items as the file stores them, little-endian and unaligned: scalars end to end, strings
  /// each behind its 8-byte length.
  [[nodiscard]] std::span<const std::byte> payload() const { return payload_; }

  /// Same types, same items, bit for bit.
  bool operator==(const Value& other) const;

 private:
  friend class Parser;
  template <class T>
  [[nodiscard]] T load(std::uint64_t i) const;

  ValueType type_ = ValueType::kU8;
  ValueType element_type_ = ValueType::kU8;
  std::uint64_t count_ = 0;
  std::span<const std::byte> payload_;
  const std::uint64_t* string_starts_ = nullptr;  // string arrays: where in the payload each begins
};

/// Bytes of one item of a fixed-size type; 0 for strings, arrays and unknown types.
std::uint64_t item_bytes(ValueType type);

/// "u32", "string", "array", ...; "unknown" for a number that is no value type.
std::string_view type_name(ValueType type);

/// Text from a file made safe to print on one line: control characters, direction overrides and
/// bytes that are not UTF-8 become \xNN, a backslash becomes two, and what exceeds `max_bytes` of
/// output is replaced by "...".
std::string printable(std::string_view text, std::size_t max_bytes = 64);

/// A value for a person: 32, 1e-05, true, "text", [1, 2, 3, ... 32000 items]. Shows at most
/// `max_items` items and `max_bytes` of each string. Floats have the fewest digits that read back
/// exactly.
std::string to_text(const Value& value, std::size_t max_items = 6, std::size_t max_bytes = 64);

}  // namespace prumo::gguf
