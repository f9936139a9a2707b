// After the prompt a token allocates nothing: not in the forward pass, not in the choice, not in
// the loop around them. The count is of the whole program, every thread's.
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "cli/builtin.h"
#include "prumo.h"
#include "support/counting_new.h"

namespace prumo::testing {
namespace {

const Model& model() {
  static const Model built_in = *Model::load(builtin_model());
  return built_in;
}

TEST(Allocations, AStepMakesNone) {
  auto session = Session::create(model(), {.context = 600, .threads = 2});
  ASSERT_TRUE(session->prefill(model().tokenize("In the beginning")).ok());
  const CountedAllocations counted;
  for (TokenId id = 300; id < 600; ++id) {  // past the end of a key range
    if (!session->step(id).ok()) break;
  }
  EXPECT_EQ(counted.count(), 0u);
}

TEST(Allocations, ABatchMakesNone) {
  auto session = Session::create(model(), {.context = 600, .threads = 2});
  const std::vector<TokenId> ids(500, 300);
  const CountedAllocations counted;
  ASSERT_TRUE(session->prefill(ids).ok());
  EXPECT_EQ(counted.count(), 0u);
}

// Allocations between the choice of the first token and that of the last.
std::size_t in_the_loop(const SamplerOptions& sampler, bool plant_one, std::size_t draft = 0) {
  auto session = Session::create(model(), {.context = 256, .threads = 2, .draft = draft});
  std::size_t first = 0;
  std::size_t last = 0;
  std::size_t seen = 0;
  std::unique_ptr<int> planted;
  const auto made = generate(*session, model().tokenize("In the beginning"),
                             {.max_tokens = 100,
                              .sampler = sampler,
                              .stop = {"no such text"},
                              .ignore_eos = true,
                              .on_text = [](std::string_view) {},
                              .on_logits =
                                  [&](std::span<const float>) {
                                    last = allocations.load();
                                    if (seen++ == 0) first = last;
                                    if (plant_one && seen == 50) planted = std::make_unique<int>(1);
                                  }});
  EXPECT_TRUE(made.ok());
  EXPECT_EQ(made->drafted > 0, draft > 0);
  EXPECT_EQ(seen, 100u);
  return last - first;
}

TEST(Allocations, TheLoopMakesNone) {
  EXPECT_EQ(in_the_loop({}, false), 0u);
  EXPECT_EQ(in_the_loop({.temperature = 0.8f, .top_k = 40, .top_p = 0.9f}, false), 0u);
  EXPECT_EQ(in_the_loop({.temperature = 1, .top_p = 0.9f, .min_p = 0.01f}, false), 0u);
}

TEST(Allocations, TheLoopMakesNoneWithDrafts) {
  EXPECT_EQ(in_the_loop({}, false, kUsualDraft), 0u);
  EXPECT_EQ(in_the_loop({.temperature = 0.5f}, false, kUsualDraft), 0u);
}

TEST(Allocations, OneThatIsPlantedIsCounted) {
  EXPECT_EQ(in_the_loop({}, true), 1u);
}

}  // namespace
}  // namespace prumo::testing
