// GGUF as numbers: value types, tensor types and the limits that a reader may rely on.
// Format: docs/gguf.md of the ggml project, versions 2 and 3.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
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
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};

/// The type of a tensor's elements, as the file numbers it. Only those that Prumo can compute with.
enum class TensorType : std::uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ2_K = 10,
  kQ3_K = 11,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kBF16 = 30,
};

/// How a tensor type is stored: `bytes` for every `elements` consecutive elements of a row.
struct TypeTraits {
  std::string_view name;
  std::uint32_t elements;
  std::uint32_t bytes;
  bool computable;  ///< false: its size is known, so a file that carries it can be read and
                    ///< described
};

/// Traits of a type by its number in the file; nullptr for a number that is unknown or was
/// withdrawn.
const TypeTraits* type_traits(std::uint32_t type);
inline const TypeTraits& type_traits(TensorType type) {
  return *type_traits(static_cast<std::uint32_t>(type));
}

/// Whether a number once named a tensor type that was taken back.
bool type_withdrawn(std::uint32_t type);

/// What can be wrong with a GGUF file: one stable name a fault, for tests and tools. The sentence
/// for a person is in the Error.
enum class Reason : std::uint8_t {
  kNone,
  kTruncated,       ///< the file ends inside a field
  kNotGguf,         ///< it does not begin with "GGUF"
  kVersionZero,     ///< version 0
  kVersionOne,      ///< version 1, whose lengths have 32 bits
  kVersionFuture,   ///< a version above 3
  kByteSwapped,     ///< written for big-endian machines
  kTensorCount,     ///< more tensors than the rest of the file can describe
  kTooManyTensors,  ///< above kMaxTensors
  kKeyCount,        ///< more keys than the rest of the file can hold
  kTooManyKeys,     ///< above kMaxKeys
  kKeyLength,       ///< a key that runs past the end of the file
  kKeyTooLong,      ///< above kMaxKeyBytes
  kKeyEmpty,
  kKeyDuplicate,
  kValueType,      ///< an unknown value or element type
  kNestedArray,    ///< an array of arrays
  kArrayLength,    ///< an array that runs past the end of the file
  kArrayTooLong,   ///< above kMaxArrayItems
  kStringLength,   ///< a string that runs past the end of the file
  kStringTooLong,  ///< above kMaxStringBytes
  kBool,           ///< a bool that is neither 0 nor 1
  kAlignmentType,  ///< general.alignment is no u32
  kAlignment,      ///< general.alignment is no power of two in 8 .. 1 MiB
  kSplitType,      ///< split.count is no integer
  kSplit,          ///< one part of a split model
  kAdapter,        ///< a LoRA adapter
  kNameLength,     ///< a tensor name that runs past the end of the file
  kNameTooLong,    ///< above kMaxTensorNameBytes
  kNameEmpty,
  kNameDuplicate,
  kDimensionCount,  ///< not 1 .. 4 dimensions
  kDimensionZero,
  kElementOverflow,  ///< 2^63 elements or more
  kTensorType,       ///< an unknown tensor type
  kTensorTypeWithdrawn,
  kBlock,         ///< rows that are not whole blocks of the type
  kByteOverflow,  ///< 2^64 bytes or more
  kOffsetUnaligned,
  kOffset,       ///< overlaps another tensor or leaves a gap
  kDataPastEnd,  ///< tensor data that runs past the end of the file
  kOutOfMemory,  ///< the machine could not give what the index of the file needs
};
inline constexpr std::size_t kReasons = 42;

/// "truncated", "not-gguf", ...: the reason in words with hyphens.
std::string_view reason_name(Reason reason);

/// What a file is that does not begin with "GGUF", and what to do about it, told by its first
/// bytes: files that are often taken for models. Empty when it is none of these.
std::string_view other_format(std::span<const std::byte> file);

/// The size of a tensor, with every product checked. dims[0] is the contiguous one.
struct TensorSize {
  std::uint64_t elements = 0;
  std::uint64_t bytes = 0;
};
/// Sets `size` and returns kNone; or says which of kDimensionCount, kDimensionZero,
/// kElementOverflow, kTensorType, kTensorTypeWithdrawn, kBlock, kByteOverflow is the first fault.
Reason tensor_size(std::uint32_t type, std::span<const std::uint64_t> dims, TensorSize& size);

}  // namespace prumo::gguf
