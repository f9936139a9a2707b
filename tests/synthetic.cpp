// Synthetic models: the text of a shape, part by part, and models of every type that run.
#include "cli/synthetic.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gguf/reader.h"
#include "kernels/dequantize.h"
#include "prumo.h"

namespace prumo {
namespace {

using gguf::TensorType;

constexpr const char* kTypes[] = {"F32",  "F16",  "BF16", "Q8_0", "Q4_0", "Q4_1",   "Q5_0",  "Q5_1",
                                  "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "Q4_K_M", "Q3_K_L"};

TEST(ParseShape, ReadsEveryPart) {
  const auto shape = parse_shape("576x30:9:3:1536:49152:Q8_0");
  ASSERT_TRUE(shape.ok()) << shape.error().message;
  EXPECT_EQ(shape->embedding, 576u);
  EXPECT_EQ(shape->layers, 30u);
  EXPECT_EQ(shape->heads, 9u);
  EXPECT_EQ(shape->kv_heads, 3u);
  EXPECT_EQ(shape->ffn, 1536u);
  EXPECT_EQ(shape->vocab, 49152u);
  EXPECT_EQ(shape->type, TensorType::kQ8_0);
  EXPECT_FALSE(shape->tied);
  EXPECT_TRUE(parse_shape("576x30:9:3:1536:49152:Q8_0:tied")->tied);
}

// Each line is wrong in one place, and the sentence names it.
TEST(ParseShape, SaysWhichPartIsWrong) {
  const std::pair<const char*, const char*> lines[] = {
      {"", "embedding"},
      {"x30:9:3:1536:49152:Q8_0", "embedding"},
      {"0x30:9:3:1536:49152:Q8_0", "embedding"},
      {"-576x30:9:3:1536:49152:Q8_0", "embedding"},
      {"99999999999999999999999x30:9:3:1536:49152:Q8_0", "embedding"},
      {"576:30:9:3:1536:49152:Q8_0", "'x' must follow the embedding"},
      {"576x", "layer count"},
      {"576x1025:9:3:1536:49152:Q8_0", "layer count"},
      {"576x30", "':' must follow the layer count"},
      {"576x30:0:3:1536:49152:Q8_0", "head count"},
      {"576x30:9:0:1536:49152:Q8_0", "KV head count"},
      {"576x30:9:3:1.5:49152:Q8_0", "':' must follow the ffn"},
      {"576x30:9:3:1536:258:Q8_0", "vocabulary"},
      {"576x30:9:3:1536:49152", "':' must follow the vocabulary"},
      {"576x30:9:3:1536:49152:", "type"},
      {"576x30:9:3:1536:49152:Q5_X", "type"},
      {"576x30:9:3:1536:49152:q8_0", "type"},
      {"576x30:9:3:1536:49152:Q8_0:untied", "type"},
      {"576x30:9:3:1536:49152:Q8_0 ", "type"},
      {"576x30:7:1:1536:49152:Q8_0", "7 heads"},
      {"96x1:32:1:64:300:F32", "32 heads"},  // a head of 3 is odd
      {"576x30:9:2:1536:49152:Q8_0", "KV heads"},
      {"48x1:2:1:64:300:Q8_0", "multiples of 32"},
      {"64x1:2:1:48:300:Q4_0", "multiples of 32"},
      {"576x30:9:3:1536:49152:Q6_K", "multiples of 256"},
  };
  for (const auto& [text, part] : lines) {
    const auto shape = parse_shape(text);
    ASSERT_FALSE(shape.ok()) << text;
    EXPECT_EQ(shape.error().code, ErrorCode::kBadArgument) << text;
    EXPECT_EQ(shape.error().place, "shape") << text;
    EXPECT_NE(shape.error().message.find(part), std::string::npos)
        << text << ": " << shape.error().message;
  }
}

std::vector<std::byte> model_of(const std::string& text, std::uint64_t seed = 1) {
  const auto shape = parse_shape(text);
  EXPECT_TRUE(shape.ok()) << shape.error().message;
  auto bytes = synthetic_model(*shape, seed);
  EXPECT_TRUE(bytes.ok()) << bytes.error().message;
  return std::move(*bytes);
}

TEST(SyntheticModel, EveryTypeRunsAndItsLogitsAreNumbersThatDiffer) {
  for (const std::string type : kTypes) {
    for (const std::string tied : {"", ":tied"}) {
      const auto bytes = model_of("256x2:4:2:512:300:" + type + tied);
      auto model = Model::load(bytes, 2);
      ASSERT_TRUE(model.ok()) << type << model.error().message;
      EXPECT_EQ(model->vocab_size(), 300u);
      EXPECT_EQ(model->context_length(), 8192u);
      auto session = Session::create(*model, {.context = 16, .threads = 2});
      ASSERT_TRUE(session.ok()) << session.error().message;
      const std::vector<TokenId> ids = {1, 260, 299, 3};
      ASSERT_TRUE(session->prefill(ids).ok());
      const auto logits = session->logits();
      double square = 0;
      for (const float x : logits) {
        ASSERT_TRUE(std::isfinite(x)) << type;
        square += double{x} * x;
      }
      const double rms = std::sqrt(square / static_cast<double>(logits.size()));
      EXPECT_GT(rms, 0.2) << type << tied;
      EXPECT_LT(rms, 5) << type << tied;
    }
  }
}

TEST(SyntheticModel, RowsHaveANormOfAboutOne) {
  for (const std::string type : kTypes) {
    const auto bytes = model_of("512x1:4:2:1024:300:" + type);
    const auto file = gguf::File::parse(bytes);
    ASSERT_TRUE(file.ok());
    for (const gguf::Tensor& tensor : file->tensors()) {
      if (tensor.n_dims != 2) continue;
      const auto columns = static_cast<std::size_t>(tensor.dims[0]);
      const std::size_t stride = tensor.data.size() / static_cast<std::size_t>(tensor.dims[1]);
      std::vector<float> row(columns);
      for (std::size_t r = 0; r < tensor.dims[1]; r += 7) {
        dequantize(static_cast<TensorType>(tensor.type), tensor.data.data() + r * stride, columns,
                   row.data());
        const double norm = std::sqrt(std::inner_product(row.begin(), row.end(), row.begin(), 0.0));
        ASSERT_GT(norm, 0.3) << type << tensor.name << r;
        ASSERT_LT(norm, 2) << type << tensor.name << r;
      }
    }
  }
}

TEST(SyntheticModel, DependsOnTheSeedAlone) {
  const std::string shape = "64x1:2:1:64:300:Q8_0";
  EXPECT_EQ(model_of(shape, 7), model_of(shape, 7));
  EXPECT_NE(model_of(shape, 7), model_of(shape, 8));
  const auto bytes = model_of(shape, 7);
  const auto file = gguf::File::parse(bytes);
  ASSERT_TRUE(file.ok());
  const auto q = file->tensor("blk.0.attn_q.weight")->data;
  const auto out = file->tensor("blk.0.attn_output.weight")->data;
  EXPECT_FALSE(std::equal(q.begin(), q.end(), out.begin(), out.end())) << "tensors are not copies";
}

TEST(SyntheticModel, ItsVocabularySpeaks) {
  const auto bytes = model_of("64x1:2:1:64:2000:Q8_0");
  const auto model = Model::load(bytes, 1);
  ASSERT_TRUE(model.ok()) << model.error().message;
  const std::string text = "hello world \xC3\xA9 42";
  const auto ids = model->tokenize(text);
  EXPECT_EQ(ids.front(), 1) << "the beginning-of-text token";
  EXPECT_EQ(model->detokenize(ids), text);
  EXPECT_LT(model->tokenize("ab cd", false).size(), 3u) << "words of two letters are tokens";
}

}  // namespace
}  // namespace prumo
