// One logits_hash for every instruction set, thread count and batch: 2000 tokens of the built-in
// model, greedy and sampled, and the text that came out read again as one prompt, which every batch
// cuts in its own way.
#define XXH_INLINE_ALL
#include <gtest/gtest.h>
#include <xxhash.h>

#include <array>
#include <string>
#include <vector>

#include "cli/builtin.h"
#include "kernels/kernels.h"
#include "prumo.h"
#include "support/every.h"
#include "support/forced_isa.h"

namespace prumo::testing {
namespace {

constexpr std::array<std::size_t, 4> kThreads = {1, 2, 3, 8};
constexpr std::array<std::size_t, 4> kBatches = {1, 3, 64, 512};
constexpr std::size_t kPrompt = 48;

std::uint64_t hash_of(std::span<const float> logits) {
  return XXH3_64bits(logits.data(), logits.size_bytes());
}

// A generation, as far as anybody could tell two apart.
struct Story {
  std::vector<TokenId> ids;
  std::string text;
  std::vector<std::uint64_t> logits;  // a hash of those that each token was chosen from
  std::uint64_t logits_hash = 0;      // what `prumo generate --json` prints: of all of them
  bool operator==(const Story&) const = default;
};

SamplerOptions sampler(bool greedy) {
  if (greedy) return {};
  return {.temperature = 0.8f, .top_k = 40, .top_p = 0.9f, .seed = 1};
}

std::vector<TokenId> prompt_of(const Model& model) {
  std::vector<TokenId> ids = model.tokenize(
      "And it came to pass in those days, that there went out a decree from Caesar Augustus, that "
      "all the world should be taxed. And all went to be taxed, every one into his own city.");
  EXPECT_GE(ids.size(), kPrompt);
  ids.resize(kPrompt);
  return ids;
}

Story story_of(Session& session, std::span<const TokenId> prompt, bool greedy, std::size_t tokens) {
  Story story;
  XXH3_state_t all;
  XXH3_64bits_reset(&all);
  const auto made = generate(session, prompt,
                             {.max_tokens = tokens,
                              .sampler = sampler(greedy),
                              .ignore_eos = true,
                              .on_logits = [&](std::span<const float> logits) {
                                story.logits.push_back(hash_of(logits));
                                XXH3_64bits_update(&all, logits.data(), logits.size_bytes());
                              }});
  story.logits_hash = XXH3_64bits_digest(&all);
  EXPECT_TRUE(made.ok());
  if (made.ok()) story.ids = made->ids, story.text = made->text;
  EXPECT_EQ(story.ids.size(), tokens);
  return story;
}

class HashMatrix : public ::testing::TestWithParam<bool> {
 protected:
  // Of the first cell that was looked at; all others must tell the same.
  void compare(const Story& story, const std::string& cell) {
    if (first_.ids.empty()) {
      first_ = story;
      RecordProperty("logits_hash", std::to_string(story.logits_hash));
    }
    ASSERT_EQ(story.logits_hash, first_.logits_hash) << cell;
    ASSERT_TRUE(story == first_) << cell;
  }

  // Prompt and story as one prompt: the logits after it are those from which the story's last token
  // was chosen.
  void reread(Session& session, std::vector<TokenId> ids, const std::string& cell) {
    ids.insert(ids.end(), first_.ids.begin(), first_.ids.end() - 1);
    session.rewind(0);
    ASSERT_TRUE(session.prefill(ids).ok());
    ASSERT_EQ(hash_of(session.logits()), first_.logits.back()) << cell << ", reread";
  }

  void visit(const Kernels& table, const Model& model, std::size_t threads, std::size_t batch,
             std::size_t tokens) {
    const std::string cell = std::string(table.name) + ", " + std::to_string(threads) +
                             " threads, batch " + std::to_string(batch);
    const auto prompt = prompt_of(model);
    auto session =
        Session::create(model, {.context = kPrompt + tokens, .batch = batch, .threads = threads});
    ASSERT_TRUE(session.ok());
    compare(story_of(*session, prompt, GetParam(), tokens), cell);
    if (!HasFatalFailure()) reread(*session, prompt, cell);
  }

  Story first_;
};

// A sample has fewer tokens, and of the scalar set, which is slow, a cell for every number of
// threads and every batch.
TEST_P(HashMatrix, IsOneHash) {
  const std::size_t tokens = is_sample() ? 40 : 2000;
  const auto tables = supported_kernels();
  for (auto table = tables.rbegin(); table != tables.rend(); ++table) {
    const ForcedIsa isa((*table)->name);
    const auto model = Model::load(builtin_model(), 1);
    ASSERT_TRUE(model.ok());
    for (std::size_t t = 0; t < kThreads.size(); ++t) {
      for (std::size_t b = 0; b < kBatches.size(); ++b) {
        if (is_sample() && (*table)->isa == Isa::kScalar && t != b) continue;
        visit(**table, *model, kThreads[t], kBatches[b], tokens);
        if (HasFatalFailure()) return;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Both, HashMatrix, ::testing::Bool(),
                         [](const auto& how) { return how.param ? "greedy" : "sampled"; });

}  // namespace
}  // namespace prumo::testing
