// Lays out GGUF files in memory field by field, well-formed by default and wrong wherever a test
// asks. It shares no code with the library's writer.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace prumo::testing {

using Bytes = std::vector<std::byte>;

/// Appends a number, little-endian.
template <class T>
requires std::is_arithmetic_v<T>
void put(Bytes& out, T value) {
  out.resize(out.size() + sizeof(T));
  std::memcpy(out.data() + out.size() - sizeof(T), &value, sizeof(T));
}

/// Appends bytes as they stand.
inline void put_raw(Bytes& out, std::string_view text) {
  const auto* const bytes = reinterpret_cast<const std::byte*>(text.data());
  out.insert(out.end(), bytes, bytes + text.size());
}

/// Appends a GGUF string: its length in 8 bytes, then its bytes.
inline void put_text(Bytes& out, std::string_view text) {
  put(out, static_cast<std::uint64_t>(text.size()));
  put_raw(out, text);
}

/// The number of a value type in the file.
template <class T>
constexpr std::uint32_t gguf_type() {
  if constexpr (std::same_as<T, std::uint8_t>) return 0;
  if constexpr (std::same_as<T, std::int8_t>) return 1;
  if constexpr (std::same_as<T, std::uint16_t>) return 2;
  if constexpr (std::same_as<T, std::int16_t>) return 3;
  if constexpr (std::same_as<T, std::uint32_t>) return 4;
  if constexpr (std::same_as<T, std::int32_t>) return 5;
  if constexpr (std::same_as<T, float>) return 6;
  if constexpr (std::same_as<T, bool>) return 7;
  if constexpr (std::same_as<T, std::uint64_t>) return 10;
  if constexpr (std::same_as<T, std::int64_t>) return 11;
  if constexpr (std::same_as<T, double>) return 12;
  return 8;
}

/// One metadata entry. The payload is all that follows the type: for an array, the element type and
/// the count too.
struct GgufKey {
  std::string key;
  std::uint32_t type = 0;
  Bytes payload;
  std::optional<std::uint64_t> key_length = {};  ///< said instead of the true one
};

/// One tensor. Its offset is where its data really lies, unless `offset` says otherwise.
struct GgufTensor {
  std::string name;
  std::vector<std::uint64_t> dims;
  std::uint32_t type = 0;
  Bytes data;
  std::optional<std::uint64_t> name_length = {};  ///< said instead of the true one
  std::optional<std::uint32_t> n_dims = {};
  std::optional<std::uint64_t> offset = {};
};

/// A GGUF file as its fields. Fill in, change what a test wants to be wrong, build().
///
///   Bytes file = GgufBuilder().add("general.architecture", "llama").add("x.y", 3u)
///                    .add_array<float>("scores", {0, 1}).add_f32("t", {2}, {0.5f, 1}).build();
struct GgufBuilder {
  std::uint32_t magic = 0x46554747;
  std::uint32_t version = 3;
  std::uint64_t alignment = 32;  ///< what tensors are padded to; align() adds the key
  std::optional<std::uint64_t> n_tensors = {};  ///< said instead of the true one
  std::optional<std::uint64_t> n_keys = {};
  std::vector<GgufKey> keys;
  std::vector<GgufTensor> tensors;
  bool pad_last = true;  ///< whether padding follows the last tensor
  Bytes tail;            ///< what stands behind everything

  /// A scalar of the GGUF type that T corresponds to.
  template <class T>
  requires std::is_arithmetic_v<T> GgufBuilder& add(std::string_view key, T value) {
    Bytes payload;
    put(payload, value);
    return raw(key, gguf_type<T>(), std::move(payload));
  }
  GgufBuilder& add(std::string_view key, std::string_view text) {
    Bytes payload;
    put_text(payload, text);
    return raw(key, 8, std::move(payload));
  }
  /// An array of scalars or, with T = std::string, of strings.
  template <class T>
  GgufBuilder& add_array(std::string_view key, const std::vector<T>& items) {
    Bytes payload;
    put(payload, gguf_type<T>());
    put(payload, static_cast<std::uint64_t>(items.size()));
    for (const auto& item : items) {
      if constexpr (std::is_arithmetic_v<T>) {
        put(payload, static_cast<T>(item));
      } else {
        put_text(payload, item);
      }
    }
    return raw(key, 9, std::move(payload));
  }
  /// An entry with any type and any bytes.
  GgufBuilder& raw(std::string_view key, std::uint32_t type, Bytes payload) {
    keys.push_back({std::string(key), type, std::move(payload)});
    return *this;
  }
  /// Adds general.alignment and pads accordingly.
  GgufBuilder& align(std::uint32_t bytes) {
    alignment = bytes;
    return add("general.alignment", bytes);
  }
  GgufBuilder& add_tensor(std::string_view name, std::uint32_t type,
                          std::vector<std::uint64_t> dims, Bytes data) {
    tensors.push_back({std::string(name), std::move(dims), type, std::move(data)});
    return *this;
  }
  GgufBuilder& add_f32(std::string_view name, std::vector<std::uint64_t> dims,
                       const std::vector<float>& values) {
    Bytes data;
    for (const float value : values) put(data, value);
    return add_tensor(name, 0, std::move(dims), std::move(data));
  }

  [[nodiscard]] std::size_t padded(std::size_t n) const {
    const std::size_t to = alignment == 0 ? 1 : static_cast<std::size_t>(alignment);
    return (n + to - 1) / to * to;
  }

  /// Everything before the tensors' data, without the padding that follows it.
  [[nodiscard]] Bytes head() const {
    Bytes out;
    put(out, magic);
    put(out, version);
    put(out, n_tensors.value_or(tensors.size()));
    put(out, n_keys.value_or(keys.size()));
    for (const GgufKey& entry : keys) {
      put(out, entry.key_length.value_or(entry.key.size()));
      put_raw(out, entry.key);
      put(out, entry.type);
      out.insert(out.end(), entry.payload.begin(), entry.payload.end());
    }
    std::uint64_t offset = 0;
    for (const GgufTensor& tensor : tensors) {
      put(out, tensor.name_length.value_or(tensor.name.size()));
      put_raw(out, tensor.name);
      put(out, tensor.n_dims.value_or(static_cast<std::uint32_t>(tensor.dims.size())));
      for (const std::uint64_t dim : tensor.dims) put(out, dim);
      put(out, tensor.type);
      put(out, tensor.offset.value_or(offset));
      offset += padded(tensor.data.size());
    }
    return out;
  }

  [[nodiscard]] Bytes build() const {
    Bytes out = head();
    if (!tensors.empty()) out.resize(padded(out.size()));
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const Bytes& data = tensors[i].data;
      const std::size_t end = out.size() + padded(data.size());
      out.insert(out.end(), data.begin(), data.end());
      if (pad_last || i + 1 < tensors.size()) out.resize(end);
    }
    out.insert(out.end(), tail.begin(), tail.end());
    return out;
  }
};

}  // namespace prumo::testing
