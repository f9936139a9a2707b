// Any bytes as a GGUF file. The oracle is a second parser (tests/support/gguf_oracle.h): the same
// verdict, the same reason, the same view. What is accepted comes back from the writer unchanged,
// and no shorter prefix that lacks tensor data is accepted. Memory stays within 16 bytes a byte.
#include "gguf/reader.h"

#include <optional>
#include <string>
#include <vector>

#include "gguf/writer.h"
#include "support/check.h"
#include "support/gguf_engine.h"
#include "support/gguf_law.h"

namespace prumo::fuzz {
namespace {

using gguf::File;
using gguf::KeyValue;
using gguf::Reason;
using gguf::Tensor;
using testing::Bytes;

/// Parses the bytes and holds the result against the oracle.
Reason agree(std::span<const std::byte> bytes) {
  Reason reason = Reason::kNone;
  const std::string fault = testing::gguf_fault(bytes, reason);
  CHECK(fault.empty(), fault);
  return reason;
}

/// Every accessor, for the sanitizers.
void use(const File& file) {
  for (const KeyValue& entry : file.keys()) {
    CHECK(!to_text(entry.value).empty(), "a value without text");
    CHECK(gguf::printable(entry.key).size() <= 64 + 3, "a key too long to print");
    const bool number = file.uint(entry.key).ok();
    CHECK(!number || file.real(entry.key).ok(), "an integer that is no number");
    CHECK(!(file.boolean(entry.key).ok() && file.string(entry.key).ok()), "a bool and a string");
    for (std::uint64_t i = 0; i < entry.value.count() && i < 64; ++i) {
      const auto natural = entry.value.uint_at(i);
      const auto integer = entry.value.int_at(i);
      CHECK(!natural || !integer || *integer == static_cast<std::int64_t>(*natural), "integers");
      CHECK(!(natural || integer) || entry.value.real_at(i).has_value(), "integer but not real");
    }
  }
}

/// The file as the writer lays it out parses to the same keys and tensors.
void check_round_trip(const File& file) {
  gguf::Writer writer(file.version());
  for (const KeyValue& entry : file.keys()) writer.add_value(entry.key, entry.value);
  for (const Tensor& t : file.tensors()) {
    writer.add_tensor(t.name, t.type, {t.dims.begin(), t.dims.begin() + t.n_dims}, t.data);
  }
  const Result<std::vector<std::byte>> written = writer.to_bytes();
  CHECK(written.ok(), written.error().message);
  const Result<File> again = File::parse(*written);
  CHECK(again.ok(), again.error().message);
  CHECK(again->version() == file.version(), "version");
  CHECK(again->alignment() == file.alignment(), "alignment");
  CHECK(again->data_offset() == file.data_offset(), "data offset");
  CHECK(again->keys().size() == file.keys().size(), "number of keys");
  CHECK(again->tensors().size() == file.tensors().size(), "number of tensors");
  for (std::size_t i = 0; i < file.keys().size(); ++i) {
    CHECK(again->keys()[i].key == file.keys()[i].key, "key");
    CHECK(again->keys()[i].value == file.keys()[i].value, "value");
    CHECK(again->keys()[i].offset == file.keys()[i].offset, "offset of a key");
  }
  for (std::size_t i = 0; i < file.tensors().size(); ++i) {
    const Tensor& a = again->tensors()[i];
    const Tensor& b = file.tensors()[i];
    CHECK(a.name == b.name && a.type == b.type && a.n_dims == b.n_dims && a.dims == b.dims, "info");
    CHECK(a.file_offset == b.file_offset, "place of a tensor");
    CHECK(std::equal(a.data.begin(), a.data.end(), b.data.begin(), b.data.end()), "data");
  }
}

/// Prefixes that lack a needed byte: all of a small file, some of a large one.
void check_prefixes(std::span<const std::byte> bytes) {
  const std::uint64_t needed = testing::GgufOracle(bytes).needed();
  const std::uint64_t step = needed <= 256 ? 1 : needed / 8;
  for (std::uint64_t n = 0; n < needed; n += step) {
    CHECK(agree(bytes.first(n)) != Reason::kNone, "a prefix of " + std::to_string(n));
  }
  if (needed != 0) CHECK(agree(bytes.first(needed - 1)) != Reason::kNone, "all but one byte");
  CHECK(agree(bytes.first(needed)) == Reason::kNone, "all that is needed");
}

}  // namespace
}  // namespace prumo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace prumo::fuzz;
  const auto bytes = as_bytes(data, size);
  if (agree(bytes) != Reason::kNone) return 0;
  const auto copy = exact_copy<std::byte>(data, size);
  const prumo::Result<File> file = File::parse({copy.get(), size});
  use(*file);
  check_round_trip(*file);
  check_prefixes(bytes);
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned int seed) {
  return prumo::fuzz::mutate_gguf(data, size, max_size, seed);
}

extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* a, std::size_t a_size,
                                                 const std::uint8_t* b, std::size_t b_size,
                                                 std::uint8_t* out, std::size_t max_size,
                                                 unsigned int seed) {
  using prumo::fuzz::as_bytes;
  return prumo::fuzz::cross_gguf(as_bytes(a, a_size), as_bytes(b, b_size), out, max_size, seed);
}
