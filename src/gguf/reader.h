// Bytes of a GGUF file (version 2 or 3) to a checked view of its keys and tensors. Nothing is
// copied and nothing in the file is trusted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gguf/format.h"
#include "gguf/value.h"

namespace prumo::gguf {

/// One metadata entry. `offset` is the byte at which the entry begins in the file.
struct KeyValue {
  std::string_view key;
  Value value;
  std::uint64_t offset = 0;
};

/// One tensor, its data inside the file. dims[0] is contiguous; dims beyond n_dims are 1.
struct Tensor {
  std::string_view name;
  std::uint32_t type = 0;  ///< a number that type_traits() knows, computable or not
  std::uint32_t n_dims = 0;
  std::array<std::uint64_t, kMaxDimensions> dims = {1, 1, 1, 1};
  std::span<const std::byte> data;  ///< exactly the bytes that type and dims ask for
  std::uint64_t file_offset = 0;    ///< where data begins in the file

  /// At least 1, at most 2^63 - 1.
  [[nodiscard]] std::uint64_t elements() const { return dims[0] * dims[1] * dims[2] * dims[3]; }
};

/// A checked view of a GGUF file. The bytes must outlive it. Move-only.
///
/// What parse() decides where the format leaves room: an array of arrays is refused; every tensor's
/// offset must be the sum of the padded sizes before it, as ggml demands; padding may hold
/// anything; bytes after the last tensor are ignored, so the last padding may be missing and a tail
/// may follow; a file without tensors needs no padding after its keys. A part of a split model and
/// a LoRA adapter are valid files that Prumo does not run: kUnsupported.
class File {
 public:
  /// Checks everything, in file order, and stops at the first fault: an Error with code kBadModel
  /// or kUnsupported, whose place is "byte N", a key or a tensor name. `reason`, if given, is set
  /// to what was wrong (kNone on success). Takes at most 16 bytes of memory a byte of the file, and
  /// 64 KiB; time is O(n log n) in the number of entries.
  static Result<File> parse(std::span<const std::byte> bytes, Reason* reason = nullptr);

  File(File&&) noexcept = default;
  File& operator=(File&&) noexcept = default;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() = default;

  [[nodiscard]] std::uint32_t version() const { return version_; }      ///< 2 or 3
  [[nodiscard]] std::uint32_t alignment() const { return alignment_; }  ///< a power of two
  /// Where tensor data begins; without tensors, where the keys end.
  [[nodiscard]] std::uint64_t data_offset() const { return data_offset_; }

  [[nodiscard]] std::span<const KeyValue> keys() const { return keys_; }      ///< in file order
  [[nodiscard]] std::span<const Tensor> tensors() const { return tensors_; }  ///< in file order
  /// The value of a key, or nullptr. O(log n).
  [[nodiscard]] const Value* find(std::string_view key) const;
  /// The tensor of a name, or nullptr. O(log n).
  [[nodiscard]] const Tensor* tensor(std::string_view name) const;

  // A key's value as what the caller needs. Errors are kBadModel, have the key as their place, and
  // say that it is absent, of another type, or out of range. An array is always of another type.
  [[nodiscard]] Result<std::uint64_t> uint(std::string_view key) const;  ///< any integer type, >= 0
  [[nodiscard]] Result<double> real(std::string_view key) const;  ///< f32, f64, any integer type
  [[nodiscard]] Result<bool> boolean(std::string_view key) const;
  [[nodiscard]] Result<std::string_view> string(std::string_view key) const;

 private:
  friend class Parser;
  File() = default;

  std::uint32_t version_ = 0;
  std::uint32_t alignment_ = kDefaultAlignment;
  std::uint64_t data_offset_ = 0;
  std::vector<KeyValue> keys_;
  std::vector<Tensor> tensors_;
  std::vector<std::uint32_t> key_order_;                   // indices into keys_, sorted by key
  std::vector<std::uint32_t> tensor_order_;                // indices into tensors_, sorted by name
  std::vector<std::vector<std::uint64_t>> string_starts_;  // one a string array; Values point here
};

}  // namespace prumo::gguf
