// Builds GGUF files, in memory or on disk. What it writes, File::parse accepts and gives back.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/result.h"
#include "gguf/format.h"
#include "gguf/reader.h"

namespace prumo::gguf {

/// Produces part of a tensor's data: fills `out` with the bytes [offset, offset + out.size()) of
/// it. Called with rising offsets that leave no gap; each part is whole blocks of the tensor's
/// type.
using Fill = std::function<void(std::uint64_t offset, std::span<std::byte> out)>;

template <class T>
concept Scalar = std::same_as<T, bool> || std::same_as<T, std::uint8_t> ||
    std::same_as<T, std::int8_t> || std::same_as<T, std::uint16_t> ||
    std::same_as<T, std::int16_t> || std::same_as<T, std::uint32_t> ||
    std::same_as<T, std::int32_t> || std::same_as<T, std::uint64_t> ||
    std::same_as<T, std::int64_t> || std::same_as<T, float> || std::same_as<T, double>;

/// The number that a file gives to a C++ type.
template <Scalar T>
inline constexpr ValueType kTypeOf = [] {
  if constexpr (std::same_as<T, bool>) return ValueType::kBool;
  if constexpr (std::same_as<T, std::uint8_t>) return ValueType::kU8;
  if constexpr (std::same_as<T, std::int8_t>) return ValueType::kI8;
  if constexpr (std::same_as<T, std::uint16_t>) return ValueType::kU16;
  if constexpr (std::same_as<T, std::int16_t>) return ValueType::kI16;
  if constexpr (std::same_as<T, std::uint32_t>) return ValueType::kU32;
  if constexpr (std::same_as<T, std::int32_t>) return ValueType::kI32;
  if constexpr (std::same_as<T, std::uint64_t>) return ValueType::kU64;
  if constexpr (std::same_as<T, std::int64_t>) return ValueType::kI64;
  if constexpr (std::same_as<T, float>) return ValueType::kF32;
  return ValueType::kF64;
}();

/// Collects keys and tensors in order, then writes them once or more. Faults of the input (an empty
/// or double key, a shape that its type cannot have, too many of anything) are kept until writing
/// and come back as kBadArgument with the key or tensor name as place: a file that File::parse
/// would refuse is never written. (Keys that mean "not a whole model", such as split.count 2, are
/// the caller's affair.)
class Writer {
 public:
  /// `version` is 2 or 3; the two differ in nothing but this number.
  explicit Writer(std::uint32_t version = 3) : version_(version) {}

  /// Adds one value of the GGUF type that T corresponds to: bool, or an integer or float of its
  /// width. A std::uint32_t "general.alignment" also sets how tensors are padded.
  template <Scalar T>
  void add(std::string_view key, T value) {
    std::vector<std::byte> payload;
    append(payload, value);
    add_entry(key, kTypeOf<T>, kTypeOf<T>, 1, std::move(payload));
  }
  void add(std::string_view key, std::string_view text) {
    std::vector<std::byte> payload;
    append(payload, text);
    add_entry(key, ValueType::kString, ValueType::kString, 1, std::move(payload));
  }
  /// Adds an array from a container or span of scalars, or of anything that is a string_view.
  template <class Items>
  void add_array(std::string_view key, const Items& items) {
    using T = std::remove_cv_t<typename Items::value_type>;
    std::vector<std::byte> payload;
    std::uint64_t count = 0;
    for (const auto& item : items) {
      if constexpr (Scalar<T>) {
        append(payload, static_cast<T>(item));
      } else {
        append(payload, std::string_view(item));
      }
      ++count;
    }
    ValueType element = ValueType::kString;
    if constexpr (Scalar<T>) element = kTypeOf<T>;
    add_entry(key, ValueType::kArray, element, count, std::move(payload));
  }
  /// Adds a copy of a value of another file.
  void add_value(std::string_view key, const Value& value);

  /// Adds a tensor whose data is in memory. The data is not copied: it must stay until written.
  /// Its size must be what type and dims ask for.
  void add_tensor(std::string_view name, std::uint32_t type, std::vector<std::uint64_t> dims,
                  std::span<const std::byte> data);
  /// Adds a tensor whose data `fill` produces piece by piece while writing, so that it need never
  /// be in memory as a whole.
  void add_tensor(std::string_view name, std::uint32_t type, std::vector<std::uint64_t> dims,
                  Fill fill);

  /// The size of the file in bytes, or why it cannot be written.
  [[nodiscard]] Result<std::uint64_t> size() const;
  /// The file in memory. The last tensor is padded too.
  [[nodiscard]] Result<std::vector<std::byte>> to_bytes() const;
  /// The file at `path`, replaced as a whole or not at all: written beside it, then renamed. On any
  /// error (kIo, place = path) nothing is left behind and what was there stays. A link is
  /// followed, and a path that is a device or a pipe is written to directly.
  [[nodiscard]] Status to_file(const std::string& path) const;

 private:
  struct Entry {
    std::string key;
    ValueType type;
    ValueType element_type;
    std::uint64_t count;
    std::vector<std::byte> payload;
  };
  struct Planned {
    std::string name;
    std::uint32_t type;
    std::vector<std::uint64_t> dims;
    std::span<const std::byte> data;  // used when fill is empty
    Fill fill;
  };
  struct Layout;

  template <Scalar T>
  static void append(std::vector<std::byte>& out, T value) {
    out.resize(out.size() + sizeof(T));
    std::memcpy(out.data() + out.size() - sizeof(T), &value, sizeof(T));
  }
  static void append(std::vector<std::byte>& out, std::string_view text);

  void add_entry(std::string_view key, ValueType type, ValueType element_type, std::uint64_t count,
                 std::vector<std::byte> payload);
  [[nodiscard]] std::optional<Error> bad_whole() const;
  [[nodiscard]] std::optional<Error> bad_entry(const Entry& entry) const;
  [[nodiscard]] static Result<TensorSize> size_of(const Planned& tensor);
  [[nodiscard]] Result<Layout> plan() const;

  std::uint32_t version_;
  std::uint32_t alignment_ = kDefaultAlignment;
  std::vector<Entry> entries_;
  std::vector<Planned> tensors_;
};

}  // namespace prumo::gguf
