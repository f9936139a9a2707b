// The sampler on logits like a trained model's and on flat ones, at the vocabularies of real
// models; beside it one that turns every logit into a probability and sorts them all, as the
// audited engine's does.
#include "generate/sampler.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "support/gate.h"

namespace {

using prumo::Kernels;
using prumo::Sampler;
using prumo::SamplerOptions;

enum class Kind { kModel, kNormal, kFlat };
constexpr std::array<std::pair<const char*, Kind>, 3> kKinds = {
    {{"model", Kind::kModel}, {"normal", Kind::kNormal}, {"flat", Kind::kFlat}}};

// model: normal with a standard deviation of 3, and 20 tokens that the context makes likely.
std::vector<float> make_logits(Kind kind, std::size_t vocab) {
  std::mt19937 engine(1);
  std::normal_distribution<float> normal(0.0f, kind == Kind::kFlat ? 0.1f : 3.0f);
  std::vector<float> out(vocab);
  for (float& x : out) x = normal(engine);
  if (kind == Kind::kModel) {
    for (std::size_t i = 0; i < 20; ++i) {
      out[engine() % vocab] = 20.0f - 0.4f * static_cast<float>(i);
    }
  }
  return out;
}

// What full generation did before: probabilities of everything, in a new array, sorted, cut, drawn.
class SortingSampler {
 public:
  explicit SortingSampler(const SamplerOptions& options) : options_(options) {}

  std::int32_t sample(const float* logits, std::size_t vocab) {
    std::vector<std::pair<float, std::int32_t>> all(vocab);
    const float max = *std::max_element(logits, logits + vocab);
    for (std::size_t i = 0; i < vocab; ++i) {
      all[i] = {std::exp((logits[i] - max) / options_.temperature), static_cast<std::int32_t>(i)};
    }
    std::sort(all.begin(), all.end(), [](auto a, auto b) { return a.first > b.first; });
    if (options_.top_k != 0 && options_.top_k < all.size()) all.resize(options_.top_k);
    float total = 0;
    for (const auto& [p, id] : all) total += p;
    float sum = 0;
    std::size_t n = 0;
    while (n < all.size() && (n == 0 || sum < options_.top_p * total)) sum += all[n++].first;
    float r = std::uniform_real_distribution<float>(0.0f, sum)(engine_);
    std::size_t i = 0;
    while (i + 1 < n && r >= all[i].first) r -= all[i++].first;
    return all[i].second;
  }

 private:
  SamplerOptions options_;
  std::mt19937 engine_;
};

constexpr std::array<std::pair<const char*, SamplerOptions>, 7> kOptions = {{
    {"greedy", {}},
    {"k10", {.temperature = 1, .top_k = 10}},
    {"p0.9", {.temperature = 1, .top_p = 0.9f}},
    {"T0.8_k40_p0.9", {.temperature = 0.8f, .top_k = 40, .top_p = 0.9f}},
    {"minp0.05", {.temperature = 1, .min_p = 0.05f}},
    {"T1", {.temperature = 1}},
    {"k5000", {.temperature = 1, .top_k = 5000}},
}};

void run(benchmark::State& state, const Kernels* kernels, SamplerOptions options, Kind kind) {
  const auto vocab = static_cast<std::size_t>(state.range(0));
  const std::vector<float> logits = make_logits(kind, vocab);
  Sampler sampler(*kernels, vocab, options);
  std::uint64_t position = 0;
  for (auto step : state) {
    const auto token = sampler.sample(logits.data(), position++);
    if (!token.ok()) state.SkipWithError("the sampler refused the logits");
    benchmark::DoNotOptimize(token);
  }
}

void run_sorting(benchmark::State& state, SamplerOptions options, Kind kind) {
  const auto vocab = static_cast<std::size_t>(state.range(0));
  const std::vector<float> logits = make_logits(kind, vocab);
  SortingSampler sampler(options);
  for (auto step : state) benchmark::DoNotOptimize(sampler.sample(logits.data(), vocab));
}

void at_vocabularies(benchmark::internal::Benchmark* bench) {
  for (const int vocab : {32000, 49152, 128256}) bench->Arg(vocab);
  bench->ArgName("V")->Unit(benchmark::kMicrosecond);
}

const bool registered = [] {
  for (const auto& [shape, kind] : kKinds) {
    for (const auto& [label, options] : kOptions) {
      const std::string name = std::string("sampler/") + label + "/" + shape + "/";
      for (const Kernels* kernels : prumo::supported_kernels()) {
        at_vocabularies(benchmark::RegisterBenchmark(
            (name + std::string(kernels->name)).c_str(),
            [kernels, o = options, k = kind](auto& state) { run(state, kernels, o, k); }));
      }
      if (options.temperature == 0 || options.min_p != 0) continue;
      at_vocabularies(benchmark::RegisterBenchmark(
          (name + "sorting").c_str(),
          [o = options, k = kind](auto& state) { run_sorting(state, o, k); }));
    }
  }
  return true;
}();

}  // namespace

PRUMO_BENCH_MAIN();
