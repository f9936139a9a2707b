// GGUF as numbers: value types, tensor types and the limits that a reader may rely on.
// Format: docs/gguf.md of the ggml project, versions 2 and 3.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace prumo::gguf {

inline constexpr std::uint32_t kMagic = 0x46554747;  // "GGUF", little-endian
inline constexpr std::uint32_t kDefaultAlignment = 32;

// No honest file comes near these. They bound what a dishonest one can make the reader do.
inline constexpr std::uint64_t kMaxKeys = 65536;
inline constexpr std::uint64_t kMaxTensors = 65536;
inline constexpr std::uint64_t kMaxKeyBytes = 65535;
inline constexpr std::uint64_t kMaxStringBytes = std::uint64_t{64} << 20;
inline constexpr std::uint64_t kMaxArrayItems = std::uint64_t{16} << 20;
inline constexpr std::uint64_t kMaxTensorNameBytes = 63;  // ggml keeps names in 64 bytes with a NUL
inline constexpr std::uint32_t kMaxDimensions = 4;
inline constexpr std::uint32_t kMinAlignment = 8;
inline constexpr std::uint32_t kMaxAlignment = 1u << 20;

/// The type of a metadata value, as the file numbers it.
enum class ValueType : std::uint32_t {
  kU8 = 0, kI8 = 1, kU16 = 2, kI16 = 3, kU32 = 4, kI32 = 5, kF32 = 6, kBool = 7,
  kString = 8, kArray = 9, kU64 = 10, kI64 = 11, kF64 = 12,
};

/// The type of a tensor's elements, as the file numbers it. Only those that Prumo can compute with.
enum class TensorType : std::uint32_t {
  kF32 = 0, kF16 = 1, kQ4_0 = 2, kQ8_0 = 8, kQ6_K = 14, kBF16 = 30,
};

/// How a tensor type is stored: `bytes` for every `elements` consecutive elements of a row.
struct TypeTraits {
  std::string_view name;
  std::uint32_t elements;
  std::uint32_t bytes;
  bool computable;  ///< false: its size is known, so a file that carries it can be read and described
};

/// Traits of a type by its number in the file; nullptr for a number that is unknown or was withdrawn.
const TypeTraits* type_traits(std::uint32_t type);
inline const TypeTraits& type_traits(TensorType type) {
  return *type_traits(static_cast<std::uint32_t>(type));
}

}  // namespace prumo::gguf
