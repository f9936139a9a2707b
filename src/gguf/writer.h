// Builds GGUF files, in memory or on disk. What it writes, File::parse accepts and gives back.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/result.h"
#include "gguf/format.h"
#include "gguf/reader.h"

namespace prumo::gguf {

/// Produces part of a tensor's data: fills `out` with the bytes [offset, offset + out.size()) of
/// it. Called with rising offsets that leave no gap; each part is whole blocks of the tensor's
/// type.
using Fill = std::function<void(std::uint64_t offset, std::span<std::byte> out)>;

/// Collects keys and tensors in order, then writes them once or more. Faults of the input (an empty
/// or double key, a shape that its type cannot have, too many of anything) are kept until writing
/// and come back as kBadArgument with the key or tensor name as place: a file that File::parse
/// would refuse is never written. (Keys that mean "not a whole model", such as split.count 2, are
/// the caller's affair.)
class Writer {
 public:
  /// `version` is 2 or 3; the two differ in nothing but this number.
  explicit Writer(std::uint32_t version = 3) : version_(version) {}

  /// Adds one value. bool, std::string_view, and the fixed-width integers and floats map to the
  /// GGUF type of the same width. A u32 "general.alignment" also sets how tensors are padded.
  template <class T>
  void add(std::string_view key, const T& value);
  /// Adds an array of values.
  template <class T>
  void add_array(std::string_view key, std::span<const T> items);
  /// Adds a copy of a value of another file.
  void add_value(std::string_view key, const Value& value);

  /// Adds a tensor whose data is in memory. The data is not copied: it must stay until written.
  /// Its size must be what type and dims ask for.
  void add_tensor(std::string_view name, std::uint32_t type, std::span<const std::uint64_t> dims,
                  std::span<const std::byte> data);
  /// Adds a tensor whose data `fill` produces piece by piece while writing, so that it need never
  /// be in memory as a whole.
  void add_tensor(std::string_view name, std::uint32_t type, std::span<const std::uint64_t> dims,
                  Fill fill);

  /// The size of the file in bytes, or why it cannot be written.
  [[nodiscard]] Result<std::uint64_t> size() const;
  /// The file in memory. The last tensor is padded too.
  [[nodiscard]] Result<std::vector<std::byte>> to_bytes() const;
  /// The file at `path`, replaced as a whole or not at all: written beside it, then renamed. On any
  /// error (kIo, place = path) nothing is left behind and what was there stays. A path that is a
  /// device or a pipe is written to directly.
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
  using Sink = std::function<Status(std::span<const std::byte>)>;

  void add_entry(std::string_view key, ValueType type, ValueType element_type, std::uint64_t count,
                 std::vector<std::byte> payload);
  [[nodiscard]] Result<Layout> plan() const;

  std::uint32_t version_;
  std::uint32_t alignment_ = kDefaultAlignment;
  std::vector<Entry> entries_;
  std::vector<Planned> tensors_;
};

}  // namespace prumo::gguf
