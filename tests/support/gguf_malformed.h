// The known ways in which a GGUF file can be wrong, one small file each, with the reason and the
// place that the reader must give. The unit tests run through them, and they seed the fuzzer.
#pragma once

#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "gguf/format.h"
#include "support/gguf_builder.h"

namespace prumo::testing {

struct MalformedGguf {
  std::string name;  ///< the class, as a test name
  gguf::Reason reason;
  std::string place;  ///< of the Error
  Bytes file;
};

/// A small file with everything in it that the cases below then spoil: keys of each kind (the last
/// one a string) and two tensors of 32 floats, the first named "a", the second "b".
inline GgufBuilder small_gguf() {
  GgufBuilder b;
  b.add("general.architecture", "llama");
  b.add("u32", std::uint32_t{7});
  b.add_array<float>("floats", {0.5f, -1.0f, 2.0f});
  b.add_array<std::string>("strings", {"<s>", "", "\xE2\x96\x81the"});
  b.add_array<bool>("bools", {true, false});
  b.add("flag", true);
  b.add("text", "x");
  b.add_tensor("a", 0, {32}, Bytes(128, std::byte{1}));
  b.add_tensor("b", 0, {16, 2}, Bytes(128, std::byte{2}));
  return b;
}

/// How a failing test names the case.
inline std::ostream& operator<<(std::ostream& out, const MalformedGguf& wrong) {
  return out << wrong.name;
}

class MalformedGgufs {
 public:
  using Reason = gguf::Reason;

  static std::vector<MalformedGguf> all() {
    MalformedGgufs m;
    m.header();
    m.counts();
    m.key_names();
    m.values();
    m.lengths();
    m.meaning();
    m.tensor_names();
    m.shapes();
    m.types();
    m.sizes();
    m.offsets();
    return std::move(m.cases_);
  }

 private:
  using Edit = std::function<void(GgufBuilder&)>;

  void add(const std::string& name, Reason reason, const std::string& place, Bytes file) {
    cases_.push_back({name, reason, place, std::move(file)});
  }
  /// A file of another format that begins so.
  void another_format(const std::string& name, std::string_view start) {
    Bytes file;
    put_raw(file, start);
    add(name, Reason::kNotGguf, at(0), file);
  }
  /// The small file with one edit.
  void edit(const std::string& name, Reason reason, const std::string& place, const Edit& change) {
    GgufBuilder b = small_gguf();
    change(b);
    add(name, reason, place, b.build());
  }
  /// The small file with one entry more, at its end.
  void entry(const std::string& name, Reason reason, const std::string& key, std::uint32_t type,
             const Bytes& payload) {
    edit(name, reason, key, [&](GgufBuilder& b) { b.raw(key, type, payload); });
  }
  /// The small file with one tensor more, without data behind it.
  void tensor(const std::string& name, Reason reason, std::uint32_t type,
              const std::vector<std::uint64_t>& dims) {
    edit(name, reason, "bad", [&](GgufBuilder& b) { b.add_tensor("bad", type, dims, {}); });
  }
  /// Where the entry that is added to the small file's keys begins.
  static std::uint64_t end_of_keys() {
    GgufBuilder b = small_gguf();
    b.tensors.clear();
    return b.head().size();
  }
  static std::string at(std::uint64_t offset) { return "byte " + std::to_string(offset); }
  /// The payload of an array: its element type, a count that need not be true, and some bytes.
  static Bytes array(std::uint32_t element, std::uint64_t count, std::size_t bytes) {
    Bytes out;
    put(out, element);
    put(out, count);
    out.resize(out.size() + bytes);
    return out;
  }

  void header() {
    add("Empty", Reason::kTruncated, at(0), {});
    add("OneByte", Reason::kTruncated, at(0), {std::byte{'G'}});
    Bytes magic_only;
    put(magic_only, std::uint32_t{0x46554747});
    add("MagicOnly", Reason::kTruncated, at(4), magic_only);
    edit("BadMagic", Reason::kNotGguf, at(0), [](auto& b) { b.magic = 0x47475546; });
    edit("ControlBytesAsMagic", Reason::kNotGguf, at(0), [](auto& b) { b.magic = 0x1B0A0D00; });
    another_format("LfsPointer", "version https://git-lfs.github.com/spec/v1\n");
    another_format("Gzip", "\x1F\x8B\x08\x08");
    another_format("Zip", "PK\x03\x04");
    another_format("Safetensors", "\x40\x01\x03\x02\x01\x01\x01\x01{\"");
    another_format("OlderGgml", "tjgg\x03");
    another_format("WebPage", "<!DOCTYPE html>");
    edit("Version0", Reason::kVersionZero, at(4), [](auto& b) { b.version = 0; });
    edit("Version1", Reason::kVersionOne, at(4), [](auto& b) { b.version = 1; });
    edit("VersionFuture", Reason::kVersionFuture, at(4), [](auto& b) { b.version = 4; });
    edit("VersionHuge", Reason::kVersionFuture, at(4), [](auto& b) { b.version = 0xFFFFFFFF; });
    edit("ByteSwapped", Reason::kByteSwapped, at(4), [](auto& b) { b.version = 0x03000000; });
  }

  void counts() {
    const auto tensors = [this](const char* name, std::uint64_t n) {
      edit(name, Reason::kTensorCount, at(8), [n](auto& b) { b.n_tensors = n; });
    };
    tensors("TensorCountMax", ~std::uint64_t{0});
    tensors("TensorCountSignBit", std::uint64_t{1} << 63);
    tensors("TensorCountTimesEntryWraps", ~std::uint64_t{0} / 33 + 1);
    tensors("TensorCountTimesStructWraps", ~std::uint64_t{0} / 80 + 2);
    const auto keys = [this](const char* name, std::uint64_t n) {
      edit(name, Reason::kKeyCount, at(16), [n](auto& b) { b.n_keys = n; });
    };
    keys("KeyCountMax", ~std::uint64_t{0});
    keys("KeyCountSignBit", std::uint64_t{1} << 63);
    keys("KeyCountTimesEntryWraps", ~std::uint64_t{0} / 14 + 1);
    keys("KeyCountTimesStructWraps", ~std::uint64_t{0} / 64 + 2);
    GgufBuilder one_short;  // two keys are promised; one stands there, and 13 bytes
    one_short.add("k", std::uint8_t{0}).n_keys = 2;
    one_short.tail.resize(13);
    add("KeyCountOneTooMany", Reason::kKeyCount, at(16), one_short.build());
    GgufBuilder no_tensor;
    no_tensor.n_tensors = 1;
    no_tensor.tail.resize(24);  // and the key count: a byte less than one tensor
    add("TensorCountOneTooMany", Reason::kTensorCount, at(8), no_tensor.build());
  }

  void key_names() {
    const auto length = [this](const char* name, std::uint64_t n) {
      edit(name, Reason::kKeyLength, at(24), [n](auto& b) { b.keys[0].key_length = n; });
    };
    length("KeyLengthMax", ~std::uint64_t{0});
    length("KeyLengthSignBit", std::uint64_t{1} << 63);
    length("KeyLengthOneTooMany", small_gguf().build().size() - 32 + 1);
    edit("KeyEmpty", Reason::kKeyEmpty, at(24), [](auto& b) { b.keys[0].key.clear(); });
    edit("KeyTooLong", Reason::kKeyTooLong, at(24),
         [](auto& b) { b.keys[0].key = std::string(65536, 'k'); });
    edit("KeyDuplicate", Reason::kKeyDuplicate, "u32", [](auto& b) { b.add("u32", 1.0f); });
    edit("KeyDuplicateNeighbours", Reason::kKeyDuplicate, "text",
         [](auto& b) { b.add("text", "x"); });
    edit("KeyTwiceTwice", Reason::kKeyDuplicate, "flag",
         [](auto& b) { b.add("flag", true).add("bools", true); });
    edit("KeyDuplicateUnprintable", Reason::kKeyDuplicate, "\\x1B[2J\\xFF",
         [](auto& b) { b.add("\x1B[2J\xFF", true).add("\x1B[2J\xFF", true); });
  }

  void values() {
    entry("ValueTypeUnknown", Reason::kValueType, "bad", 13, Bytes(8));
    entry("ValueTypeNegative", Reason::kValueType, "bad", 0xFFFFFFFF, Bytes(8));
    entry("ElementTypeUnknown", Reason::kValueType, "bad", 9, array(13, 1, 8));
    entry("ElementTypeNegative", Reason::kValueType, "bad", 9, array(0xFFFFFFFF, 1, 8));
    entry("NestedArray", Reason::kNestedArray, "bad", 9, array(9, 1, 12));
    const std::uint64_t value = end_of_keys() + 8 + 3 + 4;  // behind the key "bad" and its type
    const auto boolean = [&](const char* name, std::uint8_t byte) {
      edit(name, Reason::kBool, at(value),
           [byte](GgufBuilder& b) { b.raw("bad", 7, {std::byte{byte}}); });
    };
    boolean("Bool2", 2);
    boolean("Bool255", 255);
    Bytes bools = array(7, 3, 3);
    bools.back() = std::byte{2};
    edit("BoolInArray", Reason::kBool, at(value + 4 + 8 + 2),
         [&](GgufBuilder& b) { b.raw("bad", 9, bools); });
  }

  void lengths() {
    const std::uint64_t value = end_of_keys() + 8 + 3 + 4;
    const auto array_of = [&](const char* name, std::uint32_t element, std::uint64_t count) {
      edit(name, Reason::kArrayLength, at(value + 4),
           [&](GgufBuilder& b) { b.raw("bad", 9, array(element, count, 0)); });
    };
    array_of("ArrayLengthMax", 0, ~std::uint64_t{0});
    array_of("ArrayLengthSignBit", 1, std::uint64_t{1} << 63);
    array_of("ArrayLengthTimesFourWraps", 6, (std::uint64_t{1} << 62) + 1);
    array_of("ArrayLengthTimesEightWraps", 12, (std::uint64_t{1} << 61) + 1);
    array_of("ArrayOfStringsLengthMax", 8, ~std::uint64_t{0});
    array_of("ArrayOfStringsLengthTimesViewWraps", 8, (std::uint64_t{1} << 60) + 1);
    GgufBuilder last;
    last.raw("bad", 9, array(4, 3, 11));
    add("ArrayOneByteShort", Reason::kArrayLength, at(24 + 8 + 3 + 4 + 4), last.build());

    const auto string_of = [&](const char* name, std::uint64_t length) {
      edit(name, Reason::kStringLength, at(value), [&](GgufBuilder& b) {
        Bytes payload;
        put(payload, length);
        b.raw("bad", 8, payload);
      });
    };
    string_of("StringLengthMax", ~std::uint64_t{0});
    string_of("StringLengthSignBit", std::uint64_t{1} << 63);
    GgufBuilder text;
    text.add("bad", "four").keys[0].payload.resize(8 + 3);
    add("StringOneByteShort", Reason::kStringLength, at(24 + 8 + 3 + 4), text.build());
    Bytes strings = array(8, 2, 8);
    put(strings, ~std::uint64_t{0});
    edit("StringInArrayLengthMax", Reason::kStringLength, at(value + 4 + 8 + 8),
         [&](GgufBuilder& b) { b.raw("bad", 9, strings); });
  }

  void meaning() {
    const auto alignment = [this](const char* name, std::uint32_t n) {
      edit(name, Reason::kAlignment, "general.alignment",
           [n](auto& b) { b.add("general.alignment", n); });
    };
    alignment("Alignment0", 0);
    alignment("Alignment1", 1);
    alignment("Alignment4", 4);
    alignment("Alignment24", 24);
    alignment("Alignment31", 31);
    alignment("AlignmentTwoMiB", 1u << 21);
    alignment("AlignmentSignBit", 1u << 31);
    const auto wrong = [this](const char* name, auto value) {
      edit(name, Reason::kAlignmentType, "general.alignment",
           [&](auto& b) { b.add("general.alignment", value); });
    };
    wrong("AlignmentSigned", std::int32_t{32});
    wrong("AlignmentU64", std::uint64_t{32});
    wrong("AlignmentString", std::string_view("32"));
    edit("AlignmentArray", Reason::kAlignmentType, "general.alignment",
         [](auto& b) { b.add_array("general.alignment", std::vector<std::uint32_t>{32}); });
    edit("SplitPart", Reason::kSplit, "split.count",
         [](auto& b) { b.add("split.count", std::uint16_t{2}); });
    edit("SplitPartHuge", Reason::kSplit, "split.count",
         [](auto& b) { b.add("split.count", ~std::uint64_t{0}); });
    edit("SplitCountString", Reason::kSplitType, "split.count",
         [](auto& b) { b.add("split.count", "2"); });
    edit("SplitCountArray", Reason::kSplitType, "split.count",
         [](auto& b) { b.add_array("split.count", std::vector<std::uint16_t>{}); });
    edit("LoraAdapter", Reason::kAdapter, "general.type",
         [](auto& b) { b.add("general.type", "adapter").add("adapter.type", "lora"); });
    edit("LoraAdapterByType", Reason::kAdapter, "adapter.type",
         [](auto& b) { b.add("adapter.type", "lora"); });
  }

  void tensor_names() {
    const std::uint64_t start = end_of_keys();
    const auto length = [&](const char* name, std::uint64_t n) {
      edit(name, Reason::kNameLength, at(start), [n](auto& b) { b.tensors[0].name_length = n; });
    };
    length("NameLengthMax", ~std::uint64_t{0});
    length("NameLengthSignBit", std::uint64_t{1} << 63);
    edit("NameTooLong", Reason::kNameTooLong, at(start),
         [](auto& b) { b.tensors[0].name = std::string(64, 'n'); });
    edit("NameEmpty", Reason::kNameEmpty, at(start), [](auto& b) { b.tensors[0].name.clear(); });
    edit("NameDuplicate", Reason::kNameDuplicate, "a", [](auto& b) { b.tensors[1].name = "a"; });
  }

  void shapes() {
    const auto n_dims = [this](const char* name, std::uint32_t n) {
      edit(name, Reason::kDimensionCount, "a", [n](auto& b) { b.tensors[0].n_dims = n; });
    };
    n_dims("Dimensions0", 0);
    n_dims("Dimensions5", 5);
    n_dims("DimensionsMax", 0xFFFFFFFF);
    tensor("DimensionZeroFirst", Reason::kDimensionZero, 0, {0});
    tensor("DimensionZeroSecond", Reason::kDimensionZero, 0, {32, 0});
    tensor("DimensionZeroBesideHuge", Reason::kDimensionZero, 0, {~std::uint64_t{0}, 2, 0});
    const std::uint64_t two32 = std::uint64_t{1} << 32;
    tensor("ElementsWrapToZero", Reason::kElementOverflow, 0, {two32, two32});
    tensor("ElementsWrapToFew", Reason::kElementOverflow, 0, {two32 + 1, two32 - 1, 2, 4});
    tensor("ElementsWrapTwice", Reason::kElementOverflow, 0, {two32, two32, two32, two32});
    tensor("ElementsNegative", Reason::kElementOverflow, 24, {two32, two32 / 2});
    tensor("DimensionNegative", Reason::kElementOverflow, 24, {~std::uint64_t{0}});
  }

  void types() {
    tensor("TensorTypeUnknown", Reason::kTensorType, 43, {32});
    tensor("TensorTypeNegative", Reason::kTensorType, 0xFFFFFFFF, {32});
    for (const std::uint32_t type : {4u, 5u, 31u, 32u, 33u, 36u, 37u, 38u}) {
      tensor("TensorTypeWithdrawn" + std::to_string(type), Reason::kTensorTypeWithdrawn, type,
             {256});
    }
    tensor("RowsNotWholeBlocksQ8_0", Reason::kBlock, 8, {33});
    tensor("RowsNotWholeBlocksQ6_K", Reason::kBlock, 14, {128, 2});
    tensor("RowsNotWholeBlocksQ4_0", Reason::kBlock, 2, {1, 32});
  }

  void sizes() {
    const std::uint64_t two62 = std::uint64_t{1} << 62;
    tensor("BytesWrapToZero", Reason::kByteOverflow, 0, {two62});
    tensor("BytesWrapToFew", Reason::kByteOverflow, 27, {two62 / 2 + 1});
    // These sizes fit 64 bits, but padding or adding them would not.
    tensor("PaddingWraps", Reason::kDataPastEnd, 0, {two62 - 1});
    tensor("BytesAboveSigned", Reason::kDataPastEnd, 9, {2 * two62 - 32});
    tensor("SizeNegative", Reason::kDataPastEnd, 24, {2 * two62 - 64});
    tensor("BytesMultipliedFirstWrap", Reason::kDataPastEnd, 2, {1024819115206086208u});
    edit("RunningSumWraps", Reason::kDataPastEnd, "a", [=](auto& b) {
      b.tensors[0].type = b.tensors[1].type = 24;
      b.tensors[0].dims = b.tensors[1].dims = {2 * two62 - 64};
    });
    edit("LargerThanFile", Reason::kDataPastEnd, "b", [](auto& b) { b.tensors[1].dims = {16, 3}; });
  }

  void offsets() {
    const auto offset = [this](const char* name, Reason reason, std::uint64_t n) {
      edit(name, reason, "b", [n](auto& b) { b.tensors[1].offset = n; });
    };
    offset("OffsetUnaligned", Reason::kOffsetUnaligned, 129);
    offset("OffsetHalfAligned", Reason::kOffsetUnaligned, 144);
    offset("OffsetOverlap", Reason::kOffset, 0);
    offset("OffsetOverlapPart", Reason::kOffset, 96);
    offset("OffsetGap", Reason::kOffset, 160);
    offset("OffsetHuge", Reason::kOffset, ~std::uint64_t{31});
    edit("OffsetOfFirstNotZero", Reason::kOffset, "a", [](auto& b) { b.tensors[0].offset = 32; });
    edit("LaidOutForAnotherAlignment", Reason::kOffsetUnaligned, "b", [](auto& b) {
      b.alignment = 8;
      b.tensors[0].dims = {20};
      b.tensors[0].data.resize(80);
    });
    edit("DataOneByteShort", Reason::kDataPastEnd, "b", [](auto& b) {
      b.tensors[1].data.resize(127);
      b.pad_last = false;
    });
    edit("DataMissing", Reason::kDataPastEnd, "a", [](auto& b) {
      b.tensors[0].data.clear();
      b.tensors[1].data.clear();
    });
    GgufBuilder head_only = small_gguf();
    add("NothingBehindTheTensorInfos", Reason::kDataPastEnd, "a", head_only.head());
  }

  std::vector<MalformedGguf> cases_;
};

}  // namespace prumo::testing
