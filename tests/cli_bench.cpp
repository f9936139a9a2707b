// What `prumo bench` really runs: the positions and the threads that its tests name, as the kernels
// see them.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "cli/bench_run.h"
#include "support/spied_kernels.h"
#include "support/tiny_llama.h"

namespace prumo::testing {
namespace {

constexpr std::size_t kContext = 200;  // less than a range of keys, so that they count from 0

const Model& model() {
  static const Bytes file = tiny_llama({.context = kContext}).build();
  static const Model model = *Model::load(file, 1);
  return model;
}

// How often each position was computed, by the layer that computes all of them: the last leaves out
// those whose logits nobody wants. A layer is known by where its keys lie.
std::vector<std::size_t> computed(const cli::BenchPlan& plan) {
  std::map<const std::byte*, std::vector<std::size_t>> times;
  SpiedKernels kernels(model());
  kernels.tell<&Kernels::attention_f16>([&](const AttentionArgs& args) {
    auto& of_layer = times.try_emplace(args.keys, kContext, 0).first->second;
    for (std::size_t t = 0; t < args.tokens; ++t) ++of_layer[args.n_keys - 1 + t];
  });
  EXPECT_TRUE(cli::run_bench(model(), plan).ok());
  std::vector<std::size_t> most(kContext, 0);
  for (const auto& [keys, of_layer] : times) {
    for (std::size_t p = 0; p < kContext; ++p) most[p] = std::max(most[p], of_layer[p]);
  }
  return most;
}

// Each test computes its own positions once to warm up and once a sample; those before the deepest
// are filled once.
TEST(BenchRun, ComputesThePositionsOfItsTests) {
  const cli::BenchPlan plans[] = {
      {{{.prompt = 8}}, 3},
      {{{.prompt = 8, .depth = 100}}, 2},
      {{{.generate = 5, .depth = 37}}, 2},
      {{{.generate = 4}, {.prompt = 16}, {.generate = 4, .depth = 150}, {.prompt = 9, .depth = 60}},
       1,
       5}};
  for (const cli::BenchPlan& plan : plans) {
    std::vector<std::size_t> expected(kContext, 0);
    std::size_t deepest = 0;
    for (const cli::BenchTest& test : plan.tests) deepest = std::max(deepest, test.depth);
    for (std::size_t p = 0; p < kContext; ++p) {
      expected[p] = p < deepest ? 1 : 0;
      for (const cli::BenchTest& test : plan.tests) {
        if (p < test.depth || p >= test.depth + test.tokens()) continue;
        expected[p] += plan.repetitions + 1;
      }
    }
    EXPECT_EQ(computed(plan), expected) << plan.tests.back().name();
  }
}

TEST(BenchRun, HasTheThreadsOfItsTests) {
  for (const std::size_t threads : {1u, 2u, 3u}) {
    for (const bool prompt : {false, true}) {
      std::mutex mutex;
      std::set<std::thread::id> seen;
      SpiedKernels kernels(model());
      kernels.tell<&Kernels::matmul_f32>([&](const MatmulArgs&) {
        const std::lock_guard lock(mutex);
        seen.insert(std::this_thread::get_id());
      });
      const cli::BenchTest test{
          .threads = threads, .prompt = prompt ? 8u : 0u, .generate = prompt ? 0u : 8u};
      ASSERT_TRUE(cli::run_bench(model(), {{test}, 1}).ok());
      EXPECT_EQ(seen.size(), threads) << test.name();
    }
  }
}

}  // namespace
}  // namespace prumo::testing
