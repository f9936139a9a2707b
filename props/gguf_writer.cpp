// Laws of the writer: read(write(x)) is x, and the bytes are those of an independent layout.
#include "gguf/writer.h"

#include <gtest/gtest.h>

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "gguf/reader.h"
#include "support/gen.h"
#include "support/gguf_gen.h"

namespace prumo::gguf {
namespace {

using testing::any_gguf;
using testing::Bytes;
using testing::GgufField;
using testing::GgufPlan;
using testing::GgufShape;
using testing::writer_of;

/// Whether a value is what the plan says, item by item and bit by bit.
bool same(const Value& value, const GgufField& field) {
  const std::size_t n = field.type == 8 ? field.strings.size() : field.numbers.size();
  if (value.is_array() != field.is_array || value.count() != n ||
      static_cast<std::uint32_t>(value.element_type()) != field.type) {
    return false;
  }
  for (std::size_t i = 0; i < n; ++i) {
    if (field.type == 8) {
      if (value.string_at(i) != field.strings[i]) return false;
      continue;
    }
    bool equal = true;
    testing::with_type(field.type, [&](auto zero) {
      using T = decltype(zero);
      const auto expected =
          std::bit_cast<std::array<std::byte, sizeof(T)>>(testing::from_bits<T>(field.numbers[i]));
      const auto stored = value.payload().subspan(i * sizeof(T), sizeof(T));
      equal = std::equal(stored.begin(), stored.end(), expected.begin());
    });
    if (!equal) return false;
  }
  return true;
}

RC_GTEST_PROP(GgufWriterLaws, WhatIsWrittenIsRead, ()) {
  const GgufPlan plan = *any_gguf();
  const Result<Bytes> bytes = writer_of(plan).to_bytes();
  RC_ASSERT(bytes.ok());
  const Result<File> file = File::parse(*bytes);
  RC_ASSERT(file.ok());
  RC_ASSERT(file->version() == plan.version);
  RC_ASSERT(file->alignment() == (plan.alignment == 0 ? 32 : plan.alignment));
  const std::size_t skipped = plan.alignment == 0 ? 0 : 1;
  RC_ASSERT(file->keys().size() == plan.fields.size() + skipped);
  for (std::size_t i = 0; i < plan.fields.size(); ++i) {
    RC_ASSERT(file->keys()[i + skipped].key == plan.fields[i].key);
    RC_ASSERT(file->find(plan.fields[i].key) == &file->keys()[i + skipped].value);
    RC_ASSERT(same(file->keys()[i + skipped].value, plan.fields[i]));
  }
  RC_ASSERT(file->tensors().size() == plan.tensors.size());
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    const Tensor& tensor = file->tensors()[i];
    const GgufShape& shape = plan.tensors[i];
    RC_ASSERT(tensor.name == shape.name);
    RC_ASSERT(file->tensor(shape.name) == &tensor);
    RC_ASSERT(tensor.type == shape.type);
    RC_ASSERT((std::vector<std::uint64_t>{tensor.dims.begin(),
                                          tensor.dims.begin() + tensor.n_dims}) == shape.dims);
    RC_ASSERT((Bytes{tensor.data.begin(), tensor.data.end()}) == shape.data);
    RC_ASSERT(tensor.file_offset % file->alignment() == 0u);
  }
}

RC_GTEST_PROP(GgufWriterLaws, TheLayoutIsTheBuilders, ()) {
  const GgufPlan plan = *any_gguf();
  const Result<Bytes> bytes = writer_of(plan).to_bytes();
  RC_ASSERT(bytes.ok());
  RC_ASSERT(*bytes == testing::builder_of(plan).build());
  RC_ASSERT(writer_of(plan).size().value() == bytes->size());
}

RC_GTEST_PROP(GgufWriterLaws, MemoryDiskAndStreamsGiveTheSameBytes, ()) {
  const GgufPlan plan = *any_gguf();
  const Bytes expected = writer_of(plan).to_bytes().value();
  Writer streaming(plan.version);
  testing::add_fields(streaming, plan);
  for (const GgufShape& t : plan.tensors) {
    streaming.add_tensor(t.name, t.type, t.dims, [&t](std::uint64_t at, std::span<std::byte> out) {
      std::copy_n(t.data.begin() + static_cast<std::ptrdiff_t>(at), out.size(), out.begin());
    });
  }
  RC_ASSERT(streaming.to_bytes().value() == expected);

  const std::string path = (std::filesystem::temp_directory_path() /
                            ("prumo-props-" + std::to_string(::getpid()) + ".gguf"))
                               .string();
  RC_ASSERT(streaming.to_file(path).ok());
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> text((std::istreambuf_iterator<char>(file)), {});
  std::filesystem::remove(path);
  RC_ASSERT(text.size() == expected.size());
  RC_ASSERT(std::memcmp(text.data(), expected.data(), text.size()) == 0);
}

RC_GTEST_PROP(GgufWriterLaws, CopyingAFileChangesNothing, ()) {
  const GgufPlan plan = *any_gguf();
  const Bytes bytes = testing::builder_of(plan).build();
  const Result<File> file = File::parse(bytes);
  RC_ASSERT(file.ok());
  Writer writer(file->version());
  for (const KeyValue& entry : file->keys()) writer.add_value(entry.key, entry.value);
  for (const Tensor& t : file->tensors()) {
    writer.add_tensor(t.name, t.type, {t.dims.begin(), t.dims.begin() + t.n_dims}, t.data);
  }
  RC_ASSERT(writer.to_bytes().value() == bytes);
}

}  // namespace
}  // namespace prumo::gguf
