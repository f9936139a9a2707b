// The table of tensor types, the names of the reasons, and the one size computation.
#include "gguf/format.h"

#include <array>
#include <limits>

namespace prumo::gguf {
namespace {

/// Indexed by the type's number; an entry without a name is a gap. Sizes follow the block layouts
/// of the ggml project (ggml-common.h).
constexpr std::array<TypeTraits, 43> kTypes = [] {
  std::array<TypeTraits, 43> t{};
  t[0] = {"F32", 1, 4, true};
  t[1] = {"F16", 1, 2, true};
  t[2] = {"Q4_0", 32, 18, true};
  t[3] = {"Q4_1", 32, 20, true};
  t[6] = {"Q5_0", 32, 22, true};
  t[7] = {"Q5_1", 32, 24, true};
  t[8] = {"Q8_0", 32, 34, true};
  t[9] = {"Q8_1", 32, 36, false};
  t[10] = {"Q2_K", 256, 84, true};
  t[11] = {"Q3_K", 256, 110, true};
  t[12] = {"Q4_K", 256, 144, true};
  t[13] = {"Q5_K", 256, 176, true};
  t[14] = {"Q6_K", 256, 210, true};
  t[15] = {"Q8_K", 256, 292, false};
  t[16] = {"IQ2_XXS", 256, 66, false};
  t[17] = {"IQ2_XS", 256, 74, false};
  t[18] = {"IQ3_XXS", 256, 98, false};
  t[19] = {"IQ1_S", 256, 50, false};
  t[20] = {"IQ4_NL", 32, 18, false};
  t[21] = {"IQ3_S", 256, 110, false};
  t[22] = {"IQ2_S", 256, 82, false};
  t[23] = {"IQ4_XS", 256, 136, false};
  t[24] = {"I8", 1, 1, false};
  t[25] = {"I16", 1, 2, false};
  t[26] = {"I32", 1, 4, false};
  t[27] = {"I64", 1, 8, false};
  t[28] = {"F64", 1, 8, false};
  t[29] = {"IQ1_M", 256, 56, false};
  t[30] = {"BF16", 1, 2, true};
  t[34] = {"TQ1_0", 256, 54, false};
  t[35] = {"TQ2_0", 256, 66, false};
  t[39] = {"MXFP4", 32, 17, false};
  t[40] = {"NVFP4", 64, 36, false};
  t[41] = {"Q1_0", 128, 18, false};
  t[42] = {"Q2_0", 64, 18, false};
  return t;
}();

constexpr std::array<std::string_view, kReasons> kReasonNames = {
    "none",
    "truncated",
    "not-gguf",
    "version-zero",
    "version-one",
    "version-future",
    "byte-swapped",
    "tensor-count",
    "too-many-tensors",
    "key-count",
    "too-many-keys",
    "key-length",
    "key-too-long",
    "key-empty",
    "key-duplicate",
    "value-type",
    "nested-array",
    "array-length",
    "array-too-long",
    "string-length",
    "string-too-long",
    "bool",
    "alignment-type",
    "alignment",
    "split-type",
    "split",
    "adapter",
    "name-length",
    "name-too-long",
    "name-empty",
    "name-duplicate",
    "dimension-count",
    "dimension-zero",
    "element-overflow",
    "tensor-type",
    "tensor-type-withdrawn",
    "block",
    "byte-overflow",
    "offset-unaligned",
    "offset",
    "data-past-end",
    "out-of-memory",
};
static_assert(static_cast<std::size_t>(Reason::kOutOfMemory) + 1 == kReasons);

struct OtherFormat {
  std::size_t offset;
  std::string_view bytes;
  std::string_view what;
};

constexpr std::string_view kOlder =
    "this is a model in the format that GGUF replaced, convert the model again";
constexpr std::string_view kWebPage =
    "this is a web page, perhaps one that leads to the model, download the file itself";

/// The formats' own first bytes: git-lfs' pointers (docs/spec.md), RFC 1952, ZIP (APPNOTE.TXT), the
/// numbers 0x67676D6C, -6D66, -6A74 and -6C61 of ggml's older formats, little-endian; a safetensors
/// file has the length of its JSON before it.
constexpr OtherFormat kOtherFormats[] = {
    {0, "version https://git-lfs",
     "this is a pointer of Git LFS, fetch the model itself with 'git lfs pull'"},
    {0, "\x1F\x8B", "this is compressed by gzip, unpack it"},
    {0, "PK\x03\x04", "this is a ZIP archive, as PyTorch saves models, convert the model to GGUF"},
    {8, "{\"", "this is a safetensors file, convert the model to GGUF"},
    {0, "lmgg", kOlder},
    {0, "fmgg", kOlder},
    {0, "tjgg", kOlder},
    {0, "algg", kOlder},
    {0, "<!", kWebPage},
    {0, "<html", kWebPage},
};

/// a * b in `product`; false when it does not fit.
bool multiply(std::uint64_t a, std::uint64_t b, std::uint64_t& product) {
  if (a != 0 && b > std::numeric_limits<std::uint64_t>::max() / a) return false;
  product = a * b;
  return true;
}

}  // namespace

const TypeTraits* type_traits(std::uint32_t type) {
  if (type >= kTypes.size() || kTypes[type].name.empty()) return nullptr;
  return &kTypes[type];
}

bool type_withdrawn(std::uint32_t type) {
  return type == 4 || type == 5 || (type >= 31 && type <= 33) || (type >= 36 && type <= 38);
}

std::string_view reason_name(Reason reason) {
  return kReasonNames[static_cast<std::size_t>(reason)];
}

std::string_view other_format(std::span<const std::byte> file) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  for (const OtherFormat& other : kOtherFormats) {
    if (text.size() >= other.offset && text.substr(other.offset).starts_with(other.bytes)) {
      return other.what;
    }
  }
  return {};
}

Reason tensor_size(std::uint32_t type, std::span<const std::uint64_t> dims, TensorSize& size) {
  if (dims.empty() || dims.size() > kMaxDimensions) return Reason::kDimensionCount;
  for (const std::uint64_t dim : dims) {
    if (dim == 0) return Reason::kDimensionZero;
  }
  std::uint64_t elements = 1;
  for (const std::uint64_t dim : dims) {
    if (!multiply(elements, dim, elements)) return Reason::kElementOverflow;
  }
  // Signed 64-bit counts are what other readers of the format use.
  if (elements > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return Reason::kElementOverflow;
  }
  if (type_withdrawn(type)) return Reason::kTensorTypeWithdrawn;
  const TypeTraits* const traits = type_traits(type);
  if (traits == nullptr) return Reason::kTensorType;
  if (dims[0] % traits->elements != 0) return Reason::kBlock;
  std::uint64_t bytes = 0;
  if (!multiply(elements / traits->elements, traits->bytes, bytes)) return Reason::kByteOverflow;
  size = {elements, bytes};
  return Reason::kNone;
}

}  // namespace prumo::gguf
