// Small structural changes to GGUF files, for fuzzing: read leniently into fields, change a few,
// lay out again with right counts, so that the change is met deep inside the reader. Seven of eight
// mutants have them; of the rest, half are plain changes of bytes and half count wrong.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gguf/format.h"
#include "gguf/value.h"
#include "support/floats.h"
#include "support/gguf_builder.h"

namespace prumo::testing {

/// Takes any bytes apart as far as they look like a GGUF file; what does not becomes the tail. For
/// a well-formed file whose padding is zero, build() gives the same bytes again.
class LenientGguf {
 public:
  explicit LenientGguf(std::span<const std::byte> bytes) : bytes_(bytes) {
    std::uint64_t n_tensors = 0, n_keys = 0;
    if (number(file.magic) && number(file.version) && number(n_tensors) && number(n_keys)) {
      if (keys(n_keys) && tensors(n_tensors)) data();
      if (n_keys != file.keys.size()) file.n_keys = n_keys;
      if (n_tensors != file.tensors.size()) file.n_tensors = n_tensors;
    }
    const auto rest = bytes_.subspan(at_);
    file.tail.assign(rest.begin(), rest.end());
  }

  GgufBuilder file;

 private:
  template <class T>
  bool number(T& out) {
    if (bytes_.size() - at_ < sizeof(T)) return false;
    std::memcpy(&out, bytes_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    return true;
  }
  bool text(std::string& out) {
    std::uint64_t length = 0;
    if (!number(length) || length > bytes_.size() - at_) return false;
    out.assign(reinterpret_cast<const char*>(bytes_.data() + at_), length);
    at_ += length;
    return true;
  }
  bool skip(std::uint64_t count, std::uint64_t size) {
    if (count > (bytes_.size() - at_) / size) return false;
    at_ += count * size;
    return true;
  }
  bool payload(std::uint32_t type) {
    std::uint64_t count = 1;
    if (type == 9 && !(number(type) && number(count))) return false;
    if (type != 8) {
      const std::uint64_t size = gguf::item_bytes(static_cast<gguf::ValueType>(type));
      return size != 0 && skip(count, size);
    }
    std::uint64_t length = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      if (!number(length) || !skip(length, 1)) return false;
    }
    return true;
  }
  bool keys(std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) {
      const std::size_t start = at_;
      GgufKey entry;
      std::size_t from = 0;
      const bool ok = text(entry.key) && number(entry.type) && (from = at_, payload(entry.type));
      if (!ok) return (at_ = start, false);
      entry.payload.assign(bytes_.begin() + static_cast<std::ptrdiff_t>(from),
                           bytes_.begin() + static_cast<std::ptrdiff_t>(at_));
      if (entry.key == "general.alignment" && entry.type == 4) {
        std::uint32_t alignment = 0;
        std::memcpy(&alignment, entry.payload.data(), sizeof(alignment));
        if (std::has_single_bit(alignment) && alignment <= 4096) file.alignment = alignment;
      }
      file.keys.push_back(std::move(entry));
    }
    return true;
  }
  bool tensors(std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) {
      const std::size_t start = at_;
      GgufTensor t;
      std::uint32_t n_dims = 0;
      std::uint64_t offset = 0;
      bool ok = text(t.name) && number(n_dims) && n_dims <= 8;
      if (ok) t.dims.resize(n_dims);
      for (std::uint64_t& dim : t.dims) ok = ok && number(dim);
      if (!ok || !number(t.type) || !number(offset)) return (at_ = start, false);
      t.offset = offset;
      file.tensors.push_back(std::move(t));
    }
    return true;
  }
  void data() {
    if (file.tensors.empty()) return;
    const std::size_t start = file.padded(at_);
    if (start > bytes_.size()) return;
    const std::size_t room = bytes_.size() - start;
    std::size_t sum = 0;
    for (GgufTensor& t : file.tensors) {
      gguf::TensorSize size;
      const bool known = gguf::tensor_size(t.type, t.dims, size) == gguf::Reason::kNone;
      if (t.offset == sum) t.offset.reset();
      const std::size_t from = std::min(sum, room);
      const std::size_t n = std::min<std::uint64_t>(known ? size.bytes : 0, room - from);
      const auto piece = bytes_.subspan(start + from, n);
      t.data.assign(piece.begin(), piece.end());
      sum = file.padded(from + n);
      at_ = start + from + n;
    }
    file.pad_last = start + sum <= bytes_.size();
    if (file.pad_last) at_ = start + sum;
  }

  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
};

/// Changes up to `size` bytes of `data`, which has room for `max_size`; returns the new size.
using MutateBytes = std::size_t (*)(std::uint8_t* data, std::size_t size, std::size_t max_size);

class GgufMutator {
 public:
  GgufMutator(std::uint64_t seed, MutateBytes bytes) : bits_(seed), mutate_(bytes) {}

  /// A changed file of at most max_size bytes. The same seed makes the same changes, if `bytes`
  /// does.
  Bytes mutate(std::span<const std::byte> bytes, std::size_t max_size) {
    const std::size_t how = bits_.below(16);
    if (how == 0) {
      Bytes out(bytes.begin(), bytes.end());
      change_bytes(out, max_size);
      return out;
    }
    file_ = LenientGguf(bytes).file;
    const std::size_t edits = 1 + bits_.below(3);
    for (std::size_t i = 0; i < edits; ++i) edit();
    return finish(max_size, how == 1);
  }

  /// The first file with some of its entries replaced by, or joined with, entries of the second;
  /// one in eight counts wrong.
  Bytes cross(std::span<const std::byte> a, std::span<const std::byte> b, std::size_t max_size) {
    file_ = LenientGguf(a).file;
    GgufBuilder other = LenientGguf(b).file;
    mix(file_.keys, other.keys);
    mix(file_.tensors, other.tensors);
    return finish(max_size, bits_.below(8) == 0);
  }

 private:
  template <class Entry>
  void mix(std::vector<Entry>& to, std::vector<Entry>& from) {
    for (Entry& entry : from) {
      switch (bits_.below(4)) {
        case 0:
          to.insert(to.begin() + static_cast<std::ptrdiff_t>(bits_.below(to.size() + 1)),
                    std::move(entry));
          break;
        case 1:
          if (!to.empty()) to[bits_.below(to.size())] = std::move(entry);
          break;
        default:
          break;
      }
    }
  }

  template <class T>
  T& any(std::vector<T>& from) {
    return from[bits_.below(from.size())];
  }

  /// A number of the kind that counts, lengths and dimensions go wrong with.
  std::uint64_t number() {
    const std::array<std::uint64_t, 16> numbers = {0,
                                                   1,
                                                   2,
                                                   3,
                                                   31,
                                                   32,
                                                   33,
                                                   255,
                                                   256,
                                                   std::uint64_t{1} << 31,
                                                   std::uint64_t{1} << 32,
                                                   std::uint64_t{1} << 61,
                                                   std::uint64_t{1} << 62,
                                                   std::uint64_t{1} << 63,
                                                   ~std::uint64_t{0},
                                                   file_.build().size()};
    const std::uint64_t n = numbers[bits_.below(numbers.size())];
    return bits_.below(2) == 0 ? n : n + bits_.below(9) - 4;
  }

  void change_bytes(Bytes& bytes, std::size_t max_size) {
    const std::size_t size = std::min(bytes.size(), max_size);
    bytes.resize(max_size);
    if (max_size == 0) return;
    bytes.resize(mutate_(reinterpret_cast<std::uint8_t*>(bytes.data()), size, max_size));
  }
  void change_text(std::string& text) {
    Bytes bytes;
    put_raw(bytes, text);
    change_bytes(bytes, text.size() + 8);
    text.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }

  void edit() {
    const std::size_t what = bits_.below(16);
    if (what == 0) return header();
    if (what < 3 || (what < 9 && file_.keys.empty())) return add_key();
    if (what < 9) return change_key();
    if (what < 10 || file_.tensors.empty()) return add_tensor();
    change_tensor();
  }

  void header() {
    switch (bits_.below(5)) {
      case 0:
        file_.version = static_cast<std::uint32_t>(bits_.below(6));
        break;
      case 1:
        file_.version = 0x03000000;
        break;
      case 2:
        file_.magic ^= 1u << bits_.below(32);
        break;
      case 3:
        file_.pad_last = !file_.pad_last;
        break;
      default:
        file_.tail.resize(bits_.below(64));
        break;
    }
  }

  void add_key() {
    constexpr std::array<std::uint32_t, 10> kAlignments = {0,  1,  3,  8,        16,
                                                           31, 32, 64, 1u << 20, 1u << 31};
    switch (bits_.below(8)) {
      case 0:
      case 1: {
        const std::uint32_t alignment = kAlignments[bits_.below(kAlignments.size())];
        if (bits_.below(2) == 0 && alignment >= 8 && alignment <= 64) file_.alignment = alignment;
        file_.add("general.alignment", alignment);
        break;
      }
      case 2:
        if (bits_.below(4) == 0) {
          file_.add("split.count", "2");
        } else {
          file_.add("split.count", static_cast<std::uint16_t>(bits_.below(4)));
        }
        break;
      case 3:
        file_.add("general.type", bits_.below(2) == 0 ? "adapter" : "model");
        break;
      case 4:
        file_.add("adapter.type", "lora");
        break;
      case 5:
        file_.add_array("a", std::vector<std::string>(bits_.below(5), "x"));
        break;
      case 6:
        file_.add_array("b", std::vector<bool>(bits_.below(5), true));
        break;
      default:
        file_.add("c" + std::to_string(bits_.below(100)), bits_.any());
        break;
    }
  }

  void change_key() {
    GgufKey& entry = any(file_.keys);
    switch (bits_.below(10)) {
      case 0:
        file_.keys.erase(file_.keys.begin() + (&entry - file_.keys.data()));
        break;
      case 1:
        file_.keys.push_back(GgufKey(entry));
        break;
      case 2:
        std::swap(entry, any(file_.keys));
        break;
      case 3:
        entry.type = static_cast<std::uint32_t>(bits_.below(15));
        break;
      case 4:
        entry.key_length = number();
        break;
      case 5:
        change_text(entry.key);
        break;
      case 6:
        change_bytes(entry.payload, entry.payload.size() + 8);
        break;
      case 7:
        entry.key = any(file_.keys).key;
        break;
      default:
        change_inside(entry);
        break;
    }
  }

  /// A length, count or element type inside a payload.
  void change_inside(GgufKey& entry) {
    const auto write = [&](std::size_t at, auto value) {
      if (entry.payload.size() >= at + sizeof(value)) {
        std::memcpy(entry.payload.data() + at, &value, sizeof(value));
      }
    };
    if (entry.type == 9 && bits_.below(3) == 0) {
      write(0, static_cast<std::uint32_t>(bits_.below(15)));
    } else if (entry.type == 9 && bits_.below(2) == 0) {
      write(12, number());  // the first string's length
    } else {
      write(entry.type == 9 ? 4 : 0, number());
    }
  }

  void add_tensor() {
    const auto type = static_cast<std::uint32_t>(bits_.below(44));
    const gguf::TypeTraits* const traits = gguf::type_traits(type);
    const std::uint64_t rows = 1 + bits_.below(3);
    std::vector<std::uint64_t> dims = {traits == nullptr ? 1 : traits->elements, rows};
    Bytes data(traits == nullptr ? 4 : traits->bytes * rows, std::byte{7});
    file_.add_tensor("t" + std::to_string(bits_.below(100)), type, std::move(dims),
                     std::move(data));
  }

  void change_tensor() {
    GgufTensor& t = any(file_.tensors);
    switch (bits_.below(14)) {
      case 0:
        file_.tensors.erase(file_.tensors.begin() + (&t - file_.tensors.data()));
        break;
      case 1:
        file_.tensors.push_back(GgufTensor(t));
        break;
      case 2:
        std::swap(t, any(file_.tensors));
        break;
      case 3:
        t.type = static_cast<std::uint32_t>(bits_.below(46));
        break;
      case 4:
        t.n_dims = static_cast<std::uint32_t>(number());
        break;
      case 5:
        change_text(t.name);
        break;
      case 6:
        t.name_length = number();
        break;
      case 7:
        t.name = any(file_.tensors).name;
        break;
      case 8:
        t.offset = number();
        break;
      case 9:
        t.offset = (bits_.below(4) - 1) * file_.alignment;
        break;
      case 10:
        t.data.resize(t.data.size() + bits_.below(64));
        break;
      case 11:
        t.dims.push_back(1 + bits_.below(2));
        break;
      case 12:
        overflow(t);
        break;
      default:
        if (!t.dims.empty()) any(t.dims) = number();
        break;
    }
  }

  /// Dimensions whose product is 2^64 or a little more or less.
  void overflow(GgufTensor& t) {
    const std::size_t split = 1 + bits_.below(63);
    t.dims = {std::uint64_t{1} << split, std::uint64_t{1} << (64 - split)};
    any(t.dims) += bits_.below(5) - 2;
    if (bits_.below(2) == 0) any(t.dims) >>= bits_.below(4);
  }

  Bytes finish(std::size_t max_size, bool counts_wrong) {
    if (!counts_wrong) {
      file_.n_keys.reset();
      file_.n_tensors.reset();
    } else if (bits_.below(2) == 0) {
      file_.n_keys = number();
    } else {
      file_.n_tensors = number();
    }
    // Out of the way of a file's limit: what weighs most goes first.
    if (file_.build().size() > max_size) file_.tail.clear();
    while (file_.build().size() > max_size && !(file_.keys.empty() && file_.tensors.empty())) {
      if (!file_.tensors.empty()) {
        file_.tensors.pop_back();
      } else {
        file_.keys.pop_back();
      }
    }
    Bytes out = file_.build();
    out.resize(std::min(out.size(), max_size));
    return out;
  }

  Bits bits_;
  MutateBytes mutate_;
  GgufBuilder file_;
};

/// A MutateBytes for programs without a fuzzing engine: one byte set, one removed or one added,
/// chosen by the bytes themselves.
inline std::size_t mutate_bytes_simply(std::uint8_t* data, std::size_t size, std::size_t max_size) {
  std::uint64_t seed = size;
  for (std::size_t i = 0; i < size; ++i) seed = seed * 31 + data[i];
  Bits bits(seed);
  const std::size_t what = bits.below(3);
  const auto value = static_cast<std::uint8_t>(bits.next());
  if (what == 0 && size < max_size) {
    data[size] = value;
    return size + 1;
  }
  if (size == 0) return 0;
  const std::size_t at = bits.below(size);
  if (what == 1) {
    std::memmove(data + at, data + at + 1, size - at - 1);
    return size - 1;
  }
  data[at] = value;
  return size;
}

}  // namespace prumo::testing
