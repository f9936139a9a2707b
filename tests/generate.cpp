// The loop: what ends it, what it shows, what it is given back; and that choosing agrees with the
// logits.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "cli/builtin.h"
#include "kernels/kernels.h"
#include "prumo.h"
#include "support/forced_isa.h"
#include "support/tiny_llama.h"

namespace prumo::testing {
namespace {

class Generate : public ::testing::Test {
 protected:
  static const Model& model() {
    static const Model built_in = *Model::load(builtin_model());
    return built_in;
  }
  static Session session(std::size_t context = 256) {
    return *Session::create(model(), {.context = context, .threads = 1});
  }
  static std::vector<TokenId> prompt() { return model().tokenize("In the beginning"); }
  static Generation made(const GenerateOptions& options, std::size_t context = 256) {
    Session fresh = session(context);
    auto result = generate(fresh, prompt(), options);
    EXPECT_TRUE(result.ok()) << result.error().message;
    return *std::move(result);
  }
};

TEST_F(Generate, GreedyTakesTheLargestLogitEachTime) {
  std::vector<TokenId> largest;
  const auto result =
      made({.max_tokens = 40, .on_logits = [&](std::span<const float> logits) {
              largest.push_back(static_cast<TokenId>(
                  supported_kernels()[0]->argmax(logits.data(), logits.size()).index));
            }});
  EXPECT_EQ(result.ids, largest);
  EXPECT_EQ(result.ids.size(), 40u);
  EXPECT_EQ(result.finish, Finish::kLength);
  EXPECT_EQ(result.decode_steps, 39u) << "the last token needs no forward pass";
  EXPECT_EQ(result.text.empty(), false);
}

TEST_F(Generate, IsTheSameOnEveryIsaThreadCountAndBatch) {
  for (const float temperature : {0.0f, 0.8f}) {
    std::vector<Generation> all;
    for (const Kernels* table : supported_kernels()) {
      const ForcedIsa isa(table->name);
      const auto other = Model::load(builtin_model());
      for (const std::size_t threads : {1u, 2u}) {
        for (const std::size_t batch : {1u, 7u, 512u}) {
          auto s = Session::create(*other, {.context = 256, .batch = batch, .threads = threads});
          auto result = generate(
              *s, prompt(),
              {.max_tokens = 30,
               .sampler = {.temperature = temperature, .top_k = 40, .top_p = 0.9f, .seed = 7}});
          ASSERT_TRUE(result.ok());
          all.push_back(*std::move(result));
          ASSERT_EQ(all.back().ids, all.front().ids)
              << table->name << ", " << threads << " threads, batch " << batch;
        }
      }
    }
  }
}

TEST_F(Generate, AQuantizedCacheGivesOneTextToo) {
  std::vector<std::vector<TokenId>> all;
  for (const Kernels* table : supported_kernels()) {
    const ForcedIsa isa(table->name);
    const auto other = Model::load(builtin_model());
    for (const std::size_t threads : {1u, 3u}) {
      for (const std::size_t batch : {1u, 512u}) {
        auto s = Session::create(
            *other, {.context = 64, .batch = batch, .threads = threads, .cache = CacheType::kQ8_0});
        ASSERT_TRUE(s.ok());
        all.push_back(generate(*s, prompt(), {.max_tokens = 16})->ids);
        ASSERT_EQ(all.back(), all.front()) << table->name << ", " << threads << " threads";
      }
    }
  }
}

TEST(GenerateErrors, AQuantizedCacheWantsHeadsOfWholeBlocks) {
  const Bytes file = tiny_llama({.head_dim = 16}).build();
  const Model model = *Model::load(file, 1);
  const auto refused = Session::create(model, {.cache = CacheType::kQ8_0});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kBadArgument);
  EXPECT_NE(refused.error().message.find("16"), std::string::npos);
}

TEST_F(Generate, SeedsMatterAndRepeat) {
  const auto with_seed = [&](std::uint64_t seed) {
    return made({.max_tokens = 30, .sampler = {.temperature = 1, .seed = seed}}).ids;
  };
  EXPECT_EQ(with_seed(1), with_seed(1));
  EXPECT_NE(with_seed(1), with_seed(2));
}

TEST_F(Generate, WhatIsShownIsTheText) {
  for (const std::vector<std::string>& stop : {std::vector<std::string>{}, {" the"}}) {
    std::string shown;
    const auto result =
        made({.max_tokens = 50, .stop = stop, .on_text = [&](std::string_view piece) {
                shown += piece;
              }});
    EXPECT_EQ(shown, result.text);
  }
}

TEST_F(Generate, TheTextIsThatOfTheIds) {
  const auto result = made({.max_tokens = 50});
  auto ids = prompt();
  const std::string before = model().detokenize(ids);
  ids.insert(ids.end(), result.ids.begin(), result.ids.end());
  EXPECT_EQ(model().detokenize(ids), before + result.text);
}

TEST_F(Generate, AStopTextEndsItAndIsNotShown) {
  const std::string whole = made({.max_tokens = 50}).text;
  ASSERT_GT(whole.size(), 30u);
  const std::string stop =
      whole.substr(15, 6);  // begins and ends inside of tokens, as likely as not
  const auto result = made({.max_tokens = 50, .stop = {stop}});
  EXPECT_EQ(result.finish, Finish::kStop);
  EXPECT_EQ(result.text, whole.substr(0, whole.find(stop)));
}

TEST_F(Generate, AnEndTokenEndsItUnlessIgnored) {
  GgufBuilder file = tiny_llama({.vocab = 2000});  // mostly words, since a byte cannot be an end
  const std::vector<TokenId> start = {1, 5};
  const auto result = [&](const Bytes& bytes, bool ignore_eos) {
    const Model model = *Model::load(bytes, 1);
    auto s = Session::create(model, {.threads = 1});
    return *generate(*s, start, {.max_tokens = 12, .ignore_eos = ignore_eos});
  };
  const auto ids = result(file.build(), true).ids;
  const auto word = std::find_if(ids.begin() + 2, ids.end(), [](TokenId id) { return id >= 259; });
  ASSERT_NE(word, ids.end());
  drop_key(file, "tokenizer.ggml.eos_token_id");
  file.add("tokenizer.ggml.eos_token_id", static_cast<std::uint32_t>(*word));
  const Generation ended = result(file.build(), false);
  EXPECT_EQ(ended.finish, Finish::kEos);
  EXPECT_EQ(ended.ids,
            std::vector<TokenId>(ids.begin(), std::find(ids.begin(), ids.end(), *word) + 1));
  const Generation ignored = result(file.build(), true);
  EXPECT_EQ(ignored.ids, ids);
  EXPECT_EQ(ignored.finish, Finish::kLength);
}

TEST_F(Generate, TheContextsEndEndsIt) {
  const std::size_t n = prompt().size();
  const auto result = made({.max_tokens = 100, .ignore_eos = true}, n + 5);
  EXPECT_EQ(result.ids.size(), 6u) << "five more fit, and the sixth need not be run";
  EXPECT_EQ(result.finish, Finish::kLength);
}

TEST_F(Generate, NoneAskedForIsNoneMade) {
  const auto result = made({.max_tokens = 0});
  EXPECT_TRUE(result.ids.empty());
  EXPECT_EQ(result.finish, Finish::kLength);
}

TEST_F(Generate, CancellingEndsItBetweenTokens) {
  std::atomic<bool> cancel{false};
  int seen = 0;
  const auto result =
      made({.max_tokens = 50, .cancel = &cancel, .on_logits = [&](std::span<const float>) {
              if (++seen == 5) cancel = true;
            }});
  EXPECT_EQ(result.finish, Finish::kCancelled);
  EXPECT_EQ(result.ids.size(), 5u);
  const auto before = made({.max_tokens = 50, .cancel = &cancel});
  EXPECT_EQ(before.finish, Finish::kCancelled);
  EXPECT_TRUE(before.ids.empty());
}

TEST_F(Generate, AnotherThreadMayCancelIt) {
  Session s = *Session::create(model(), {.context = 256, .threads = 3});
  std::atomic<bool> cancel{false};
  std::atomic<int> seen{0};
  std::thread other([&] {
    while (seen < 3) std::this_thread::yield();
    cancel = true;
  });
  const auto result = generate(s, prompt(),
                               {.max_tokens = 50,
                                .ignore_eos = true,
                                .cancel = &cancel,
                                .on_logits = [&](std::span<const float>) {
                                  if (++seen == 3) {
                                    while (!cancel) std::this_thread::yield();
                                  }
                                }});
  seen = 3;  // whatever happened, the other thread ends
  other.join();
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->finish, Finish::kCancelled);
  EXPECT_EQ(result->ids.size(), 3u);
}

TEST_F(Generate, GoesOnFromWhereTheSessionIs) {
  const auto whole = made({.max_tokens = 20, .ignore_eos = true});
  Session s = session();
  const auto first = generate(s, prompt(), {.max_tokens = 8, .ignore_eos = true});
  const auto rest =
      generate(s, std::span(&first->ids.back(), 1), {.max_tokens = 12, .ignore_eos = true});
  auto joined = first->ids;
  joined.insert(joined.end(), rest->ids.begin(), rest->ids.end());
  EXPECT_EQ(joined, whole.ids);
}

TEST_F(Generate, ADrawDependsOnItsPositionNotOnWhatWasMadeBefore) {
  const GenerateOptions options = {
      .max_tokens = 20, .sampler = {.temperature = 1, .seed = 3}, .ignore_eos = true};
  const auto whole = made(options);
  for (const std::size_t first : {1u, 7u, 19u}) {
    Session s = session();
    auto ids = prompt();
    ids.insert(ids.end(), whole.ids.begin(),
               whole.ids.begin() + static_cast<std::ptrdiff_t>(first));
    GenerateOptions rest = options;
    rest.max_tokens -= first;
    const auto result = generate(s, ids, rest);
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(result->ids,
              std::vector<TokenId>(whole.ids.begin() + static_cast<std::ptrdiff_t>(first),
                                   whole.ids.end()));
  }
}

TEST_F(Generate, WhatWasHeldBackForAStopTextIsShownAtTheEnd) {
  const std::string whole = made({.max_tokens = 20}).text;
  ASSERT_FALSE(whole.empty());
  for (std::size_t n = 1; n <= whole.size(); ++n) {
    const std::string stop = whole.substr(whole.size() - n) + "\x01";  // begins, and never ends
    std::string shown;
    const auto result =
        made({.max_tokens = 20, .stop = {stop}, .on_text = [&](std::string_view piece) {
                shown += piece;
              }});
    ASSERT_EQ(result.finish, Finish::kLength);
    ASSERT_EQ(result.text, whole);
    ASSERT_EQ(shown, whole) << n;
    if (n == 8) break;
  }
}

TEST_F(Generate, BadArgumentsAreErrors) {
  Session s = session();
  EXPECT_EQ(generate(s, {}, {}).error().code, ErrorCode::kBadArgument);
  EXPECT_EQ(generate(s, prompt(), {.stop = {""}}).error().code, ErrorCode::kBadArgument);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const SamplerOptions& bad :
       {SamplerOptions{.temperature = -1}, SamplerOptions{.temperature = nan},
        SamplerOptions{.temperature = 1, .top_p = 0},
        SamplerOptions{.temperature = 1, .top_p = 1.5f},
        SamplerOptions{.temperature = 1, .min_p = 1}}) {
    EXPECT_EQ(generate(s, prompt(), {.sampler = bad}).error().code, ErrorCode::kBadArgument);
  }
  EXPECT_EQ(s.position(), 0u);
  const std::vector<TokenId> long_prompt(300, 5);
  EXPECT_EQ(generate(s, long_prompt, {}).error().code, ErrorCode::kContextFull);
}

TEST(GenerateErrors, ANaNInTheLogitsIsAnErrorNeverAToken) {
  GgufBuilder file = tiny_llama({});
  GgufTensor& norm = tensor_of(file, "output_norm.weight");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(norm.data.data(), &nan, sizeof nan);
  const Bytes bytes = file.build();
  for (const Kernels* table : supported_kernels()) {
    const ForcedIsa isa(table->name);
    const Model model = *Model::load(bytes, 1);
    for (const float temperature : {0.0f, 1.0f}) {
      auto s = Session::create(model, {.threads = 1});
      const auto result =
          generate(*s, std::vector<TokenId>{1}, {.sampler = {.temperature = temperature}});
      ASSERT_FALSE(result.ok());
      EXPECT_EQ(result.error().code, ErrorCode::kNonFiniteLogits);
    }
  }
}

}  // namespace
}  // namespace prumo::testing
