// One hash of all logits for every instruction set, thread count and batch: 2000 tokens of the
// built-in model, greedy and sampled, and the text that came out read again as a prompt.
//
// A generation is a function of the session's state, and batches only have a part in how the prompt
// comes into it. The fast sets generate in every cell all the same; the scalar one, which takes
// seconds for each, compares the states to the byte and generates once for each thread count.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "cli/builtin.h"
#include "model/forward.h"
#include "prumo.h"
#include "support/every.h"
#include "support/forced_isa.h"

namespace prumo::testing {
namespace {

constexpr std::array<std::size_t, 4> kThreads = {1, 2, 3, 8};
constexpr std::array<std::size_t, 4> kBatches = {1, 3, 64, 512};
constexpr std::size_t kPrompt = 48;

std::uint64_t hash_of(std::span<const float> logits, std::uint64_t hash) {
  for (const float x : logits) {
    hash = (hash ^ std::bit_cast<std::uint32_t>(x)) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 29;
  }
  return hash;
}

// A generation, as far as anybody could tell two apart.
struct Story {
  std::vector<TokenId> ids;
  std::string text;
  std::vector<std::uint64_t> logits;  // a hash of those that each token was chosen from
  bool operator==(const Story&) const = default;

  [[nodiscard]] std::uint64_t hash() const {
    std::uint64_t all = 0;
    for (const std::uint64_t one : logits) all = (all ^ one) * 0x9E3779B97F4A7C15u;
    return all;
  }
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
  const auto made = generate(session, prompt,
                             {.max_tokens = tokens,
                              .sampler = sampler(greedy),
                              .ignore_eos = true,
                              .on_logits = [&](std::span<const float> logits) {
                                story.logits.push_back(hash_of(logits, 1));
                              }});
  EXPECT_TRUE(made.ok());
  if (made.ok()) story.ids = made->ids, story.text = made->text;
  EXPECT_EQ(story.ids.size(), tokens);
  return story;
}

// Keys and values of every position so far, in one row.
std::vector<std::byte> cached(Session& session) {
  const SessionState& state = session.internals();
  const Config& config = state.loaded->config;
  const std::size_t slots = round_up(session.position(), kPanelRows);
  std::vector<std::byte> all;
  for (std::size_t layer = 0; layer < config.layers; ++layer) {
    for (std::size_t head = 0; head < config.kv_heads; ++head) {
      const std::byte* keys = state.cache.keys(layer, head, 0);
      const std::byte* values = state.cache.values(layer, head, 0);
      all.insert(all.end(), keys, keys + slots * config.head_dim * 2);
      all.insert(all.end(), values,
                 values + session.position() * state.cache.value_stride() * sizeof(std::uint16_t));
    }
  }
  return all;
}

class HashMatrix : public ::testing::TestWithParam<bool> {
 protected:
  // Of the first cell that was looked at; all others must tell the same.
  void compare(const Story& story, const std::string& cell) {
    if (first_.ids.empty()) {
      first_ = story;
      RecordProperty("logits_hash", std::to_string(story.hash()));
    }
    ASSERT_EQ(story.hash(), first_.hash()) << cell;
    ASSERT_TRUE(story == first_) << cell;
  }

  // Prompt and story, up to `length` tokens, as one prompt: the logits after it are those from
  // which the story's next token was chosen.
  void reread(Session& session, std::vector<TokenId> ids, std::size_t length,
              const std::string& cell) {
    ids.insert(ids.end(), first_.ids.begin(), first_.ids.end());
    length = std::min(length, ids.size() - 1);
    session.rewind(0);
    ASSERT_TRUE(session.prefill(std::span(ids).first(length)).ok());
    ASSERT_EQ(hash_of(session.logits(), 1), first_.logits[length - kPrompt]) << cell << ", reread";
  }

  void visit(const Kernels& table, const Model& model, std::size_t tokens) {
    const auto prompt = prompt_of(model);
    const bool slow = table.isa == Isa::kScalar;
    Every every(6);
    for (const std::size_t threads : kThreads) {
      std::vector<std::byte> state;
      for (const std::size_t batch : kBatches) {
        const std::string cell = std::string(table.name) + ", " + std::to_string(threads) +
                                 " threads, batch " + std::to_string(batch);
        if (is_sample() && !every()) continue;
        auto session = Session::create(
            model, {.context = kPrompt + tokens, .batch = batch, .threads = threads});
        ASSERT_TRUE(session.ok());
        if (slow) {
          ASSERT_TRUE(session->prefill(prompt).ok());
          const auto here = cached(*session);
          if (!state.empty()) {
            ASSERT_TRUE(here == state) << cell << ": the prompt left other keys or values";
            ASSERT_EQ(hash_of(session->logits(), 1), first_.logits[0]) << cell;
            if (threads == 1) reread(*session, prompt, 200, cell);
            continue;
          }
          state = here;
          session->rewind(0);
        }
        compare(story_of(*session, prompt, GetParam(), tokens), cell);
        if (!slow && GetParam()) reread(*session, prompt, kPrompt + tokens, cell);
        if (HasFatalFailure()) return;
      }
    }
  }

  Story first_;
};

TEST_P(HashMatrix, IsOneHash) {
  const std::size_t tokens = is_sample() ? 24 : 2000;
  const auto tables = supported_kernels();
  for (auto table = tables.rbegin(); table != tables.rend(); ++table) {
    const ForcedIsa isa((*table)->name);
    const auto model = Model::load(builtin_model(), 1);
    ASSERT_TRUE(model.ok());
    visit(**table, *model, tokens);
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Both, HashMatrix, ::testing::Bool(),
                         [](const auto& how) { return how.param ? "greedy" : "sampled"; });

}  // namespace
}  // namespace prumo::testing
