// The forward pass: one answer, however the work is cut up.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "model/forward.h"
#include "model/loaded_model.h"
#include "prumo.h"
#include "support/forced_isa.h"
#include "support/tables.h"
#include "support/tiny_llama.h"

namespace prumo::testing {
namespace {

using gguf::TensorType;

std::vector<TokenId> random_ids(std::size_t n, std::size_t vocab, std::uint64_t seed) {
  Bits bits(seed);
  std::vector<TokenId> ids(n);
  for (TokenId& id : ids) id = static_cast<TokenId>(bits.below(vocab));
  return ids;
}

std::vector<std::uint32_t> logits_bits(const Session& session) {
  std::vector<std::uint32_t> bits(session.logits().size());
  std::memcpy(bits.data(), session.logits().data(), bits.size() * sizeof(float));
  return bits;
}

std::vector<std::uint32_t> run(const Model& model, const SessionOptions& options,
                               const std::vector<TokenId>& ids) {
  auto session = Session::create(model, options);
  EXPECT_TRUE(session.ok());
  EXPECT_TRUE(session->prefill(ids).ok());
  EXPECT_EQ(session->position(), ids.size());
  return logits_bits(*session);
}

// What every other way of computing is held against: one token at a time, one thread, scalar code.
std::vector<std::uint32_t> plain(const Bytes& file, CacheType cache,
                                 const std::vector<TokenId>& ids) {
  const ForcedIsa isa("scalar");
  auto model = Model::load(file, 1);
  EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().place + ": " + model.error().message);
  return run(*model, {.batch = 1, .threads = 1, .cache = cache}, ids);
}

// Ways to cut the work up.
struct Cut {
  std::size_t threads;
  std::size_t batch;
};
constexpr Cut kCuts[] = {{1, 1}, {1, 3},   {1, 64}, {1, 512}, {2, 1},
                         {2, 3}, {2, 512}, {3, 64}, {8, 5}};

void expect_one_answer(const TinyShape& shape, std::size_t n_ids) {
  const Bytes file = tiny_llama(shape).build();
  const auto ids = random_ids(n_ids, shape.vocab, shape.seed);
  for (const CacheType cache : {CacheType::kF16, CacheType::kF32}) {
    const auto expected = plain(file, cache, ids);
    for (const Kernels* table : supported_kernels()) {
      const ForcedIsa isa(table->name);
      auto model = Model::load(file, 2);
      ASSERT_TRUE(model.ok());
      EXPECT_EQ(model->isa(), table->name);
      for (const Cut& cut : kCuts) {
        if (n_ids > 100 && cut.batch == 1 && cut.threads > 1) continue;  // many barriers, few cores
        const auto bits =
            run(*model, {.batch = cut.batch, .threads = cut.threads, .cache = cache}, ids);
        ASSERT_EQ(bits, expected) << table->name << ", " << cut.threads << " threads, batch "
                                  << cut.batch;
      }
    }
  }
}

TEST(Forward, OneAnswerForEveryWeightType) {
  for (const TensorType type : kTensorTypes) {
    TinyShape shape;
    shape.type = type;
    if (block_format(type).elements == 256) {
      shape.embedding = 256;
      shape.head_dim = 64;
      shape.ffn = 256;
    }
    SCOPED_TRACE(block_format(type).name);
    expect_one_answer(shape, 19);
  }
}

TEST(Forward, OneAnswerWithAQ6KOutputOverQ4) {
  expect_one_answer({.embedding = 256,
                     .layers = 1,
                     .heads = 8,
                     .kv_heads = 2,
                     .head_dim = 32,
                     .ffn = 96,
                     .vocab = 261,
                     .type = TensorType::kQ4_0,
                     .output_type = TensorType::kQ6_K,
                     .tied = false},
                    9);
}

TEST(Forward, OneAnswerForOddShapes) {
  // A head smaller than a panel, one KV head, as many KV heads as heads, rows that fill no panel.
  expect_one_answer({.embedding = 32,
                     .layers = 3,
                     .heads = 6,
                     .kv_heads = 1,
                     .head_dim = 6,
                     .ffn = 40,
                     .vocab = 259},
                    21);
  expect_one_answer({.embedding = 24,
                     .layers = 1,
                     .heads = 3,
                     .kv_heads = 3,
                     .head_dim = 8,
                     .ffn = 20,
                     .vocab = 263},
                    17);
  expect_one_answer({.embedding = 96,
                     .layers = 2,
                     .heads = 10,
                     .kv_heads = 2,
                     .head_dim = 48,
                     .ffn = 32,
                     .vocab = 270,
                     .type = TensorType::kQ8_0},
                    18);
}

// As many query heads to one key head as fill the rows of a pass over the keys, one fewer, more.
TEST(Forward, OneAnswerForLargeGroups) {
  for (const std::size_t heads : {23u, 24u, 25u, 49u}) {
    SCOPED_TRACE(heads);
    expect_one_answer({.embedding = 16,
                       .layers = 1,
                       .heads = heads,
                       .kv_heads = 1,
                       .head_dim = 4,
                       .ffn = 16,
                       .vocab = 259},
                      9);
  }
}

TEST(Forward, OneAnswerAcrossKeyRanges) {
  expect_one_answer({.embedding = 32,
                     .layers = 2,
                     .heads = 2,
                     .kv_heads = 1,
                     .head_dim = 16,
                     .ffn = 32,
                     .vocab = 259,
                     .context = 600,
                     .type = TensorType::kQ8_0},
                    540);
}

// Vocabularies that fill no panel, no piece and no thread evenly, with ties and NaN among the
// logits.
TEST(Forward, TheArgmaxOfTheLogitsComesWithThem) {
  for (const std::size_t vocab : {259u, 2049u, 5003u}) {
    GgufBuilder file = tiny_llama({.embedding = 32, .layers = 1, .vocab = vocab, .tied = false});
    const std::size_t row = 32 * sizeof(float);
    Bytes& output = tensor_of(file, "output.weight").data;
    std::memcpy(&output[(vocab - 1) * row], &output[7 * row], row);  // a tie, wherever it lies
    for (const bool with_nan : {false, true}) {
      if (with_nan) {
        const float nan = std::numeric_limits<float>::quiet_NaN();
        std::memcpy(&output[(vocab / 2) * row], &nan, sizeof nan);
      }
      const Bytes bytes = file.build();
      auto model = Model::load(bytes, 1);
      for (const std::size_t threads : {1u, 2u, 3u}) {
        auto session = Session::create(*model, {.threads = threads});
        for (TokenId id = 0; id < 40; ++id) {
          ASSERT_TRUE(session->step(id).ok());
          const auto expected =
              supported_kernels()[0]->argmax(session->logits().data(), session->logits().size());
          ASSERT_EQ(session->internals().top, expected) << vocab << ", " << threads << " threads";
          ASSERT_EQ(expected.has_nan, with_nan);
        }
      }
    }
  }
}

// Seven rows again and again, so that the largest logit is in every piece of every thread.
TEST(Forward, OfEqualLogitsEverywhereTheFirstIsTheArgmax) {
  constexpr std::size_t kVocab = 5003;
  GgufBuilder file = tiny_llama({.embedding = 32, .layers = 1, .vocab = kVocab, .tied = false});
  const std::size_t row = 32 * sizeof(float);
  Bytes& output = tensor_of(file, "output.weight").data;
  for (std::size_t r = 7; r < kVocab; ++r) std::memcpy(&output[r * row], &output[r % 7 * row], row);
  const Bytes bytes = file.build();
  auto model = Model::load(bytes, 1);
  for (const std::size_t threads : {1u, 2u, 3u}) {
    auto session = Session::create(*model, {.threads = threads});
    for (TokenId id = 0; id < 20; ++id) {
      ASSERT_TRUE(session->step(id).ok());
      const auto logits = session->logits();
      const auto first = std::max_element(logits.begin(), logits.end()) - logits.begin();
      ASSERT_LT(first, 7);
      ASSERT_EQ(session->internals().top.index, static_cast<std::size_t>(first)) << threads;
    }
  }
}

// Every row the same, so that the logits are below zero whenever they are not above: the rows that
// fill the last panel, which are zero, must never be the largest.
TEST(Forward, TheRowsThatFillTheLastPanelAreNoTokens) {
  constexpr std::size_t kVocab = 5003;
  GgufBuilder file = tiny_llama({.embedding = 32, .layers = 1, .vocab = kVocab, .tied = false});
  const std::size_t row = 32 * sizeof(float);
  Bytes& output = tensor_of(file, "output.weight").data;
  for (std::size_t r = 1; r < kVocab; ++r) std::memcpy(&output[r * row], output.data(), row);
  const Bytes bytes = file.build();
  auto model = Model::load(bytes, 1);
  std::size_t below = 0;
  for (const std::size_t threads : {1u, 2u, 3u}) {
    auto session = Session::create(*model, {.threads = threads});
    for (TokenId id = 0; id < 20; ++id) {
      ASSERT_TRUE(session->step(id).ok());
      if (session->logits()[0] < 0) ++below;
      ASSERT_EQ(session->internals().top.index, 0u) << threads << " threads, token " << id;
    }
  }
  EXPECT_GT(below, 0u) << "no logit was below zero: nothing was asked";
}

// Matrices that share an input may be of different types: it is quantized if any of them asks.
TEST(Forward, AnyOfTheMatricesOfAnInputMayBeTheQuantizedOne) {
  const TinyShape shape{.layers = 1};
  const auto ids = random_ids(9, shape.vocab, 11);
  Bits bits(12);
  for (const char* name : {"attn_q", "attn_k", "attn_v", "ffn_gate", "ffn_up"}) {
    SCOPED_TRACE(name);
    const std::string tensor = std::string("blk.0.") + name + ".weight";
    std::vector<std::vector<std::uint32_t>> answers;
    for (int i = 0; i < 2; ++i) {  // other weights, other logits: the matrix was really multiplied
      GgufBuilder file = tiny_llama(shape);
      GgufTensor& matrix = tensor_of(file, tensor);
      matrix.type = static_cast<std::uint32_t>(TensorType::kQ8_0);
      matrix.data = random_rows(TensorType::kQ8_0, matrix.dims[1], matrix.dims[0], bits);
      const Bytes bytes = file.build();
      answers.push_back(plain(bytes, CacheType::kF16, ids));
      auto model = Model::load(bytes, 1);
      ASSERT_TRUE(model.ok());
      for (const std::size_t batch : {1u, 4u, 9u}) {
        EXPECT_EQ(run(*model, {.batch = batch, .threads = 2}, ids), answers.back()) << batch;
      }
    }
    EXPECT_NE(answers[0], answers[1]);
  }
}

// The scratch of attention ends with the last range that can have a key: a step that counted one
// more would leave its empty part where the next piece begins.
TEST(Forward, TheLastStepOfAContextThatEndsWithARange) {
  const TinyShape shape{.layers = 1, .heads = 16, .kv_heads = 2, .head_dim = 16, .context = 600};
  const Bytes file = tiny_llama(shape).build();
  auto model = Model::load(file, 1);
  for (const std::size_t context : {kKeyRange, 2 * kKeyRange}) {
    const auto ids = random_ids(context, shape.vocab, 13);
    for (const std::size_t threads : {1u, 2u}) {
      for (const std::size_t batch : {1u, 64u}) {
        EXPECT_EQ(run(*model, {.context = context, .batch = batch, .threads = threads}, ids),
                  run(*model, {.batch = 64, .threads = 1}, ids))
            << "context " << context << ", batch " << batch << ", " << threads << " threads";
      }
    }
  }
}

class Sessions : public ::testing::Test {
 protected:
  TinyShape shape_;
  Bytes file_ = tiny_llama(shape_).build();
  Model model_ = *Model::load(file_, 1);
};

TEST_F(Sessions, AnySplitOfThePromptIsTheSamePrompt) {
  const auto ids = random_ids(20, shape_.vocab, 5);
  const auto expected = plain(file_, CacheType::kF16, ids);
  for (const Kernels* table : supported_kernels()) {
    const ForcedIsa isa(table->name);
    const Model model = *Model::load(file_, 1);
    for (std::size_t batch = 1; batch <= ids.size(); ++batch) {
      auto session = Session::create(model, {.batch = batch, .threads = 1 + batch % 2});
      for (std::size_t cut = 0; cut <= ids.size(); ++cut) {
        session->rewind(0);
        ASSERT_TRUE(session->prefill(std::span(ids).first(cut)).ok());
        ASSERT_TRUE(session->prefill(std::span(ids).subspan(cut)).ok());
        ASSERT_EQ(logits_bits(*session), expected)
            << table->name << ", batch " << batch << ", cut at " << cut;
      }
    }
  }
}

TEST_F(Sessions, RewindAndReplayIsTheSamePrompt) {
  const auto ids = random_ids(30, shape_.vocab, 6);
  const auto other = random_ids(20, shape_.vocab, 7);
  const auto expected = run(model_, {.threads = 1}, ids);
  auto session = Session::create(model_, {.threads = 2});
  for (const std::size_t keep : {0u, 1u, 15u, 16u, 17u, 29u}) {
    session->rewind(0);
    ASSERT_TRUE(session->prefill(std::span(ids).first(keep)).ok());
    ASSERT_TRUE(session->prefill(other).ok());
    session->rewind(keep);
    EXPECT_EQ(session->position(), keep);
    ASSERT_TRUE(session->prefill(std::span(ids).subspan(keep)).ok());
    EXPECT_EQ(logits_bits(*session), expected) << "kept " << keep;
  }
}

TEST_F(Sessions, EveryTokenCounts) {
  const auto ids = random_ids(12, shape_.vocab, 8);
  const auto expected = run(model_, {.threads = 1}, ids);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    auto changed = ids;
    changed[i] = (changed[i] + 1) % static_cast<TokenId>(shape_.vocab);
    EXPECT_NE(run(model_, {.threads = 1}, changed), expected) << "token " << i << " has no effect";
  }
}

TEST_F(Sessions, OrderCounts) {
  EXPECT_NE(run(model_, {}, {5, 6, 7, 8}), run(model_, {}, {6, 5, 7, 8}))
      << "positions have no effect";
}

TEST_F(Sessions, EvaluationGivesTheLogitsOfEveryToken) {
  const auto ids = random_ids(11, shape_.vocab, 9);
  std::vector<float> steps;
  auto stepped = Session::create(model_, {.threads = 1});
  for (const TokenId id : ids) {
    ASSERT_TRUE(stepped->step(id).ok());
    steps.insert(steps.end(), stepped->logits().begin(), stepped->logits().end());
  }
  for (const std::size_t batch : {1u, 4u, 11u, 64u}) {
    auto session = Session::create(model_, {.batch = batch, .threads = 2});
    std::vector<float> all;
    const auto keep = [&](std::span<const float> logits) {
      all.insert(all.end(), logits.begin(), logits.end());
    };
    ASSERT_TRUE(session->prefill(std::span(ids).first(2)).ok());
    all.assign(steps.begin(), steps.begin() + 2 * static_cast<std::ptrdiff_t>(shape_.vocab));
    ASSERT_TRUE(session->evaluate(std::span(ids).subspan(2), keep).ok());
    EXPECT_EQ(all, steps) << "batch " << batch;
    EXPECT_EQ(session->position(), ids.size());
    EXPECT_TRUE(std::equal(session->logits().begin(), session->logits().end(),
                           steps.end() - static_cast<std::ptrdiff_t>(shape_.vocab)));
    EXPECT_EQ(session->evaluate(std::span(ids).first(0), keep).ok(), true);
    EXPECT_EQ(session->evaluate(std::vector<TokenId>{1, -1}, keep).error().code,
              ErrorCode::kBadArgument);
    EXPECT_EQ(all, steps) << "a refusal calls nobody";
  }
}

// Each piece of scratch ends where no other has begun, so that no two threads' numbers can meet.
TEST(SessionMemory, EveryPieceHasTheRoomThatForwardNames) {
  for (const std::size_t ffn : {24u, 96u, 200u}) {
    for (const std::size_t context : {64u, 300u, 513u}) {
      const Bytes file = tiny_llama({.ffn = ffn, .context = 600}).build();
      const auto model = Model::load(file, 1);
      ASSERT_TRUE(model.ok());
      auto session = Session::create(*model, {.context = context, .batch = 7, .threads = 2});
      const Scratch& s = session->internals().scratch;
      const Config& c = model->internals().config;
      const std::size_t widest = std::max({c.embedding, c.q_dim(), c.ffn});
      const std::size_t ranges = (context + kKeyRange - 1) / kKeyRange;
      const std::size_t kv = round_up(c.kv_dim(), kPanelRows);
      const std::size_t ffn_stride = round_up(c.ffn, kPanelRows);
      const std::size_t vs = round_up(c.head_dim, kPanelRows);
      const std::size_t rows = attention_tokens(c) * c.group();
      std::map<const void*, std::size_t> pieces = {
          // floats
          {s.x, 7 * c.embedding},
          {s.floats, 7 * widest},
          {s.blocks, 7 * (widest / kBlock) * sizeof(QuantizedBlock) / 4},
          {s.q, 7 * round_up(c.q_dim(), kPanelRows)},
          {s.k, 7 * kv},
          {s.v, 7 * kv},
          {s.attention, 7 * c.q_dim()},
          {s.projected, 7 * round_up(c.embedding, kPanelRows)},
          {s.gate, 7 * ffn_stride},
          {s.up, 7 * ffn_stride},
          {s.logits, round_up(c.vocab, kPanelRows)},
          {s.max, ranges * c.heads},
          {s.sum, ranges * c.heads},
          {s.out, ranges * c.heads * vs},
          {s.rope, context * c.head_dim}};
      for (const OwnScratch& own : s.own) {
        pieces.insert({{own.floats, widest},
                       {own.blocks, widest / kBlock * sizeof(QuantizedBlock) / 4},
                       {own.merged, c.q_dim()},
                       {own.scores, rows * kKeyRange},
                       {own.max, ranges * rows},
                       {own.sum, ranges * rows},
                       {own.out, ranges * rows * vs}});
      }
      ASSERT_EQ(pieces.size(), 15u + 2 * 7) << "two begin at one place";
      const std::byte* end = nullptr;
      std::size_t number = 0;
      for (const auto& [begin, size] : pieces) {
        const auto* const at = static_cast<const std::byte*>(begin);
        EXPECT_LE(end, at) << "piece " << number << " by address, ffn " << ffn << ", context "
                           << context;
        end = at + size * sizeof(float);
        ++number;
      }
    }
  }
}

TEST_F(Sessions, BadArgumentsAreErrors) {
  EXPECT_EQ(Session::create(model_, {.context = 65}).error().code, ErrorCode::kBadArgument);
  EXPECT_EQ(Session::create(model_, {.batch = 0}).error().code, ErrorCode::kBadArgument);
  EXPECT_EQ(Session::create(model_, {.threads = 257}).error().code, ErrorCode::kBadArgument);
  EXPECT_EQ(*resolve_threads(256), 256u) << "the most there may be";
  auto session = Session::create(model_, {.threads = 1});
  EXPECT_EQ(session->step(-1).error().code, ErrorCode::kBadArgument);
  EXPECT_EQ(session->step(300).error().code, ErrorCode::kBadArgument);
  EXPECT_EQ(session->position(), 0u);
}

TEST_F(Sessions, NothingAppendedChangesNothing) {
  auto session = Session::create(model_, {.threads = 2});
  for (const float x : session->logits()) EXPECT_EQ(x, 0.0f);
  ASSERT_TRUE(session->prefill({}).ok());
  EXPECT_EQ(session->position(), 0u);
}

TEST_F(Sessions, CancelledBeforeABatchKeepsThoseBefore) {
  auto session = Session::create(model_, {.batch = 4, .threads = 1});
  const std::atomic<bool> cancel{true};
  EXPECT_EQ(session->prefill(random_ids(8, shape_.vocab, 3), &cancel).error().code,
            ErrorCode::kCancelled);
  EXPECT_EQ(session->position(), 0u);
}

// The batch in which the wish came up is finished, no other begun, and the session goes on from
// there.
TEST_F(Sessions, CancelledWhileATextIsScoredKeepsWholeBatches) {
  const auto ids = random_ids(20, shape_.vocab, 3);
  const auto expected = run(model_, {.threads = 1}, ids);
  for (const std::size_t at : {1u, 4u, 5u, 16u}) {
    auto session = Session::create(model_, {.batch = 4, .threads = 2});
    std::atomic<bool> cancel{false};
    std::size_t seen = 0;
    const auto look = [&](std::span<const float>) { cancel = ++seen >= at; };
    const Status status = session->evaluate(ids, look, &cancel);
    ASSERT_FALSE(status.ok()) << at;
    EXPECT_EQ(status.error().code, ErrorCode::kCancelled);
    EXPECT_EQ(seen, round_up(at, 4));
    EXPECT_EQ(session->position(), seen);
    ASSERT_TRUE(session->prefill(std::span(ids).subspan(seen)).ok());
    EXPECT_EQ(logits_bits(*session), expected) << at;
  }
}

TEST(Rope, DivisorsAndLinearScalingChangeTheAnswer) {
  const auto ids = random_ids(9, 300, 4);
  const auto answer = [&](GgufBuilder file) {
    return run(*Model::load(file.build(), 1), {.threads = 1}, ids);
  };
  const GgufBuilder base = tiny_llama({});
  GgufBuilder ones = base;
  ones.add_f32("rope_freqs.weight", {8}, std::vector<float>(8, 1.0f));
  GgufBuilder twos = base;
  twos.add_f32("rope_freqs.weight", {8}, std::vector<float>(8, 2.0f));
  GgufBuilder linear = base;
  linear.add("llama.rope.scaling.type", "linear").add("llama.rope.scaling.factor", 2.0f);
  EXPECT_EQ(answer(ones), answer(base));
  EXPECT_NE(answer(twos), answer(base));
  EXPECT_EQ(answer(twos), answer(linear)) << "dividing by two in either way is the same";
}

}  // namespace
}  // namespace prumo::testing
