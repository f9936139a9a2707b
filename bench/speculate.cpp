// Prompt lookup: the index by itself, a token at a time, and the built-in model's generation with
// and without drafts, on a text that repeats itself and on one that does not.
#include "generate/speculate.h"

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "cli/builtin.h"
#include "prumo.h"
#include "support/gate.h"

namespace {

using prumo::Model;
using prumo::TokenId;

constexpr std::size_t kTokens = 4096;

// One append and one guess of 15; the tokens are of `few` kinds.
void index(benchmark::State& state) {
  const auto few = static_cast<TokenId>(state.range(0));
  std::vector<TokenId> ids(kTokens);
  std::uint32_t x = 1;
  for (TokenId& id : ids) {
    x = x * 1664525u + 1013904223u;
    id = static_cast<TokenId>(x >> 8) % few;
  }
  std::vector<TokenId> guess(prumo::kUsualDraft);
  for (auto step : state) {
    state.PauseTiming();
    prumo::PromptIndex made(kTokens);
    state.ResumeTiming();
    for (const TokenId id : ids) {
      made.append(id);
      benchmark::DoNotOptimize(made.guess(guess));
    }
  }
  state.counters["ns/token"] = benchmark::Counter(
      static_cast<double>(kTokens) * 1e-9,
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(index)->ArgName("vocabulary")->Arg(4)->Arg(300)->Arg(128256);

// Greedy, the built-in model repeats itself; hot, nothing that it writes has stood there before.
void generate(benchmark::State& state, std::size_t draft, float temperature) {
  static const Model model = *Model::load(prumo::builtin_model());
  constexpr std::size_t kMade = 200;
  const auto prompt = model.tokenize("In the beginning God created the heaven and the earth.");
  auto session = prumo::Session::create(
      model, {.context = prompt.size() + kMade, .threads = 1, .draft = draft});
  prumo::Generation made;
  double ns = 0;
  for (auto step : state) {
    session->rewind(0);
    made = *prumo::generate(*session, prompt,
                            {.max_tokens = kMade,
                             .sampler = {.temperature = temperature, .seed = 1},
                             .ignore_eos = true});
    ns += static_cast<double>(made.decode_ns);
  }
  const auto tokens =
      static_cast<double>(state.iterations()) * static_cast<double>(made.decode_steps);
  state.counters["tokens/s"] = tokens * 1e9 / ns;
  state.counters["drafted"] = static_cast<double>(made.drafted);
  state.counters["accepted"] = static_cast<double>(made.accepted);
}
BENCHMARK_CAPTURE(generate, plain_greedy, 0, 0.0f)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(generate, lookup_greedy, prumo::kUsualDraft, 0.0f)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(generate, plain_hot, 0, 1.0f)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(generate, lookup_hot, prumo::kUsualDraft, 1.0f)->Unit(benchmark::kMillisecond);

}  // namespace

PRUMO_BENCH_MAIN();
