// A file's bytes as memory: mapped read-only, so that a model costs address space, not copies.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/result.h"

namespace prumo {

/// A read-only, private mapping of a whole regular file. Move-only; the bytes live as long as it
/// does. A file that another program shortens while it is mapped faults on access: that is the
/// operating system's rule for mappings, and no check can lift it.
class MappedFile {
 public:
  /// Maps the file at `path`. Errors are kIo (missing, a folder, a pipe or device, no permission,
  /// unreadable) or kBadModel (empty), with the path as their place.
  static Result<MappedFile> open(const std::string& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  /// All bytes of the file, page-aligned. Empty only after a move.
  [[nodiscard]] std::span<const std::byte> bytes() const { return {data_, size_}; }

  /// Lets the system drop the pages that lie wholly inside `part`, which must be part of bytes().
  /// They stay readable: a later access reads them from the file again. A hint; never fails.
  void advise_unneeded(std::span<const std::byte> part) const;

 private:
  MappedFile(const std::byte* data, std::size_t size) : data_(data), size_(size) {}

  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace prumo
