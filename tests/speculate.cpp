// Speculation by prompt lookup: what is guessed, when it is left off, and that the built-in model's
// text is the same with it.
#include "generate/speculate.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "cli/builtin.h"
#include "prumo.h"
#include "support/forced_isa.h"

namespace prumo::testing {
namespace {

using Ids = std::vector<TokenId>;

// What is guessed after these, empty for nothing.
Ids guessed(const Ids& tokens, std::size_t n) {
  PromptIndex index(tokens.size());
  for (const TokenId id : tokens) index.append(id);
  Ids out(n);
  return index.guess(out) ? out : Ids{};
}

TEST(PromptIndex, GuessesWhatCameAfterTheSameTokens) {
  EXPECT_EQ(guessed({1, 2, 7, 8, 9, 5, 1, 2}, 3), (Ids{7, 8, 9}));
}

TEST(PromptIndex, TakesTheLatestPlaceOfTheLongestEnd) {
  EXPECT_EQ(guessed({1, 2, 7, 5, 1, 2, 8, 5, 6, 1, 2}, 1), (Ids{8}));
  EXPECT_EQ(guessed({5, 6, 1, 2, 7, 4, 1, 2, 8, 5, 6, 1, 2}, 1), (Ids{7})) << "four tokens decide";
}

TEST(PromptIndex, GoesOnWithItselfPastTheEnd) {
  EXPECT_EQ(guessed({9, 9, 9}, 5), (Ids{9, 9, 9, 9, 9}));
  EXPECT_EQ(guessed({1, 2, 3, 1, 2, 3, 1, 2}, 7), (Ids{3, 1, 2, 3, 1, 2, 3}));
}

TEST(PromptIndex, FindsNothingWhereNothingIsRepeated) {
  EXPECT_EQ(guessed({}, 1), Ids{});
  EXPECT_EQ(guessed({4}, 1), Ids{});
  EXPECT_EQ(guessed({4, 4}, 1), Ids{}) << "two tokens have to stand there, and one behind them";
  EXPECT_EQ(guessed({1, 2, 3, 4, 5, 6, 7, 2}, 1), Ids{});
}

TEST(DraftBudget, GrowsWithSuccessAndShrinksToWhatWasRight) {
  DraftBudget budget(1, 15);
  EXPECT_EQ(budget.length(), 3u);
  budget.settle(3, 3);
  EXPECT_EQ(budget.length(), 7u);
  budget.settle(7, 7);
  EXPECT_EQ(budget.length(), 15u);
  budget.settle(15, 2);
  EXPECT_EQ(budget.length(), 3u);
  budget.settle(3, 0);
  EXPECT_EQ(budget.length(), 1u);
}

TEST(DraftBudget, StopsWhenNothingIsAcceptedAndTriesNowAndThen) {
  for (const std::size_t price : {1u, 3u, 4u}) {
    DraftBudget budget(price, 15);
    std::size_t drafted = 0;
    for (int i = 0; i < 1600; ++i) {
      budget.token_made();
      if (budget.length() == 0) continue;
      drafted += budget.length();
      budget.settle(budget.length(), 0);
    }
    EXPECT_EQ(drafted, 108 / price) << "8 at first, and 1 for every 16 tokens";
  }
}

const Model& model() {
  static const Model built_in = *Model::load(builtin_model());
  return built_in;
}

struct Made {
  Generation result;
  std::vector<float> logits;  // of every token
};

Made made(const Model& model, const std::string& prompt, std::size_t draft,
          const SamplerOptions& sampler, std::size_t threads = 1) {
  auto session = Session::create(model, {.context = 400, .threads = threads, .draft = draft});
  Made out;
  auto result = generate(*session, model.tokenize(prompt),
                         {.max_tokens = 120,
                          .sampler = sampler,
                          .ignore_eos = true,
                          .on_logits = [&](std::span<const float> logits) {
                            out.logits.insert(out.logits.end(), logits.begin(), logits.end());
                          }});
  EXPECT_TRUE(result.ok());
  out.result = *std::move(result);
  return out;
}

constexpr const char* kRepeated =
    "And the sons of Gad were these. And the sons of Dan were these. And the sons of";

TEST(Speculation, GivesTheSameTextAndLogitsInFewerPasses) {
  for (const float temperature : {0.0f, 0.8f}) {
    const SamplerOptions sampler{.temperature = temperature, .top_k = 40, .seed = 5};
    const Made plain = made(model(), kRepeated, 0, sampler);
    EXPECT_EQ(plain.result.drafted, 0u);
    for (const Kernels* table : supported_kernels()) {
      const ForcedIsa isa(table->name);
      const Model other = *Model::load(builtin_model());
      for (const std::size_t draft : {1u, 3u, 15u}) {
        if (table->isa == Isa::kScalar && draft != 3) continue;  // a second each
        const Made sped = made(other, kRepeated, draft, sampler, draft == 3 ? 2 : 1);
        EXPECT_EQ(sped.result.ids, plain.result.ids) << table->name << ", draft " << draft;
        EXPECT_EQ(sped.result.text, plain.result.text);
        ASSERT_EQ(sped.logits.size(), plain.logits.size());
        EXPECT_EQ(std::memcmp(sped.logits.data(), plain.logits.data(),
                              plain.logits.size() * sizeof(float)),
                  0)
            << table->name << ", draft " << draft;
        EXPECT_EQ(sped.result.decode_steps, plain.result.decode_steps);
        EXPECT_GT(sped.result.drafted, 0u);
        EXPECT_LE(sped.result.accepted, sped.result.drafted);
      }
    }
  }
}

// It repeats itself when it is greedy.
TEST(Speculation, AcceptsMostOfATextThatRepeatsItself) {
  if (model().isa() == "scalar") GTEST_SKIP() << "Scalar kernels draft little.";
  const Made sped = made(model(), kRepeated, kUsualDraft, {});
  EXPECT_GT(sped.result.accepted, 60u) << "of 120 tokens";
  EXPECT_LT(sped.result.drafted - sped.result.accepted, 60u);
}

TEST(Speculation, DraftsLittleWhereNothingComesTrue) {
  const Made sped = made(model(), kRepeated, kUsualDraft, {.temperature = 30, .seed = 1});
  EXPECT_LE(sped.result.drafted, 8 + 4 * sped.result.accepted + 120 / 16);
}

TEST(Speculation, ABatchOfOneLeavesNoRoomForDrafts) {
  auto session = Session::create(model(), {.context = 100, .batch = 1, .threads = 1, .draft = 15});
  const auto result = generate(*session, model().tokenize(kRepeated), {.max_tokens = 30});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->drafted, 0u);
}

}  // namespace
}  // namespace prumo::testing
