// A second GGUF parser, slow and simple: one byte at a time, every sum and product in 128 bits. It
// is the oracle for File::parse: the same verdict, the same reason, the same view. It shares with
// the library the names of the reasons and nothing else; the type table here is its own.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "gguf/reader.h"

namespace prumo::testing {

__extension__ using Wide = unsigned __int128;

struct OracleItem {
  std::uint32_t type = 0;
  std::uint32_t element = 0;
  Wide count = 0;
  Wide begin = 0, end = 0;    // payload
  std::vector<Wide> strings;  // where each string's length stands
};

struct OracleTensor {
  std::string name;
  std::uint32_t type = 0;
  std::vector<Wide> dims;
  Wide offset = 0, bytes = 0;
};

class GgufOracle {
 public:
  using Reason = gguf::Reason;

  explicit GgufOracle(std::span<const std::byte> file) : file_(file) { reason = parse(); }

  Reason reason;
  Wide alignment = 32;
  Wide data_start = 0;
  std::vector<std::pair<std::string, OracleItem>> keys;
  std::vector<OracleTensor> tensors;

  /// What the file must at least contain to be accepted.
  [[nodiscard]] std::uint64_t needed() const {
    Wide end = data_start;
    if (!tensors.empty()) end += tensors.back().offset + tensors.back().bytes;
    return static_cast<std::uint64_t>(end);
  }

 private:
  [[nodiscard]] Wide left() const { return Wide{file_.size()} - at_; }

  /// A little-endian number of n bytes; `short_` is set when the file does not have them.
  Wide number(unsigned n) {
    if (left() < n) {
      short_ = true;
      return 0;
    }
    Wide value = 0;
    for (unsigned i = 0; i < n; ++i) {
      value += Wide{static_cast<unsigned char>(file_[static_cast<std::size_t>(at_)])} << (8 * i);
      at_ += 1;
    }
    return value;
  }

  std::string text(Wide length) {
    std::string out;
    for (Wide i = 0; i < length; ++i) {
      out.push_back(static_cast<char>(file_[static_cast<std::size_t>(at_)]));
      at_ += 1;
    }
    return out;
  }

  static Wide width(std::uint32_t type) {
    static const std::map<std::uint32_t, unsigned> kWidths = {{0, 1}, {1, 1},  {2, 2},  {3, 2},
                                                              {4, 4}, {5, 4},  {6, 4},  {7, 1},
                                                              {8, 8}, {10, 8}, {11, 8}, {12, 8}};
    return kWidths.at(type);  // a string has at least its length
  }

  Reason parse() {
    const Wide magic = number(4);
    if (short_) return Reason::kTruncated;
    if (magic != 'G' + ('G' << 8) + ('U' << 16) + ('F' << 24)) return Reason::kNotGguf;
    const Wide version = number(4);
    if (short_) return Reason::kTruncated;
    if (version == 0) return Reason::kVersionZero;
    if (version % 65536 == 0) return Reason::kByteSwapped;
    if (version == 1) return Reason::kVersionOne;
    if (version != 2 && version != 3) return Reason::kVersionFuture;

    const Wide n_tensors = number(8);
    if (short_) return Reason::kTruncated;
    if (n_tensors * 33 > left()) return Reason::kTensorCount;
    if (n_tensors > 65536) return Reason::kTooManyTensors;
    const Wide n_keys = number(8);
    if (short_) return Reason::kTruncated;
    if (n_keys * 14 > left()) return Reason::kKeyCount;
    if (n_keys > 65536) return Reason::kTooManyKeys;

    for (Wide i = 0; i < n_keys; ++i) {
      if (const Reason r = key(); r != Reason::kNone) return r;
    }
    if (const Reason r = meaning(); r != Reason::kNone) return r;
    for (Wide i = 0; i < n_tensors; ++i) {
      if (const Reason r = tensor(); r != Reason::kNone) return r;
    }
    std::set<std::string> names;
    for (const OracleTensor& t : tensors) {
      if (!names.insert(t.name).second) return Reason::kNameDuplicate;
    }
    return data();
  }

  Reason key() {
    const Wide length = number(8);
    if (short_) return Reason::kTruncated;
    if (length > left()) return Reason::kKeyLength;
    if (length > 65535) return Reason::kKeyTooLong;
    if (length == 0) return Reason::kKeyEmpty;
    const std::string name = text(length);

    OracleItem item;
    item.type = static_cast<std::uint32_t>(number(4));
    if (short_) return Reason::kTruncated;
    item.element = item.type;
    item.count = 1;
    if (item.type == 9) {
      item.element = static_cast<std::uint32_t>(number(4));
      if (short_) return Reason::kTruncated;
      if (item.element == 9) return Reason::kNestedArray;
    }
    if (item.element > 12) return Reason::kValueType;
    if (item.type == 9) {
      item.count = number(8);
      if (short_) return Reason::kTruncated;
      if (item.count * width(item.element) > left()) return Reason::kArrayLength;
      if (item.count > 16u * 1024 * 1024) return Reason::kArrayTooLong;
    }
    const Reason r = payload(item);
    keys.emplace_back(name, item);
    return r;
  }

  Reason payload(OracleItem& item) {
    item.begin = at_;
    for (Wide i = 0; i < item.count; ++i) {
      if (item.element != 8) {
        const Wide value = number(static_cast<unsigned>(width(item.element)));
        if (short_) return Reason::kTruncated;
        if (item.element == 7 && value != 0 && value != 1) return Reason::kBool;
        continue;
      }
      item.strings.push_back(at_);
      const Wide length = number(8);
      if (short_) return Reason::kTruncated;
      if (length > left()) return Reason::kStringLength;
      if (length > 64u * 1024 * 1024) return Reason::kStringTooLong;
      at_ += length;
    }
    item.end = at_;
    return Reason::kNone;
  }

  /// The keys that say how to read the file or that it is no whole model.
  Reason meaning() {
    std::map<std::string, OracleItem> by_name;
    for (const auto& [name, item] : keys) {
      if (!by_name.emplace(name, item).second) return Reason::kKeyDuplicate;
    }
    if (const auto found = by_name.find("general.alignment"); found != by_name.end()) {
      if (found->second.type != 4) return Reason::kAlignmentType;
      alignment = read_again(found->second);
      bool power = false;
      for (Wide p = 8; p <= 1024u * 1024; p *= 2) power = power || alignment == p;
      if (!power) return Reason::kAlignment;
    }
    if (const auto found = by_name.find("split.count"); found != by_name.end()) {
      const std::uint32_t type = found->second.type;
      const Wide bits = 8 * (found->second.end - found->second.begin);
      if (type == 6 || type == 7 || type == 8 || type == 9 || type == 12) {
        return Reason::kSplitType;
      }
      const Wide value = read_again(found->second);
      const bool is_signed = type == 1 || type == 3 || type == 5 || type == 11;
      const bool negative = is_signed && (value >> (bits - 1)) != 0;
      if (!negative && value > 1) return Reason::kSplit;
    }
    if (by_name.count("adapter.type") != 0) return Reason::kAdapter;
    if (const auto found = by_name.find("general.type"); found != by_name.end()) {
      if (found->second.type == 8 && read_string(found->second) == "adapter") {
        return Reason::kAdapter;
      }
    }
    return Reason::kNone;
  }

  Wide read_again(const OracleItem& item) {
    const Wide here = at_;
    at_ = item.begin;
    const Wide value = number(static_cast<unsigned>(item.end - item.begin));
    at_ = here;
    return value;
  }

  std::string read_string(const OracleItem& item) {
    const Wide here = at_;
    at_ = item.begin;
    const Wide length = number(8);
    std::string out = text(length);
    at_ = here;
    return out;
  }

  Reason tensor() {
    OracleTensor t;
    const Wide length = number(8);
    if (short_) return Reason::kTruncated;
    if (length > left()) return Reason::kNameLength;
    if (length > 63) return Reason::kNameTooLong;
    if (length == 0) return Reason::kNameEmpty;
    t.name = text(length);
    const Wide n_dims = number(4);
    if (short_) return Reason::kTruncated;
    if (n_dims < 1 || n_dims > 4) return Reason::kDimensionCount;
    for (Wide d = 0; d < n_dims; ++d) {
      t.dims.push_back(number(8));
      if (short_) return Reason::kTruncated;
    }
    t.type = static_cast<std::uint32_t>(number(4));
    if (short_) return Reason::kTruncated;

    // Zero anywhere comes before too many elements; each partial product is below 2^127.
    for (const Wide dim : t.dims) {
      if (dim == 0) return Reason::kDimensionZero;
    }
    Wide elements = 1;
    for (const Wide dim : t.dims) {
      elements *= dim;
      if (elements >> 63 != 0) return Reason::kElementOverflow;
    }
    static const std::set<std::uint32_t> kWithdrawn = {4, 5, 31, 32, 33, 36, 37, 38};
    if (kWithdrawn.count(t.type) != 0) return Reason::kTensorTypeWithdrawn;
    const auto traits = blocks().find(t.type);
    if (traits == blocks().end()) return Reason::kTensorType;
    const auto [per_block, block_bytes] = traits->second;
    if (t.dims[0] % per_block != 0) return Reason::kBlock;
    t.bytes = elements / per_block * block_bytes;
    if (t.bytes >> 64 != 0) return Reason::kByteOverflow;

    t.offset = number(8);
    if (short_) return Reason::kTruncated;
    tensors.push_back(t);
    return Reason::kNone;
  }

  /// Elements and bytes of a block, written down a second time: scales and minima first, then the
  /// packed numbers, as each format's description counts them.
  static const std::map<std::uint32_t, std::pair<unsigned, unsigned>>& blocks() {
    static const std::map<std::uint32_t, std::pair<unsigned, unsigned>> kBlocks = {
        {0, {1, 4}},                         // F32
        {1, {1, 2}},                         // F16
        {2, {32, 2 + 16}},                   // Q4_0
        {3, {32, 2 + 2 + 16}},               // Q4_1
        {6, {32, 2 + 4 + 16}},               // Q5_0
        {7, {32, 2 + 2 + 4 + 16}},           // Q5_1
        {8, {32, 2 + 32}},                   // Q8_0
        {9, {32, 2 + 2 + 32}},               // Q8_1
        {10, {256, 16 + 64 + 2 + 2}},        // Q2_K
        {11, {256, 32 + 64 + 12 + 2}},       // Q3_K
        {12, {256, 2 + 2 + 12 + 128}},       // Q4_K
        {13, {256, 2 + 2 + 12 + 32 + 128}},  // Q5_K
        {14, {256, 128 + 64 + 16 + 2}},      // Q6_K
        {15, {256, 4 + 256 + 16 * 2}},       // Q8_K
        {16, {256, 2 + 32 * 2}},             // IQ2_XXS
        {17, {256, 2 + 32 * 2 + 8}},         // IQ2_XS
        {18, {256, 2 + 3 * 32}},             // IQ3_XXS
        {19, {256, 2 + 32 + 8 * 2}},         // IQ1_S
        {20, {32, 2 + 16}},                  // IQ4_NL
        {21, {256, 2 + 64 + 8 + 32 + 4}},    // IQ3_S
        {22, {256, 2 + 64 + 8 + 8}},         // IQ2_S
        {23, {256, 2 + 2 + 4 + 128}},        // IQ4_XS
        {24, {1, 1}},                        // I8
        {25, {1, 2}},                        // I16
        {26, {1, 4}},                        // I32
        {27, {1, 8}},                        // I64
        {28, {1, 8}},                        // F64
        {29, {256, 32 + 16 + 8}},            // IQ1_M
        {30, {1, 2}},                        // BF16
        {34, {256, 48 + 4 + 2}},             // TQ1_0
        {35, {256, 64 + 2}},                 // TQ2_0
        {39, {32, 1 + 16}},                  // MXFP4
        {40, {64, 4 + 32}},                  // NVFP4
        {41, {128, 2 + 16}},                 // Q1_0
        {42, {64, 2 + 16}},                  // Q2_0
    };
    return kBlocks;
  }

  Reason data() {
    data_start = at_;
    if (tensors.empty()) return Reason::kNone;
    while (data_start % alignment != 0) data_start += 1;
    Wide sum = 0;
    for (const OracleTensor& t : tensors) {
      if (t.offset % alignment != 0) return Reason::kOffsetUnaligned;
      if (t.offset != sum) return Reason::kOffset;
      if (data_start + sum + t.bytes > file_.size()) return Reason::kDataPastEnd;
      sum += t.bytes;
      if (sum % alignment != 0) sum += alignment - sum % alignment;
    }
    return Reason::kNone;
  }

  std::span<const std::byte> file_;
  Wide at_ = 0;
  bool short_ = false;
};

/// What the sentence must say, whatever the numbers in it.
inline const std::map<gguf::Reason, std::string>& sentences() {
  using gguf::Reason;
  static const std::map<Reason, std::string> kSentences = {
      {Reason::kTruncated, "the file ends inside "},
      {Reason::kNotGguf, ", not \"GGUF\": "},
      {Reason::kVersionZero, "there is no GGUF version 0: the file is damaged"},
      {Reason::kVersionOne, "version 1 is no longer read: convert the model again"},
      {Reason::kVersionFuture, "is newer than version 3, the newest that is read: use a newer"},
      {Reason::kByteSwapped, "big-endian machines: convert the model again as little-endian"},
      {Reason::kTensorCount, "the number of tensors is "},
      {Reason::kKeyCount, "the number of keys is "},
      {Reason::kKeyLength, "a key of "},
      {Reason::kKeyTooLong, "is above the limit of 65535"},
      {Reason::kKeyEmpty, "a key is empty: "},
      {Reason::kKeyDuplicate, " and again at byte "},
      {Reason::kValueType, " does not exist: "},
      {Reason::kNestedArray, "arrays of arrays are not supported: "},
      {Reason::kArrayLength, "the length of an array is "},
      {Reason::kStringLength, "a string of "},
      {Reason::kBool, ", neither 0 nor 1: "},
      {Reason::kAlignmentType, "the alignment must be a u32 but is "},
      {Reason::kAlignment, "is not a power of two from 8 to 1048576: "},
      {Reason::kSplitType, "the number of parts must be an integer but is "},
      {Reason::kSplit, " parts of a model: merge the parts into one file first"},
      {Reason::kAdapter, "a LoRA adapter, not a model: merge it into its base model first"},
      {Reason::kNameLength, "a tensor name of "},
      {Reason::kNameTooLong, " is above the limit of 63: "},
      {Reason::kNameEmpty, "a tensor has no name: "},
      {Reason::kNameDuplicate, " both have this name: "},
      {Reason::kDimensionCount, " dimensions, not 1 to 4: "},
      {Reason::kDimensionZero, " has a dimension of 0: "},
      {Reason::kElementOverflow, " has 2^63 elements or more: "},
      {Reason::kTensorType, " is not known: use a newer Prumo or convert the model"},
      {Reason::kTensorTypeWithdrawn, " was withdrawn from the format: convert"},
      {Reason::kBlock, " elements are not whole blocks of "},
      {Reason::kByteOverflow, " takes 2^64 bytes or more: "},
      {Reason::kOffsetUnaligned, " is not a multiple of the alignment "},
      {Reason::kOffset, " was expected: convert"},
      {Reason::kDataPastEnd, " run past the end of the file, which has "},
      {Reason::kTooManyTensors, "the number of tensors is "},
      {Reason::kTooManyKeys, "the number of keys is "},
      {Reason::kArrayTooLong, ", above the limit of 16777216: "},
      {Reason::kStringTooLong, " is above the limit of 67108864: "},
  };
  return kSentences;
}

/// How the sentence must end: with what to do about it. Empty where sentences() ends so.
inline std::string_view remedy(gguf::Reason reason) {
  using gguf::Reason;
  switch (reason) {
    case Reason::kNotGguf:
    case Reason::kSplit:
    case Reason::kAdapter:
      return "";
    case Reason::kVersionFuture:
      return ": use a newer Prumo";
    case Reason::kByteSwapped:
      return ": convert the model again as little-endian";
    case Reason::kNestedArray:
      return ": remove this key or convert the model without it";
    case Reason::kTensorType:
      return ": use a newer Prumo or convert the model to another type";
    case Reason::kDataPastEnd:
      return ": the file was cut short, copy or download it again";
    case Reason::kVersionOne:
    case Reason::kKeyDuplicate:
    case Reason::kAlignmentType:
    case Reason::kAlignment:
    case Reason::kSplitType:
    case Reason::kNameDuplicate:
    case Reason::kTensorTypeWithdrawn:
    case Reason::kBlock:
    case Reason::kOffsetUnaligned:
    case Reason::kOffset:
      return ": convert the model again with a current converter";
    default:
      return ": the file is damaged, copy or download it again";
  }
}

/// What distinguishes the library's view of the file from the oracle's; empty when nothing does.
inline std::string difference(const GgufOracle& oracle, gguf::Reason reason,
                              const Result<gguf::File>& parsed, std::span<const std::byte> file) {
  using gguf::Reason;
  if (reason != oracle.reason) {
    return "reason " + std::string(gguf::reason_name(reason)) + ", the oracle says " +
           std::string(gguf::reason_name(oracle.reason));
  }
  if (parsed.ok() != (reason == Reason::kNone)) return "the result contradicts the reason";
  if (!parsed.ok()) {
    const Error& error = parsed.error();
    const auto plain = [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7F; };
    if (error.place.empty() || error.message.empty()) return "an error without place or message";
    if (!std::all_of(error.place.begin(), error.place.end(), plain) ||
        !std::all_of(error.message.begin(), error.message.end(), plain)) {
      return "an error with control characters";
    }
    if (error.message.find(sentences().at(reason)) == std::string::npos) {
      return "the sentence for another reason: " + error.message;
    }
    if (!error.message.ends_with(remedy(reason))) return "another remedy: " + error.message;
    return error.message.size() + error.place.size() > 600 ? "an error longer than a line" : "";
  }
  const gguf::File& view = parsed.value();
  if (view.alignment() != oracle.alignment) return "alignment";
  if (view.data_offset() != oracle.data_start) return "data offset";
  if (view.keys().size() != oracle.keys.size()) return "number of keys";
  if (view.tensors().size() != oracle.tensors.size()) return "number of tensors";
  for (std::size_t i = 0; i < oracle.keys.size(); ++i) {
    const auto& [name, item] = oracle.keys[i];
    const gguf::KeyValue& entry = view.keys()[i];
    const gguf::Value& value = entry.value;
    if (entry.key != name) return "key " + std::to_string(i);
    if (view.find(name) != &value) return "look-up of a key";
    if (static_cast<std::uint32_t>(value.type()) != item.type ||
        static_cast<std::uint32_t>(value.element_type()) != item.element ||
        value.count() != item.count || value.payload().data() != file.data() + item.begin ||
        value.payload().size() != item.end - item.begin) {
      return "value of key " + std::to_string(i);
    }
    for (std::size_t s = 0; s < item.strings.size(); ++s) {
      const auto* const at = reinterpret_cast<const char*>(file.data() + item.strings[s] + 8);
      const Wide next = s + 1 < item.strings.size() ? item.strings[s + 1] : item.end;
      const std::string_view text = value.string_at(s);
      if (text.data() != at || text.size() != next - item.strings[s] - 8) {
        return "string " + std::to_string(s) + " of key " + std::to_string(i);
      }
    }
  }
  for (std::size_t i = 0; i < oracle.tensors.size(); ++i) {
    const OracleTensor& expected = oracle.tensors[i];
    const gguf::Tensor& tensor = view.tensors()[i];
    std::vector<Wide> dims(tensor.dims.begin(), tensor.dims.begin() + tensor.n_dims);
    Wide elements = 1;
    for (const Wide dim : expected.dims) elements *= dim;
    if (tensor.name != expected.name || tensor.type != expected.type || dims != expected.dims ||
        tensor.elements() != elements ||
        tensor.file_offset != oracle.data_start + expected.offset ||
        tensor.data.data() != file.data() + tensor.file_offset ||
        tensor.data.size() != expected.bytes || view.tensor(expected.name) != &tensor) {
      return "tensor " + std::to_string(i);
    }
  }
  return "";
}

}  // namespace prumo::testing
