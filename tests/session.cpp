// What a session is made of and asks for, and that neither its caller's floating-point modes nor
// its own past change what it computes.
#include <gtest/gtest.h>
#include <xmmintrin.h>

#include <array>
#include <bit>
#include <string>
#include <vector>

#include "model/forward.h"
#include "model/kv_cache.h"
#include "model/loaded_model.h"
#include "prumo.h"
#include "support/tiny_llama.h"

namespace prumo::testing {
namespace {

std::vector<TokenId> some_ids(std::size_t n) {
  std::vector<TokenId> ids(n);
  for (std::size_t i = 0; i < n; ++i) ids[i] = static_cast<TokenId>(7 * i % 300);
  return ids;
}

class SessionTest : public ::testing::Test {
 protected:
  TinyShape shape_;
  Bytes file_ = tiny_llama(shape_).build();
  Model model_ = *Model::load(file_, 1);
};

TEST_F(SessionTest, TheContextIsAllThereIs) {
  auto session = Session::create(model_, {.context = 10, .threads = 1});
  const auto ids = some_ids(11);
  const Status over = session->prefill(ids);
  ASSERT_FALSE(over.ok());
  EXPECT_EQ(over.error().code, ErrorCode::kContextFull);
  EXPECT_EQ(over.error().message.find("There is room for 10 tokens and 11 are needed"), 0u);
  EXPECT_EQ(session->position(), 0u);
  ASSERT_TRUE(session->prefill(std::span(ids).first(8)).ok());
  const Status more = session->prefill(std::span(ids).first(5));
  ASSERT_FALSE(more.ok());
  EXPECT_EQ(more.error().message.find("There is room for 10 tokens and 13 are needed"), 0u);
  EXPECT_EQ(session->position(), 8u);
  ASSERT_TRUE(session->prefill(std::span(ids).first(2)).ok());
  EXPECT_EQ(session->step(3).error().code, ErrorCode::kContextFull);
}

// A block of 32 must not reach into the next head.
TEST(SessionCache, OfQ8IsForHeadsOfWholeBlocks) {
  for (std::size_t head_dim = 2; head_dim <= 130; head_dim += 2) {
    const Bytes file = tiny_llama({.embedding = 8,
                                   .layers = 1,
                                   .heads = 1,
                                   .kv_heads = 1,
                                   .head_dim = head_dim,
                                   .ffn = 8,
                                   .vocab = 259})
                           .build();
    const Model model = *Model::load(file, 1);
    const auto session = Session::create(model, {.threads = 1, .cache = CacheType::kQ8_0});
    ASSERT_EQ(session.ok(), head_dim % 32 == 0) << head_dim;
    if (!session) {
      EXPECT_EQ(session.error().place, "cache");
    }
  }
}

TEST_F(SessionTest, TakesTheMemoryThatIsForetold) {
  const Config& config = model_.internals().config;
  for (const CacheType cache : {CacheType::kF16, CacheType::kF32}) {
    for (const std::size_t context : {0u, 1u, 50u}) {
      for (const std::size_t threads : {1u, 3u}) {
        const SessionOptions options{.context = context,
                                     .batch = context == 0 ? 512u : 7u,
                                     .threads = threads,
                                     .cache = cache,
                                     .draft = threads};
        auto session = Session::create(model_, options);
        ASSERT_TRUE(session.ok());
        EXPECT_EQ(SessionState::bytes(config, options, threads),
                  KvCache::bytes(config, session->context(), cache) +
                      session->internals().arena.capacity());
      }
    }
  }
}

// The bits of the default modes whatever the caller has set, from loading on; and what was set is
// given back. RoPE's factor and the norms' epsilon are read in it, too.
TEST(SessionModes, OfTheCallerChangeNothing) {
  GgufBuilder builder = tiny_llama({.type = gguf::TensorType::kQ8_0});
  drop_key(builder, "llama.attention.layer_norm_rms_epsilon");
  builder.add("llama.attention.layer_norm_rms_epsilon", 0.3);  // no float: it is rounded
  builder.add("llama.rope.scaling.type", "linear").add("llama.rope.scaling.factor", 3.0f);
  const Bytes file = builder.build();
  const auto ids = some_ids(30);
  const auto computed = [&](std::size_t threads) {
    std::vector<std::uint32_t> bits;
    const auto take = [&](std::span<const float> logits) {
      for (const float x : logits) bits.push_back(std::bit_cast<std::uint32_t>(x));
    };
    const auto model = Model::load(file, threads);
    // The logits need not show so little.
    take(std::array{model->internals().config.rms_eps});
    const double scale = model->internals().config.rope_scale;
    bits.push_back(static_cast<std::uint32_t>(std::bit_cast<std::uint64_t>(scale)));
    auto session = Session::create(*model, {.batch = 9, .threads = threads});
    EXPECT_TRUE(session->prefill(std::span(ids).first(20)).ok());
    take(session->logits());
    EXPECT_TRUE(session->step(ids[20]).ok());
    take(session->logits());
    EXPECT_TRUE(session->evaluate(std::span(ids).subspan(21), take).ok());
    return bits;
  };
  const auto expected = computed(1);
  const unsigned usual = _mm_getcsr() & ~0x3Fu;
  constexpr unsigned kModes[] = {0x2000, 0x4000, 0x6000, 0x8040};  // down, up, to zero; FTZ and DAZ
  for (const unsigned mode : kModes) {
    for (const std::size_t threads : {1u, 2u}) {
      _mm_setcsr(usual | mode);
      const auto got = computed(threads);
      const unsigned left = _mm_getcsr() & ~0x3Fu;
      _mm_setcsr(usual);
      EXPECT_EQ(left, usual | mode);
      EXPECT_TRUE(got == expected) << std::hex << mode << ", " << threads << " threads";
    }
  }
}

// The first steps choose how far ahead memory is asked for; nothing else takes part in that.
TEST_F(SessionTest, SingleStepsChooseThePrefetchDistance) {
  constexpr std::size_t kTrials = PrefetchTuner::kDistances.size() * PrefetchTuner::kSteps;
  auto session = Session::create(model_, {.batch = 4, .threads = 1});
  for (std::size_t i = 0; i < 2 * kTrials; ++i) {
    session->rewind(0);
    ASSERT_TRUE(session->prefill(some_ids(8)).ok());
  }
  EXPECT_FALSE(session->internals().prefetch.settled());
  for (std::size_t i = 0; i < kTrials; ++i) {
    EXPECT_FALSE(session->internals().prefetch.settled()) << i;
    ASSERT_TRUE(session->step(5).ok());
  }
  EXPECT_TRUE(session->internals().prefetch.settled());
}

}  // namespace
}  // namespace prumo::testing
