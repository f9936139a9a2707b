// The parser: one walk over the file, front to back, that stops at the first fault.
#include "gguf/reader.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

namespace prumo::gguf {
namespace {

// The least that an entry takes: a key of one byte with a value of one byte, and a tensor with a
// name of one byte and one dimension. What the counts promise is held against these before anything
// is reserved.
constexpr std::uint64_t kMinKeyEntry = 8 + 1 + 4 + 1;
constexpr std::uint64_t kMinTensorEntry = 8 + 1 + 4 + 8 + 4 + 8;

constexpr std::string_view kDamaged = ": the file is damaged, copy or download it again";
constexpr std::string_view kReconvert = ": convert the model again with a current converter";

std::string at_byte(std::uint64_t offset) {
  return "byte " + std::to_string(offset);
}

/// Valid files that ask for something Prumo does not do, as opposed to broken ones.
ErrorCode code_of(Reason reason) {
  switch (reason) {
    case Reason::kVersionOne:
    case Reason::kVersionFuture:
    case Reason::kByteSwapped:
    case Reason::kNestedArray:
    case Reason::kSplit:
    case Reason::kAdapter:
    case Reason::kTensorType:
    case Reason::kTensorTypeWithdrawn:
      return ErrorCode::kUnsupported;
    case Reason::kOutOfMemory:
      return ErrorCode::kOutOfMemory;
    default:
      return ErrorCode::kBadModel;
  }
}

template <class Entry, class Name>
std::vector<std::uint32_t> sorted_by(const std::vector<Entry>& entries, Name Entry::*name) {
  std::vector<std::uint32_t> order(entries.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    const int c = (entries[a].*name).compare(entries[b].*name);
    return c != 0 ? c < 0 : a < b;
  });
  return order;
}

/// The first entry in file order whose name an earlier one has, with that earlier one.
template <class Entry, class Name>
std::optional<std::pair<std::uint32_t, std::uint32_t>> first_repeat(
    const std::vector<Entry>& entries, Name Entry::*name, const std::vector<std::uint32_t>& order) {
  std::optional<std::pair<std::uint32_t, std::uint32_t>> first;
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (entries[order[i - 1]].*name != entries[order[i]].*name) continue;
    if (!first || order[i] < first->second) first = {order[i - 1], order[i]};
  }
  return first;
}

}  // namespace

/// Walks the file once, front to back. Every step returns false after it has recorded the fault.
class Parser {
 public:
  explicit Parser(std::span<const std::byte> bytes) : bytes_(bytes) {}

  Result<File> run(Reason* reason) {
    const bool ok = header() && keys() && alignment() && whole_model() && tensors() && data();
    if (reason != nullptr) *reason = reason_;
    if (!ok) return std::move(error_);
    return std::move(file_);
  }

 private:
  bool fail(Reason reason, std::string place, std::string sentence) {
    reason_ = reason;
    error_ = {code_of(reason), std::move(place), std::move(sentence)};
    return false;
  }
  bool damaged(Reason reason, std::uint64_t offset, const std::string& what) {
    return fail(reason, at_byte(offset), what + std::string(kDamaged));
  }

  [[nodiscard]] std::uint64_t remaining() const { return bytes_.size() - at_; }

  template <class T>
  bool read(T& out, const char* what) {
    if (remaining() < sizeof(T)) {
      return damaged(Reason::kTruncated, at_, std::string("the file ends inside ") + what);
    }
    std::memcpy(&out, bytes_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    return true;
  }

  /// A length and so many bytes; `past_end` and `too_long` are the reasons when that cannot be.
  bool read_text(std::string_view& out, const char* what, std::uint64_t limit, Reason past_end,
                 Reason too_long) {
    const std::uint64_t start = at_;
    std::uint64_t length = 0;
    if (!read(length, what)) return false;
    if (length > remaining()) {
      return damaged(past_end, start,
                     std::string(what) + " of " + std::to_string(length) +
                         " bytes runs past the end of the file");
    }
    if (length > limit) {
      return fail(too_long, at_byte(start),
                  std::string(what) + " of " + std::to_string(length) +
                      " bytes is above the limit of " + std::to_string(limit) +
                      std::string(kDamaged));
    }
    out = {reinterpret_cast<const char*>(bytes_.data() + at_), static_cast<std::size_t>(length)};
    at_ += length;
    return true;
  }

  bool header();
  bool check_version();
  bool read_count(std::uint64_t& count, const char* what, std::uint64_t least, std::uint64_t limit,
                  Reason past_end, Reason too_many);
  bool keys();
  bool value(std::string_view key, Value& out);
  bool items(Value& out);
  bool string_items(Value& out);
  bool alignment();
  bool whole_model();
  bool tensors();
  bool tensor(Tensor& out);
  bool wrong_size(Reason reason, const Tensor& tensor, std::span<const std::uint64_t> dims);
  bool data();
  bool wrong_offset(const Tensor& tensor, std::uint64_t expected);

  std::span<const std::byte> bytes_;
  std::uint64_t at_ = 0;
  std::uint64_t n_tensors_ = 0;
  std::uint64_t n_keys_ = 0;
  File file_;
  Reason reason_ = Reason::kNone;
  Error error_;
};

bool Parser::read_count(std::uint64_t& count, const char* what, std::uint64_t least,
                        std::uint64_t limit, Reason past_end, Reason too_many) {
  const std::uint64_t start = at_;
  if (!read(count, what)) return false;
  if (count > remaining() / least) {
    return damaged(past_end, start,
                   std::string(what) + " is " + std::to_string(count) +
                       ", more than the rest of the file can hold");
  }
  if (count > limit) {
    return damaged(too_many, start,
                   std::string(what) + " is " + std::to_string(count) + ", above the limit of " +
                       std::to_string(limit));
  }
  return true;
}

bool Parser::header() {
  std::uint32_t magic = 0;
  if (!read(magic, "the magic number")) return false;
  if (magic != kMagic) {
    const std::string_view start(reinterpret_cast<const char*>(bytes_.data()), 4);
    const std::string_view other = other_format(bytes_);
    return fail(Reason::kNotGguf, at_byte(0),
                "the file begins with \"" + printable(start) + "\", not \"GGUF\": " +
                    std::string(other.empty() ? "name a model in GGUF format" : other));
  }
  if (!read(file_.version_, "the version")) return false;
  if (!check_version()) return false;
  return read_count(n_tensors_, "the number of tensors", kMinTensorEntry, kMaxTensors,
                    Reason::kTensorCount, Reason::kTooManyTensors) &&
         read_count(n_keys_, "the number of keys", kMinKeyEntry, kMaxKeys, Reason::kKeyCount,
                    Reason::kTooManyKeys);
}

bool Parser::check_version() {
  const std::uint32_t version = file_.version_;
  const std::string place = at_byte(4);
  if (version == 0) return damaged(Reason::kVersionZero, 4, "there is no GGUF version 0");
  if ((version & 0xFFFFu) == 0) {
    return fail(Reason::kByteSwapped, place,
                "the file was written for big-endian machines: convert the model again as "
                "little-endian");
  }
  if (version == 1) {
    return fail(Reason::kVersionOne, place,
                "GGUF version 1 is no longer read" + std::string(kReconvert));
  }
  if (version > 3) {
    return fail(Reason::kVersionFuture, place,
                "GGUF version " + std::to_string(version) +
                    " is newer than version 3, the newest that is read: use a newer Prumo");
  }
  return true;
}

bool Parser::keys() {
  file_.keys_.reserve(n_keys_);
  for (std::uint64_t i = 0; i < n_keys_; ++i) {
    KeyValue entry;
    entry.offset = at_;
    if (!read_text(entry.key, "a key", kMaxKeyBytes, Reason::kKeyLength, Reason::kKeyTooLong)) {
      return false;
    }
    if (entry.key.empty()) {
      return damaged(Reason::kKeyEmpty, entry.offset, "a key is empty");
    }
    if (!value(entry.key, entry.value)) return false;
    file_.keys_.push_back(entry);
  }
  file_.key_order_ = sorted_by(file_.keys_, &KeyValue::key);
  if (const auto twice = first_repeat(file_.keys_, &KeyValue::key, file_.key_order_)) {
    const KeyValue& second = file_.keys_[twice->second];
    return fail(Reason::kKeyDuplicate, printable(second.key),
                "the key stands at byte " + std::to_string(file_.keys_[twice->first].offset) +
                    " and again at byte " + std::to_string(second.offset) +
                    std::string(kReconvert));
  }
  return true;
}

bool Parser::value(std::string_view key, Value& out) {
  const std::uint64_t start = at_;
  std::uint32_t type = 0;
  if (!read(type, "the type of a value")) return false;
  std::uint32_t element = type;
  out.count_ = 1;
  const bool array = type == static_cast<std::uint32_t>(ValueType::kArray);
  if (array && !read(element, "the type of an array")) return false;
  if (element > static_cast<std::uint32_t>(ValueType::kF64)) {
    return fail(Reason::kValueType, printable(key),
                "value type " + std::to_string(element) + " at byte " + std::to_string(start) +
                    " does not exist" + std::string(kDamaged));
  }
  if (array && element == static_cast<std::uint32_t>(ValueType::kArray)) {
    return fail(Reason::kNestedArray, printable(key),
                "arrays of arrays are not supported: remove this key or convert the model without "
                "it");
  }
  out.type_ = static_cast<ValueType>(type);
  out.element_type_ = static_cast<ValueType>(element);
  if (array) {
    const std::uint64_t item =
        out.element_type_ == ValueType::kString ? 8 : item_bytes(out.element_type_);
    if (!read_count(out.count_, "the length of an array", item, kMaxArrayItems,
                    Reason::kArrayLength, Reason::kArrayTooLong)) {
      return false;
    }
  }
  return out.element_type_ == ValueType::kString ? string_items(out) : items(out);
}

bool Parser::items(Value& out) {
  const std::uint64_t size = out.count_ * item_bytes(out.element_type_);
  if (size > remaining()) {
    return damaged(Reason::kTruncated, at_, "the file ends inside a value");
  }
  out.payload_ = bytes_.subspan(at_, size);
  if (out.element_type_ == ValueType::kBool) {
    for (std::uint64_t i = 0; i < size; ++i) {
      const auto byte = static_cast<unsigned>(out.payload_[i]);
      if (byte > 1) {
        return damaged(Reason::kBool, at_ + i,
                       "a bool is " + std::to_string(byte) + ", neither 0 nor 1");
      }
    }
  }
  at_ += size;
  return true;
}

bool Parser::string_items(Value& out) {
  const std::uint64_t start = at_;
  std::vector<std::uint64_t> starts;
  if (out.is_array()) starts.reserve(out.count_);
  for (std::uint64_t i = 0; i < out.count_; ++i) {
    if (out.is_array()) starts.push_back(at_ - start);
    std::string_view text;
    if (!read_text(text, "a string", kMaxStringBytes, Reason::kStringLength,
                   Reason::kStringTooLong)) {
      return false;
    }
  }
  out.payload_ = bytes_.subspan(start, at_ - start);
  if (out.is_array()) {
    out.string_starts_ = starts.data();  // moving the vector keeps its items where they are
    file_.string_starts_.push_back(std::move(starts));
  }
  return true;
}

bool Parser::alignment() {
  const Value* const value = file_.find("general.alignment");
  if (value == nullptr) return true;
  if (value->type() != ValueType::kU32) {
    return fail(Reason::kAlignmentType, "general.alignment",
                "the alignment must be a u32 but is " + std::string(type_name(value->type())) +
                    std::string(kReconvert));
  }
  file_.alignment_ = value->u32_at(0);
  if (!std::has_single_bit(file_.alignment_) || file_.alignment_ < kMinAlignment ||
      file_.alignment_ > kMaxAlignment) {
    return fail(Reason::kAlignment, "general.alignment",
                "the alignment " + std::to_string(file_.alignment_) +
                    " is not a power of two from 8 to 1048576" + std::string(kReconvert));
  }
  return true;
}

bool Parser::whole_model() {
  if (const Value* const parts = file_.find("split.count")) {
    const bool integer = !parts->is_array() && parts->element_type() != ValueType::kBool &&
                         (parts->int_at(0) || parts->uint_at(0));
    if (!integer) {
      return fail(Reason::kSplitType, "split.count",
                  "the number of parts must be an integer but is " +
                      std::string(type_name(parts->type())) + std::string(kReconvert));
    }
    if (parts->uint_at(0) > 1u) {
      return fail(Reason::kSplit, "split.count",
                  "the file is one of " + to_text(*parts) +
                      " parts of a model: merge the parts into one file first");
    }
  }
  const Value* const type = file_.find("general.type");
  const bool adapter =
      type != nullptr && type->type() == ValueType::kString && type->string_at(0) == "adapter";
  if (adapter || file_.find("adapter.type") != nullptr) {
    return fail(Reason::kAdapter, adapter ? "general.type" : "adapter.type",
                "the file is a LoRA adapter, not a model: merge it into its base model first");
  }
  return true;
}

bool Parser::tensors() {
  file_.tensors_.reserve(n_tensors_);
  for (std::uint64_t i = 0; i < n_tensors_; ++i) {
    Tensor next;
    if (!tensor(next)) return false;
    file_.tensors_.push_back(next);
  }
  file_.tensor_order_ = sorted_by(file_.tensors_, &Tensor::name);
  if (const auto twice = first_repeat(file_.tensors_, &Tensor::name, file_.tensor_order_)) {
    return fail(Reason::kNameDuplicate, printable(file_.tensors_[twice->second].name),
                "tensors " + std::to_string(twice->first) + " and " +
                    std::to_string(twice->second) + " both have this name" +
                    std::string(kReconvert));
  }
  return true;
}

bool Parser::tensor(Tensor& out) {
  const std::uint64_t start = at_;
  if (!read_text(out.name, "a tensor name", kMaxTensorNameBytes, Reason::kNameLength,
                 Reason::kNameTooLong)) {
    return false;
  }
  if (out.name.empty()) return damaged(Reason::kNameEmpty, start, "a tensor has no name");
  if (!read(out.n_dims, "the number of dimensions of a tensor")) return false;
  if (out.n_dims == 0 || out.n_dims > kMaxDimensions) {
    return fail(Reason::kDimensionCount, printable(out.name),
                "the tensor has " + std::to_string(out.n_dims) + " dimensions, not 1 to 4" +
                    std::string(kDamaged));
  }
  for (std::uint32_t d = 0; d < out.n_dims; ++d) {
    if (!read(out.dims[d], "the dimensions of a tensor")) return false;
  }
  if (!read(out.type, "the type of a tensor")) return false;
  const std::span<const std::uint64_t> dims(out.dims.data(), out.n_dims);
  TensorSize size;
  const Reason reason = tensor_size(out.type, dims, size);
  if (reason != Reason::kNone) return wrong_size(reason, out, dims);
  // Relative to the data until data() has checked it.
  return read(out.file_offset, "the offset of a tensor");
}

bool Parser::wrong_size(Reason reason, const Tensor& tensor, std::span<const std::uint64_t> dims) {
  std::string shape;
  for (const std::uint64_t dim : dims) {
    shape += (shape.empty() ? "" : " x ") + std::to_string(dim);
  }
  const std::string number = std::to_string(tensor.type);
  std::string what;
  std::string_view remedy = kDamaged;
  switch (reason) {
    case Reason::kDimensionZero:
      what = "the shape " + shape + " has a dimension of 0";
      break;
    case Reason::kElementOverflow:
      what = "the shape " + shape + " has 2^63 elements or more";
      break;
    case Reason::kTensorTypeWithdrawn:
      what = "tensor type " + number + " was withdrawn from the format";
      remedy = kReconvert;
      break;
    case Reason::kTensorType:
      what = "tensor type " + number + " is not known";
      remedy = ": use a newer Prumo or convert the model to another type";
      break;
    case Reason::kBlock: {
      const TypeTraits& traits = *type_traits(tensor.type);
      what = "rows of " + std::to_string(dims[0]) + " elements are not whole blocks of " +
             std::to_string(traits.elements) + ", as type " + std::string(traits.name) + " needs";
      remedy = kReconvert;
      break;
    }
    default:
      what = "the shape " + shape + " takes 2^64 bytes or more";
      break;
  }
  return fail(reason, printable(tensor.name), what + std::string(remedy));
}

bool Parser::data() {
  file_.data_offset_ = at_;
  if (file_.tensors_.empty()) return true;
  const std::uint64_t align = file_.alignment_;
  const auto pad = [align](std::uint64_t x) { return (x + align - 1) / align * align; };
  file_.data_offset_ = pad(at_);
  const std::uint64_t end = bytes_.size();
  const std::uint64_t available = end > file_.data_offset_ ? end - file_.data_offset_ : 0;
  std::uint64_t expected = 0;  // at most pad(available), so no sum below can overflow
  for (Tensor& tensor : file_.tensors_) {
    const std::uint64_t offset = tensor.file_offset;
    if (offset % align != 0 || offset != expected) return wrong_offset(tensor, expected);
    TensorSize size;
    tensor_size(tensor.type, {tensor.dims.data(), tensor.n_dims}, size);
    if (expected > available || size.bytes > available - expected) {
      return fail(Reason::kDataPastEnd, printable(tensor.name),
                  "the tensor's " + std::to_string(size.bytes) + " bytes at byte " +
                      std::to_string(file_.data_offset_ + expected) +
                      " run past the end of the file, which has " + std::to_string(end) +
                      ": the file was cut short, copy or download it again");
    }
    tensor.file_offset = file_.data_offset_ + expected;
    tensor.data = bytes_.subspan(tensor.file_offset, size.bytes);
    expected = pad(expected + size.bytes);
  }
  return true;
}

bool Parser::wrong_offset(const Tensor& tensor, std::uint64_t expected) {
  const std::uint64_t offset = tensor.file_offset;
  const std::string what = "the offset " + std::to_string(offset) + " of the tensor's data ";
  if (offset % file_.alignment_ != 0) {
    return fail(Reason::kOffsetUnaligned, printable(tensor.name),
                what + "is not a multiple of the alignment " + std::to_string(file_.alignment_) +
                    std::string(kReconvert));
  }
  return fail(Reason::kOffset, printable(tensor.name),
              what +
                  (offset < expected ? "overlaps the tensor before it, "
                                     : "leaves a gap behind the tensor before it, ") +
                  std::to_string(expected) + " was expected" + std::string(kReconvert));
}

Result<File> File::parse(std::span<const std::byte> bytes, Reason* reason) {
  try {
    return Parser(bytes).run(reason);
  } catch (const std::bad_alloc&) {
    if (reason != nullptr) *reason = Reason::kOutOfMemory;
    return Error{ErrorCode::kOutOfMemory, "",
                 "there is no memory left to index the file: close other programs"};
  }
}

}  // namespace prumo::gguf
