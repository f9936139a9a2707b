// The look-ups of a checked file: by key, by tensor name, and as the type that the caller needs.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/reader.h"

namespace prumo::gguf {
namespace {

template <class Entry, class Name>
const Entry* look_up(const std::vector<Entry>& entries, Name Entry::*name,
                     const std::vector<std::uint32_t>& order, std::string_view wanted) {
  const auto at = std::lower_bound(
      order.begin(), order.end(), wanted,
      [&](std::uint32_t i, std::string_view text) { return entries[i].*name < text; });
  if (at == order.end() || entries[*at].*name != wanted) return nullptr;
  return &entries[*at];
}

Error absent(std::string_view key) {
  return {ErrorCode::kBadModel, printable(key),
          "the key is missing: the file is no complete model, convert the model again"};
}

Error wrong_type(std::string_view key, const char* wanted, const Value& value) {
  std::string is(type_name(value.type()));
  if (value.is_array()) is += " of " + std::string(type_name(value.element_type()));
  return {ErrorCode::kBadModel, printable(key),
          std::string("the value must be ") + wanted + " but is " + is +
              ": convert the model again with a current converter"};
}

}  // namespace

const Value* File::find(std::string_view key) const {
  const KeyValue* const entry = look_up(keys_, &KeyValue::key, key_order_, key);
  return entry == nullptr ? nullptr : &entry->value;
}

const Tensor* File::tensor(std::string_view name) const {
  return look_up(tensors_, &Tensor::name, tensor_order_, name);
}

Result<std::uint64_t> File::uint(std::string_view key) const {
  const Value* const value = find(key);
  if (value == nullptr) return absent(key);
  if (!value->is_array()) {
    if (const auto number = value->uint_at(0)) return *number;
    if (const auto number = value->int_at(0)) {
      return Error{ErrorCode::kBadModel, printable(key),
                   "the value must not be negative but is " + std::to_string(*number) +
                       ": convert the model again with a current converter"};
    }
  }
  return wrong_type(key, "an integer", *value);
}

Result<double> File::real(std::string_view key) const {
  const Value* const value = find(key);
  if (value == nullptr) return absent(key);
  if (!value->is_array()) {
    if (const auto number = value->real_at(0)) return *number;
  }
  return wrong_type(key, "a number", *value);
}

Result<bool> File::boolean(std::string_view key) const {
  const Value* const value = find(key);
  if (value == nullptr) return absent(key);
  if (value->type() != ValueType::kBool) return wrong_type(key, "a bool", *value);
  return value->bool_at(0);
}

Result<std::string_view> File::string(std::string_view key) const {
  const Value* const value = find(key);
  if (value == nullptr) return absent(key);
  if (value->type() != ValueType::kString) return wrong_type(key, "a string", *value);
  return value->string_at(0);
}

}  // namespace prumo::gguf
