// Laying out a GGUF file, checking that the reader would take it, and writing it whole or not at
// all.
#include "gguf/writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cerrno>
#include <filesystem>
#include <new>
#include <optional>
#include <stdexcept>
#include <system_error>

namespace prumo::gguf {
namespace {

constexpr std::uint64_t kChunkBytes = std::uint64_t{1} << 20;

Error misuse(std::string_view place, std::string sentence) {
  return {ErrorCode::kBadArgument, printable(place), std::move(sentence)};
}

/// The first name that occurs twice, or nullptr.
const std::string* repeated(std::vector<const std::string*> names) {
  std::sort(names.begin(), names.end(), [](const auto* a, const auto* b) { return *a < *b; });
  const auto twice = std::adjacent_find(names.begin(), names.end(),
                                        [](const auto* a, const auto* b) { return *a == *b; });
  return twice == names.end() ? nullptr : *twice;
}

/// A file being written. Unless commit() succeeds, nothing remains of it.
class Output {
 public:
  explicit Output(const std::string& path) : path_(path) {}
  ~Output() {
    if (fd_ >= 0) ::close(fd_);
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  Status open();
  Status write(std::span<const std::byte> bytes);
  Status commit();

 private:
  [[nodiscard]] Error failed(const char* what, int number) const {
    const char* const hint = number == ENOSPC || number == EDQUOT
                                 ? ": free some space or name another place"
                                 : ": check the path and its permissions";
    return {ErrorCode::kIo, path_,
            std::string(what) + " (" + std::generic_category().message(number) + ")" + hint};
  }

  const std::string& path_;
  std::string target_;     // path_ without links
  std::string temporary_;  // empty while there is none
  int fd_ = -1;
};

Status Output::open() {
  struct stat status {};
  const bool exists = ::stat(path_.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) {
    return Error{ErrorCode::kIo, path_, "this is a folder: name a file inside it"};
  }
  if (exists && !S_ISREG(status.st_mode)) {  // a device or pipe must not be renamed over
    fd_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd_ < 0) return failed("the file cannot be opened for writing", errno);
    return success();
  }
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(path_, error);
  target_ = error ? path_ : real.string();  // what a link leads to is replaced, not the link
  for (int attempt = 0; fd_ < 0; ++attempt) {
    const std::string name =
        target_ + ".partial-" + std::to_string(::getpid()) + "-" + std::to_string(attempt);
    fd_ = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd_ >= 0) {
      temporary_ = name;
    } else if (errno != EINTR && (errno != EEXIST || attempt == 99)) {
      return failed("the file cannot be created", errno);
    }
  }
  return success();
}

Status Output::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return failed("the file cannot be written", errno);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return success();
}

Status Output::commit() {
  // Some file systems report a full disk only now. Devices and pipes cannot be synchronised.
  if (!temporary_.empty() && ::fsync(fd_) != 0) return failed("the file cannot be written", errno);
  if (::close(std::exchange(fd_, -1)) != 0) return failed("the file cannot be written", errno);
  if (temporary_.empty()) return success();
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
    return failed("the file cannot be put in its place", errno);
  }
  temporary_.clear();
  return success();
}

}  // namespace

/// Everything but the tensors' data: the bytes before it, and each tensor's place in the file.
struct Writer::Layout {
  std::vector<std::byte> head;         // up to the data, padded if there are tensors
  std::vector<std::uint64_t> offsets;  // from the start of the file
  std::vector<std::uint64_t> bytes;
  std::uint64_t size = 0;
};

void Writer::append(std::vector<std::byte>& out, std::string_view text) {
  append(out, static_cast<std::uint64_t>(text.size()));
  const auto* const bytes = reinterpret_cast<const std::byte*>(text.data());
  out.insert(out.end(), bytes, bytes + text.size());
}

void Writer::add_entry(std::string_view key, ValueType type, ValueType element_type,
                       std::uint64_t count, std::vector<std::byte> payload) {
  if (key == "general.alignment" && type == ValueType::kU32) {
    std::memcpy(&alignment_, payload.data(), sizeof(alignment_));
  }
  entries_.push_back({std::string(key), type, element_type, count, std::move(payload)});
}

void Writer::add_value(std::string_view key, const Value& value) {
  const std::span<const std::byte> payload = value.payload();
  add_entry(key, value.type(), value.element_type(), value.count(),
            {payload.begin(), payload.end()});
}

void Writer::add_tensor(std::string_view name, std::uint32_t type, std::vector<std::uint64_t> dims,
                        std::span<const std::byte> data) {
  tensors_.push_back({std::string(name), type, std::move(dims), data, nullptr});
}

void Writer::add_tensor(std::string_view name, std::uint32_t type, std::vector<std::uint64_t> dims,
                        Fill fill) {
  assert(fill != nullptr);
  tensors_.push_back({std::string(name), type, std::move(dims), {}, std::move(fill)});
}

namespace {

/// Why no key or tensor may have this name, or nothing.
std::optional<Error> bad_name(const std::string& name, std::uint64_t limit, const char* what) {
  if (name.empty()) return misuse("", std::string("a ") + what + " without a name was added");
  if (name.size() <= limit) return {};
  return misuse(name, std::string("the name of this ") + what + " has " +
                          std::to_string(name.size()) + " bytes, the limit is " +
                          std::to_string(limit));
}

/// The longest of the strings that stand in a payload one after another.
std::uint64_t longest_string(std::span<const std::byte> payload) {
  std::uint64_t longest = 0;
  while (!payload.empty()) {
    std::uint64_t length = 0;
    std::memcpy(&length, payload.data(), sizeof(length));
    longest = std::max(longest, length);
    payload = payload.subspan(sizeof(length) + length);
  }
  return longest;
}

/// x rounded up to the alignment, or nothing when that reaches 2^63.
std::optional<std::uint64_t> padded(std::uint64_t x, std::uint64_t alignment) {
  constexpr std::uint64_t kLimit = std::uint64_t{1} << 63;
  if (x >= kLimit - alignment) return {};
  return (x + alignment - 1) / alignment * alignment;
}

/// Calls part(offset, bytes) for pieces of whole blocks, of about kChunkBytes, that make up
/// `bytes`.
template <class Part>
void in_parts(std::uint64_t bytes, std::uint64_t block, Part part) {
  const std::uint64_t step = kChunkBytes / block * block;
  for (std::uint64_t at = 0; at < bytes; at += step) part(at, std::min(step, bytes - at));
}

}  // namespace

std::optional<Error> Writer::bad_entry(const Entry& entry) const {
  if (auto error = bad_name(entry.key, kMaxKeyBytes, "key")) return error;
  if (entry.count > kMaxArrayItems) {
    return misuse(entry.key, "the array has " + std::to_string(entry.count) +
                                 " items, the limit is " + std::to_string(kMaxArrayItems));
  }
  if (entry.element_type == ValueType::kString && longest_string(entry.payload) > kMaxStringBytes) {
    return misuse(entry.key,
                  "a string is longer than the limit of " + std::to_string(kMaxStringBytes));
  }
  if (entry.key == "general.alignment" &&
      (entry.type != ValueType::kU32 || !std::has_single_bit(alignment_) ||
       alignment_ < kMinAlignment || alignment_ > kMaxAlignment)) {
    return misuse(entry.key, "the alignment must be a u32, a power of two from 8 to 1048576");
  }
  return {};
}

Result<TensorSize> Writer::size_of(const Planned& tensor) {
  if (auto error = bad_name(tensor.name, kMaxTensorNameBytes, "tensor")) return *error;
  TensorSize size;
  const Reason reason = tensor_size(tensor.type, tensor.dims, size);
  if (reason != Reason::kNone) {
    return misuse(tensor.name, "no tensor can have this type and shape (" +
                                   std::string(reason_name(reason)) + ")");
  }
  if (tensor.fill == nullptr && tensor.data.size() != size.bytes) {
    return misuse(tensor.name, "the data has " + std::to_string(tensor.data.size()) +
                                   " bytes, type and shape ask for " + std::to_string(size.bytes));
  }
  return size;
}

std::optional<Error> Writer::bad_whole() const {
  if (version_ != 2 && version_ != 3) {
    return misuse("",
                  "GGUF version " + std::to_string(version_) + " cannot be written, 2 and 3 can");
  }
  if (entries_.size() > kMaxKeys || tensors_.size() > kMaxTensors) {
    return misuse("", "a file can have 65536 keys and as many tensors, not more");
  }
  std::vector<const std::string*> names;
  for (const Entry& entry : entries_) names.push_back(&entry.key);
  if (const std::string* twice = repeated(names)) return misuse(*twice, "the key was added twice");
  names.clear();
  for (const Planned& tensor : tensors_) names.push_back(&tensor.name);
  if (const std::string* twice = repeated(names)) {
    return misuse(*twice, "a tensor with this name was added twice");
  }
  for (const Entry& entry : entries_) {
    if (auto error = bad_entry(entry)) return error;
  }
  return {};
}

Result<Writer::Layout> Writer::plan() const {
  if (auto error = bad_whole()) return *error;
  Layout layout;
  std::vector<std::byte>& head = layout.head;
  append(head, kMagic);
  append(head, version_);
  append(head, static_cast<std::uint64_t>(tensors_.size()));
  append(head, static_cast<std::uint64_t>(entries_.size()));
  for (const Entry& entry : entries_) {
    append(head, std::string_view(entry.key));
    append(head, static_cast<std::uint32_t>(entry.type));
    if (entry.type == ValueType::kArray) {
      append(head, static_cast<std::uint32_t>(entry.element_type));
      append(head, entry.count);
    }
    head.insert(head.end(), entry.payload.begin(), entry.payload.end());
  }
  std::uint64_t offset = 0;
  for (const Planned& tensor : tensors_) {
    const Result<TensorSize> size = size_of(tensor);
    if (!size) return size.error();
    append(head, std::string_view(tensor.name));
    append(head, static_cast<std::uint32_t>(tensor.dims.size()));
    for (const std::uint64_t dim : tensor.dims) append(head, dim);
    append(head, tensor.type);
    append(head, offset);
    layout.offsets.push_back(offset);
    layout.bytes.push_back(size->bytes);
    const auto end =
        size->bytes < UINT64_MAX - offset ? padded(offset + size->bytes, alignment_) : std::nullopt;
    if (!end) return misuse(tensor.name, "with this tensor the file reaches 2^63 bytes");
    offset = *end;
  }
  if (!tensors_.empty()) head.resize(*padded(head.size(), alignment_));
  for (std::uint64_t& at : layout.offsets) at += head.size();
  layout.size = head.size() + offset;
  return layout;
}

Result<std::uint64_t> Writer::size() const {
  Result<Layout> layout = plan();
  if (!layout) return layout.error();
  return layout->size;
}

Result<std::vector<std::byte>> Writer::to_bytes() const try {
  const Result<Layout> layout = plan();
  if (!layout) return layout.error();
  std::vector<std::byte> out(layout->size);
  std::copy(layout->head.begin(), layout->head.end(), out.begin());
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const Planned& tensor = tensors_[i];
    std::byte* const to = out.data() + layout->offsets[i];
    if (tensor.fill == nullptr) {
      std::copy(tensor.data.begin(), tensor.data.end(), to);
      continue;
    }
    in_parts(layout->bytes[i], type_traits(tensor.type)->bytes,
             [&](std::uint64_t at, std::uint64_t n) {
               tensor.fill(at, {to + at, n});
             });
  }
  return out;
} catch (const std::bad_alloc&) {
  return Error{ErrorCode::kOutOfMemory, "", "the file does not fit into memory: write it to disk"};
} catch (const std::length_error&) {
  return Error{ErrorCode::kOutOfMemory, "", "the file does not fit into memory: write it to disk"};
}

Status Writer::to_file(const std::string& path) const {
  const Result<Layout> layout = plan();
  if (!layout) return layout.error();
  Output output(path);
  if (Status status = output.open(); !status) return status;
  if (Status status = output.write(layout->head); !status) return status;
  std::vector<std::byte> buffer;
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const Planned& tensor = tensors_[i];
    Status status = success();
    if (tensor.fill == nullptr) {
      status = output.write(tensor.data);
    } else {
      in_parts(layout->bytes[i], type_traits(tensor.type)->bytes,
               [&](std::uint64_t at, std::uint64_t n) {
                 if (!status) return;
                 buffer.resize(n);
                 tensor.fill(at, buffer);
                 status = output.write(buffer);
               });
    }
    const std::uint64_t end = layout->offsets[i] + layout->bytes[i];
    const std::uint64_t next = i + 1 < tensors_.size() ? layout->offsets[i + 1] : layout->size;
    buffer.assign(next - end, std::byte{0});
    if (status) status = output.write(buffer);
    if (!status) return status;
  }
  return output.commit();
}

}  // namespace prumo::gguf
