// Items of metadata values, and their text for a person.
#include "gguf/value.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <charconv>
#include <cstring>
#include <limits>

#include "base/utf8.h"

namespace prumo::gguf {

static_assert(std::endian::native == std::endian::little, "GGUF fields are read as they stand");

std::uint64_t item_bytes(ValueType type) {
  switch (type) {
    case ValueType::kU8:
    case ValueType::kI8:
    case ValueType::kBool:
      return 1;
    case ValueType::kU16:
    case ValueType::kI16:
      return 2;
    case ValueType::kU32:
    case ValueType::kI32:
    case ValueType::kF32:
      return 4;
    case ValueType::kU64:
    case ValueType::kI64:
    case ValueType::kF64:
      return 8;
    case ValueType::kString:
    case ValueType::kArray:
      return 0;
  }
  return 0;
}

std::string_view type_name(ValueType type) {
  constexpr std::array<std::string_view, 13> kNames = {"u8",  "i8",  "u16",  "i16",    "u32",
                                                       "i32", "f32", "bool", "string", "array",
                                                       "u64", "i64", "f64"};
  const auto number = static_cast<std::size_t>(type);
  return number < kNames.size() ? kNames[number] : "unknown";
}

template <class T>
T Value::load(std::uint64_t i) const {
  assert(i < count_ && item_bytes(element_type_) == sizeof(T));
  T out;
  std::memcpy(&out, payload_.data() + i * sizeof(T), sizeof(T));
  return out;
}

std::string_view Value::string_at(std::uint64_t i) const {
  assert(i < count_ && element_type_ == ValueType::kString);
  const std::byte* const at = payload_.data() + (is_array() ? string_starts_[i] : 0);
  std::uint64_t length = 0;
  std::memcpy(&length, at, sizeof(length));
  return {reinterpret_cast<const char*>(at + sizeof(length)), length};
}

float Value::f32_at(std::uint64_t i) const {
  assert(element_type_ == ValueType::kF32);
  return load<float>(i);
}

std::int32_t Value::i32_at(std::uint64_t i) const {
  assert(element_type_ == ValueType::kI32);
  return load<std::int32_t>(i);
}

std::uint32_t Value::u32_at(std::uint64_t i) const {
  assert(element_type_ == ValueType::kU32);
  return load<std::uint32_t>(i);
}

bool Value::bool_at(std::uint64_t i) const {
  assert(element_type_ == ValueType::kBool);
  return load<std::uint8_t>(i) != 0;
}

std::optional<std::int64_t> Value::int_at(std::uint64_t i) const {
  switch (element_type_) {
    case ValueType::kU8:
      return load<std::uint8_t>(i);
    case ValueType::kI8:
      return load<std::int8_t>(i);
    case ValueType::kU16:
      return load<std::uint16_t>(i);
    case ValueType::kI16:
      return load<std::int16_t>(i);
    case ValueType::kU32:
      return load<std::uint32_t>(i);
    case ValueType::kI32:
      return load<std::int32_t>(i);
    case ValueType::kI64:
      return load<std::int64_t>(i);
    case ValueType::kU64: {
      const auto value = load<std::uint64_t>(i);
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return {};
      return static_cast<std::int64_t>(value);
    }
    default:
      return {};
  }
}

std::optional<std::uint64_t> Value::uint_at(std::uint64_t i) const {
  if (element_type_ == ValueType::kU64) return load<std::uint64_t>(i);
  const std::optional<std::int64_t> value = int_at(i);
  if (!value || *value < 0) return {};
  return static_cast<std::uint64_t>(*value);
}

std::optional<double> Value::real_at(std::uint64_t i) const {
  if (element_type_ == ValueType::kF32) return static_cast<double>(load<float>(i));
  if (element_type_ == ValueType::kF64) return load<double>(i);
  if (element_type_ == ValueType::kU64) return static_cast<double>(load<std::uint64_t>(i));
  const std::optional<std::int64_t> value = int_at(i);
  if (!value) return {};
  return static_cast<double>(*value);
}

bool Value::operator==(const Value& other) const {
  return type_ == other.type_ && element_type_ == other.element_type_ && count_ == other.count_ &&
         std::equal(payload_.begin(), payload_.end(), other.payload_.begin(), other.payload_.end());
}

namespace {

/// The code point of one whole, well-formed character.
std::uint32_t code_point(std::string_view character) {
  const auto lead = static_cast<std::uint8_t>(character[0]);
  std::uint32_t code = character.size() == 1 ? lead : lead & (0x7Fu >> character.size());
  for (const char c : character.substr(1))
    code = code << 6 | (static_cast<std::uint8_t>(c) & 0x3Fu);
  return code;
}

/// Characters that steer a terminal, reorder what it shows, or hide in it.
bool steers(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x61C ||
         (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
         (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF ||
         (code >= 0xFFF9 && code <= 0xFFFB) || (code >= 0xE0000 && code <= 0xE007F);
}

template <class T>
std::string number(T value) {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), error == std::errc() ? end : text.data()};
}

std::string item_text(const Value& value, std::uint64_t i, std::size_t max_bytes) {
  switch (value.element_type()) {
    case ValueType::kString:
      return '"' + printable(value.string_at(i), max_bytes) + '"';
    case ValueType::kBool:
      return value.bool_at(i) ? "true" : "false";
    case ValueType::kF32:
      return number(value.f32_at(i));
    case ValueType::kF64:
      return number(*value.real_at(i));
    case ValueType::kU64:
      return number(*value.uint_at(i));
    default:
      return number(*value.int_at(i));
  }
}

}  // namespace

std::string printable(std::string_view text, std::size_t max_bytes) {
  std::string out;
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    const std::string_view character = text.substr(0, step.size);
    std::string piece(character);
    if (step.what != Utf8::kCharacter || steers(code_point(character))) {
      constexpr std::string_view kDigits = "0123456789ABCDEF";
      piece.clear();
      for (const char c : character) {
        const auto byte = static_cast<std::uint8_t>(c);
        piece += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
      }
    } else if (character == "\\") {
      piece = "\\\\";
    }
    if (out.size() + piece.size() > max_bytes) return out + "...";
    out += piece;
    text.remove_prefix(step.size);
  }
  return out;
}

std::string to_text(const Value& value, std::size_t max_items, std::size_t max_bytes) {
  if (!value.is_array()) return item_text(value, 0, max_bytes);
  std::string out = "[";
  for (std::uint64_t i = 0; i < value.count() && i < max_items; ++i) {
    if (i != 0) out += ", ";
    out += item_text(value, i, max_bytes);
  }
  if (value.count() > max_items) {
    if (max_items != 0) out += ", ";
    out += "... " + number(value.count()) + " items";
  }
  return out + "]";
}

}  // namespace prumo::gguf
