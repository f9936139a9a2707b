// Tensors to weights: every name, shape and type is checked; what is packed is what was in the
// file.
#include "model/weights.h"

#include <gtest/gtest.h>

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <vector>

#include "kernels/dequantize.h"
#include "kernels/pack.h"
#include "prumo.h"
#include "support/accuracy.h"
#include "support/mapped.h"
#include "support/tiny_llama.h"

namespace prumo::testing {
namespace {

Result<Weights> load(const GgufBuilder& builder, const Bytes& bytes) {
  (void)builder;
  auto team = ThreadTeam::create(2);
  const auto file = gguf::File::parse(bytes);
  EXPECT_TRUE(file.ok()) << file.error().message;
  const auto config = Config::from(*file);
  EXPECT_TRUE(config.ok()) << config.error().message;
  return Weights::load(*file, *config, **team);
}

void expect_refused(const GgufBuilder& builder, const std::string& place,
                    ErrorCode code = ErrorCode::kBadModel) {
  const Bytes bytes = builder.build();
  const auto weights = load(builder, bytes);
  ASSERT_FALSE(weights.ok()) << place << " was accepted";
  EXPECT_EQ(weights.error().place, place);
  EXPECT_EQ(weights.error().code, code);
  EXPECT_FALSE(weights.error().message.empty());
}

// A file may name dimensions of 1 that others leave out.
TEST(Weights, OnesAtTheEndOfAShapeChangeNothing) {
  GgufBuilder builder = tiny_llama({});
  for (GgufTensor& tensor : builder.tensors) {
    if (tensor.dims.size() < 4) tensor.dims.push_back(1);
  }
  const Bytes bytes = builder.build();
  const auto weights = load(builder, bytes);
  EXPECT_TRUE(weights.ok()) << weights.error().place << ": " << weights.error().message;
}

TEST(Weights, PacksWhatTheFileHolds) {
  for (const gguf::TensorType type : kTensorTypes) {
    TinyShape shape;
    shape.type = type;
    shape.embedding = shape.ffn = 256;
    shape.head_dim = 64;
    shape.vocab = 261;
    GgufBuilder builder = tiny_llama(shape);
    const Bytes bytes = builder.build();
    const auto weights = load(builder, bytes);
    ASSERT_TRUE(weights.ok()) << weights.error().message;
    EXPECT_TRUE(weights->tied);
    ASSERT_EQ(weights->layers.size(), 2u);
    const Matrix& m = weights->layers[1].ffn_down;
    EXPECT_EQ(m.rows, 256u);
    EXPECT_EQ(m.columns, 256u);
    EXPECT_EQ(m.type, type);
    Bytes expected(packed_bytes(type, 256, 256));
    pack_panels(type, tensor_of(builder, "blk.1.ffn_down.weight").data.data(), 256, 256, 0, 16,
                expected.data());
    EXPECT_EQ(std::memcmp(m.panels, expected.data(), expected.size()), 0);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(m.panels) % 64, 0u);
    const GgufTensor& norm = tensor_of(builder, "blk.0.ffn_norm.weight");
    EXPECT_EQ(std::memcmp(weights->layers[0].ffn_norm, norm.data.data(), norm.data.size()), 0);
  }
}

TEST(Weights, NormsOfEveryTypeAreTheirNumbers) {
  using gguf::TensorType;
  for (const TensorType type : {TensorType::kF32, TensorType::kF16, TensorType::kBF16}) {
    GgufBuilder builder = tiny_llama({});
    std::vector<std::vector<float>> expected;
    Bits bits(3);
    for (const char* name :
         {"blk.1.attn_norm.weight", "blk.1.ffn_norm.weight", "output_norm.weight"}) {
      GgufTensor& norm = tensor_of(builder, name);
      norm.type = static_cast<std::uint32_t>(type);
      norm.data = random_rows(type, 1, 64, bits);
      std::vector<float>& wanted = expected.emplace_back(64);
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        wanted[i] = static_cast<float>(parts_of(type, norm.data.data(), i).multiple);
      }
    }
    const Bytes bytes = builder.build();
    const auto weights = load(builder, bytes);
    ASSERT_TRUE(weights.ok()) << weights.error().message;
    const float* const got[] = {weights->layers[1].attn_norm, weights->layers[1].ffn_norm,
                                weights->output_norm};
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_TRUE(std::equal(expected[i].begin(), expected[i].end(), got[i])) << i;
    }
  }
}

// Matrices are packed once and read from there: of the file only the embeddings, which are looked
// up in it, and what shares a page with them or a norm stay in memory.
TEST(Weights, WhatIsPackedIsInMemoryOnce) {
  const TinyShape shape{.embedding = 256, .layers = 3, .ffn = 1024, .vocab = 300, .tied = false};
  GgufBuilder builder = tiny_llama(shape);
  std::string name = (std::filesystem::temp_directory_path() / "prumo-packed-XXXXXX").string();
  const int descriptor = ::mkstemp(name.data());
  ASSERT_GE(descriptor, 0);
  ::close(descriptor);
  const Bytes bytes = builder.build();
  std::ofstream(name, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  {
    const auto model = Model::load(name, 1);
    ASSERT_TRUE(model.ok());
    const std::size_t table = tensor_of(builder, "token_embd.weight").data.size() / 1024;
    const std::size_t most = table + 2 * 4 * (builder.tensors.size() + 8);
    ASSERT_LT(2 * most, bytes.size() / 1024) << "the file is too small to tell";
    EXPECT_TRUE(resident(name).mapped);
    EXPECT_LE(resident(name).kib, most) << "of " << bytes.size() / 1024;
  }
  std::filesystem::remove(name);
}

TEST(Weights, AnOutputOfItsOwnIsUsed) {
  TinyShape shape;
  shape.tied = false;
  GgufBuilder builder = tiny_llama(shape);
  const Bytes bytes = builder.build();
  const auto weights = load(builder, bytes);
  ASSERT_TRUE(weights.ok());
  EXPECT_FALSE(weights->tied);
  Bytes expected(packed_bytes(shape.type, shape.vocab, shape.embedding));
  pack_panels(shape.type, tensor_of(builder, "output.weight").data.data(), shape.vocab,
              shape.embedding, 0, weights->output.n_panels(), expected.data());
  EXPECT_EQ(std::memcmp(weights->output.panels, expected.data(), expected.size()), 0);
}

TEST(Weights, EveryMatrixBeginsOnACacheLine) {
  for (const std::size_t embedding : {8u, 36u, 40u}) {  // norms that end inside a line
    GgufBuilder builder = tiny_llama({.embedding = embedding, .ffn = 20});
    const Bytes bytes = builder.build();
    const auto weights = load(builder, bytes);
    ASSERT_TRUE(weights.ok());
    std::vector<const Matrix*> all = {&weights->output};
    for (const Layer& l : weights->layers) {
      for (const Matrix* m :
           {&l.attn_q, &l.attn_k, &l.attn_v, &l.attn_output, &l.ffn_gate, &l.ffn_up, &l.ffn_down}) {
        all.push_back(m);
      }
    }
    for (const Matrix* m : all) {
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(m->panels) % 64, 0u);
    }
  }
}

// Every part that it says is needed no more is spoilt at once; the parts must not overlap, and
// together be the matrices.
TEST(Weights, WhatIsPackedIsNeededNoMore) {
  // Sixteen rows of 4096 halves are 128 KiB: a third of the vocabulary takes more than one part.
  TinyShape shape{.embedding = 4096, .ffn = 40, .vocab = 900};
  shape.type = gguf::TensorType::kF16;
  GgufBuilder builder = tiny_llama(shape);
  const Bytes original = builder.build();
  const auto expected = load(builder, original);
  ASSERT_TRUE(expected.ok()) << expected.error().message;

  Bytes bytes = original;
  struct Spoiler {
    std::mutex mutex;
    std::byte* first;
    std::vector<bool> spoilt;
    std::size_t largest;
  } spoiler{{}, bytes.data(), std::vector<bool>(bytes.size()), 0};
  const auto spoil = [](void* context, std::span<const std::byte> part) {
    auto& s = *static_cast<Spoiler*>(context);
    const std::lock_guard lock(s.mutex);
    const auto at = static_cast<std::size_t>(part.data() - s.first);
    const auto begin = s.spoilt.begin() + static_cast<std::ptrdiff_t>(at);
    const auto end = begin + static_cast<std::ptrdiff_t>(part.size());
    EXPECT_EQ(std::find(begin, end, true), end) << "bytes are given twice";
    std::fill(begin, end, true);
    std::fill_n(s.first + at, part.size(), std::byte{0xA5});
    s.largest = std::max(s.largest, part.size());
  };
  auto team = ThreadTeam::create(3);
  const auto file = gguf::File::parse(bytes);
  const auto config = Config::from(*file);
  ASSERT_TRUE(config.ok());
  const auto weights = Weights::load(*file, *config, **team, spoil, &spoiler);
  ASSERT_TRUE(weights.ok()) << weights.error().message;
  ASSERT_EQ(weights->memory.size(), expected->memory.size());
  EXPECT_EQ(std::memcmp(weights->memory.data(), expected->memory.data(), weights->memory.size()),
            0);
  std::size_t matrices = 0;
  for (const gguf::Tensor& tensor : file->tensors()) {
    if (tensor.n_dims == 2) matrices += tensor.data.size();
  }
  EXPECT_EQ(
      static_cast<std::size_t>(std::count(spoiler.spoilt.begin(), spoiler.spoilt.end(), true)),
      matrices);
  EXPECT_EQ(spoiler.largest, 17u * 16 * 8192) << "of 19 panels, those that reach over 2 MiB";
}

TEST(Weights, SaysHowMuchItTakes) {
  GgufBuilder builder = tiny_llama({});
  const Bytes bytes = builder.build();
  const auto file = gguf::File::parse(bytes);
  const auto stated = weights_bytes(*file, *Config::from(*file));
  const auto weights = load(builder, bytes);
  ASSERT_TRUE(stated.ok());
  EXPECT_EQ(*stated, weights->memory.size());
}

TEST(Weights, NamesTheTensorThatIsMissing) {
  for (const char* name :
       {"token_embd.weight", "output_norm.weight", "blk.0.attn_norm.weight", "blk.0.attn_q.weight",
        "blk.1.attn_k.weight", "blk.0.attn_v.weight", "blk.1.attn_output.weight",
        "blk.1.ffn_norm.weight", "blk.0.ffn_gate.weight", "blk.0.ffn_up.weight",
        "blk.1.ffn_down.weight"}) {
    GgufBuilder builder = tiny_llama({});
    std::erase_if(builder.tensors, [&](const GgufTensor& t) { return t.name == name; });
    expect_refused(builder, name);
  }
}

TEST(Weights, RefusesAnotherShape) {
  GgufBuilder transposed = tiny_llama({});
  std::swap(tensor_of(transposed, "blk.0.ffn_gate.weight").dims[0],
            tensor_of(transposed, "blk.0.ffn_gate.weight").dims[1]);
  expect_refused(transposed, "blk.0.ffn_gate.weight");
  GgufBuilder flat = tiny_llama({});
  tensor_of(flat, "blk.0.attn_q.weight").dims = {64 * 64};
  expect_refused(flat, "blk.0.attn_q.weight");
  GgufBuilder deep = tiny_llama({});
  GgufTensor& twice = tensor_of(deep, "blk.0.attn_q.weight");
  twice.dims = {64, 64, 2};
  twice.data.resize(2 * twice.data.size());
  expect_refused(deep, "blk.0.attn_q.weight");
}

TEST(Weights, RefusesOneSizeMoreOrLess) {
  const GgufBuilder whole = tiny_llama({});
  for (const GgufTensor& tensor : whole.tensors) {
    for (std::size_t d = 0; d < tensor.dims.size(); ++d) {
      if (tensor.name == "token_embd.weight" && d == 1) continue;  // the vocabulary is its witness
      for (const std::uint64_t size : {tensor.dims[d] + 32, tensor.dims[d] / 64 * 32}) {
        if (size == 0) continue;
        GgufBuilder other = whole;
        GgufTensor& changed = tensor_of(other, tensor.name);
        changed.data.resize(changed.data.size() * size / changed.dims[d]);
        changed.dims[d] = size;
        expect_refused(other, tensor.name);
      }
    }
  }
}

TEST(Weights, RefusesTypesItCannotComputeWith) {
  GgufBuilder builder = tiny_llama({});
  GgufTensor& tensor = tensor_of(builder, "blk.0.ffn_up.weight");
  tensor.type = 20;  // IQ4_NL: 18 bytes for 32 weights
  tensor.data.resize(64 * 96 / 32 * 18);
  expect_refused(builder, "blk.0.ffn_up.weight", ErrorCode::kUnsupported);
}

TEST(Weights, RefusesWhatTheGraphWouldIgnore) {
  GgufBuilder builder = tiny_llama({});
  builder.add_f32("blk.0.attn_q.bias", {64}, std::vector<float>(64));
  expect_refused(builder, "blk.0.attn_q.bias", ErrorCode::kUnsupported);
}

TEST(Weights, RefusesAQuantizedNorm) {
  GgufBuilder builder = tiny_llama({});
  GgufTensor& norm = tensor_of(builder, "output_norm.weight");
  norm.type = 8;
  norm.data.resize(64 / 32 * 34);
  expect_refused(builder, "output_norm.weight");
}

TEST(Weights, RefusesDivisorsWithoutSense) {
  for (const float bad : {0.0f, -1.0f, std::numeric_limits<float>::quiet_NaN()}) {
    GgufBuilder builder = tiny_llama({});
    builder.add_f32("rope_freqs.weight", {8}, {1, 1, 1, bad, 1, 1, 1, 1});
    expect_refused(builder, "rope_freqs.weight");
  }
  for (const float bad : {1e-38f, 0x1p-15f}) {  // 64 positions: angles beyond 2^20
    GgufBuilder builder = tiny_llama({});
    builder.add_f32("rope_freqs.weight", {8}, {1, 1, 1, bad, 1, 1, 1, 0x1p-14f});
    expect_refused(builder, "rope_freqs.weight");
  }
  GgufBuilder builder = tiny_llama({});
  builder.add_f32("rope_freqs.weight", {7}, std::vector<float>(7, 1.0f));
  expect_refused(builder, "rope_freqs.weight");
}

}  // namespace
}  // namespace prumo::testing
