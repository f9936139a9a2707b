// What the times that generate() gives are made of, by a clock that only work moves on.
#include "base/clock.h"

#include <gtest/gtest.h>

#include "support/spied_kernels.h"
#include "support/tiny_llama.h"

namespace prumo {
namespace {

std::uint64_t time_now = 0;

}  // namespace

std::uint64_t now_ns() {
  return time_now;
}

namespace testing {
namespace {

constexpr std::uint64_t kProduct = 1;                    // what a product of the forward pass takes
constexpr std::uint64_t kDraw = 1'000'000;               // and a draw
constexpr std::uint64_t kElsewhere = 1'000'000'000'000;  // and what is the caller's own

// The prompt's products, those of the tokens after it, and the draws: each is in its time, all of
// them are, and what the caller does in between is in none.
TEST(GenerateTimes, AreTheWorkOfTheirPart) {
  const Bytes file = tiny_llama({.vocab = 300}).build();
  for (const std::size_t draft : {0u, 15u}) {
    SCOPED_TRACE(draft);
    const Model model = *Model::load(file, 1);
    SpiedKernels kernels(model);
    std::uint64_t products = 0;
    std::uint64_t draws = 0;
    kernels.tell<&Kernels::matmul_f32>([&](const MatmulArgs&) {
      ++products;
      time_now += kProduct;
    });
    kernels.tell<&Kernels::tile_weight>(
        [&](const float*, std::size_t, float, float, std::uint64_t*) {
          ++draws;
          time_now += kDraw;
        });
    auto session = Session::create(model, {.threads = 1, .draft = draft});
    std::uint64_t of_prompt = 0;
    const auto made = generate(*session, model.tokenize("a b a b a b"),
                               {.max_tokens = 40,
                                .sampler = {.temperature = 0.01f},
                                .ignore_eos = true,
                                .on_text = [&](std::string_view) { time_now += kElsewhere; },
                                .on_logits =
                                    [&](std::span<const float>) {
                                      time_now += kElsewhere;
                                      if (of_prompt == 0) of_prompt = products;
                                    }});
    ASSERT_TRUE(made.ok());
    ASSERT_EQ(made->ids.size(), 40u);
    EXPECT_EQ(made->decode_steps, 39u);
    EXPECT_EQ(made->drafted > 0, draft > 0);
    EXPECT_EQ(draws, 40u);
    EXPECT_EQ(made->prefill_ns, of_prompt * kProduct);
    EXPECT_EQ(made->decode_ns, (products - of_prompt) * kProduct);
    EXPECT_EQ(made->sample_ns, draws * kDraw);
  }
}

}  // namespace
}  // namespace testing
}  // namespace prumo
