// Passes that are too small to share run on one thread, by a rule of counts; their bits are those
// of the whole team.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <vector>

#include "model/forward.h"
#include "model/kv_cache.h"
#include "model/loaded_model.h"
#include "prumo.h"
#include "support/tiny_llama.h"

namespace prumo::testing {
namespace {

// What passes on one thread and on three leave behind is the same for each other.
TEST(OneThread, SmallPassesOnOneOfSeveralAreTheSamePrompt) {
  const Bytes file = tiny_llama({}).build();
  const Model model = *Model::load(file, 1);
  std::vector<TokenId> ids(60);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<TokenId>(7 * i % 300);
  auto session = Session::create(model, {.threads = 3});
  auto plain = Session::create(model, {.threads = 1});
  session->internals().may_be_alone = true;
  std::size_t done = 0;
  for (const std::size_t n : {20u, 1u, 17u, 16u, 1u, 1u, 4u}) {
    const auto part = std::span(ids).subspan(done, n);
    ASSERT_TRUE(session->prefill(part).ok() && plain->prefill(part).ok());
    done += n;
    EXPECT_EQ(session->internals().parts, n > 16 ? 3u : 1u) << n << " tokens";
    const auto logits = session->logits();
    ASSERT_EQ(std::memcmp(logits.data(), plain->logits().data(), logits.size_bytes()), 0) << done;
    EXPECT_EQ(session->internals().top, plain->internals().top) << done << " tokens";
  }
  ASSERT_EQ(done, ids.size());
}

// What idle threads found in an earlier pass, here a NaN, is no part of a pass on one.
TEST(OneThread, TheArgmaxIsThatOfTheThreadsThatTookPart) {
  GgufBuilder builder = tiny_llama({.vocab = 1500});
  constexpr TokenId kBad = 1400;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(&tensor_of(builder, "token_embd.weight").data[kBad * 64 * sizeof nan], &nan,
              sizeof nan);
  builder.add_f32("output.weight", {64, 1500}, std::vector<float>(64 * 1500, 0.25f));
  const Bytes file = builder.build();
  const Model model = *Model::load(file, 1);
  auto session = Session::create(model, {.threads = 3});
  session->internals().may_be_alone = true;
  ASSERT_TRUE(session->prefill(std::vector<TokenId>(20, kBad)).ok());
  ASSERT_EQ(session->internals().parts, 3u);
  EXPECT_TRUE(session->internals().top.has_nan);
  session->rewind(0);
  ASSERT_TRUE(session->step(5).ok());
  ASSERT_EQ(session->internals().parts, 1u);
  EXPECT_FALSE(session->internals().top.has_nan);
}

TEST(OneThread, IsForPassesThatReadLittleBetweenBarriers) {
  constexpr std::size_t kLeast = 65536;
  for (const std::size_t layers : {1u, 2u, 6u, 80u}) {
    const std::size_t barriers = 5 * layers + 1;
    for (const std::size_t tokens : {1u, 16u}) {
      EXPECT_TRUE(alone_is_sooner(tokens, kLeast * barriers - 1, layers)) << layers;
      EXPECT_FALSE(alone_is_sooner(tokens, kLeast * barriers, layers)) << layers;
    }
    EXPECT_FALSE(alone_is_sooner(17, 1, layers)) << "a batch";
  }
  EXPECT_TRUE(alone_is_sooner(1, 980'000, 4)) << "128x4 in Q8_0";
  EXPECT_FALSE(alone_is_sooner(1, 3'250'000, 6)) << "192x6";
  EXPECT_FALSE(alone_is_sooner(1, 16'150'000, 6)) << "288x6";
}

TEST(OneThread, IsChosenWhereNobodyAskedForANumberAndTheContextIsShort) {
  const Bytes file = tiny_llama({.context = 8192}).build();
  const Model model = *Model::load(file, 1);
  EXPECT_TRUE(Session::create(model)->internals().may_be_alone);
  for (const CacheType cache : {CacheType::kF16, CacheType::kF32}) {
    auto session = Session::create(model, {.threads = 2, .cache = cache});
    SessionState& state = session->internals();
    EXPECT_EQ(state.threads_for(1), 2u) << "as asked";
    state.may_be_alone = true;
    EXPECT_EQ(state.threads_for(1), 1u);
    EXPECT_EQ(state.threads_for(17), 2u);
    const std::size_t weights = model.internals().weights.memory.size();
    const std::size_t key_and_value = KvCache::bytes(model.internals().config, 16, cache) / 16;
    const std::size_t enough = (65536 * 11 - weights) / key_and_value;
    ASSERT_LT(enough, 8000u);
    state.position = enough - 32;
    EXPECT_EQ(state.threads_for(1), 1u);
    state.position = enough + 32;
    EXPECT_EQ(state.threads_for(1), 2u) << "keys and values of " << state.position;
  }
}

}  // namespace
}  // namespace prumo::testing
