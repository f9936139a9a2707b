// The generation that the audit rejected, rendered on Prumo's own forward pass, so that a
// difference is the loop's alone: an arena reset and an allocation for every token, a scalar
// argmax, and a full generation that starts over with each call and samples by sorting the
// vocabulary.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "audit_measure.h"
#include "base/arena.h"
#include "prumo.h"

namespace prumo::bench {

/// The audited loop's argmax, as the audit quotes it.
[[gnu::noinline]] inline TokenId audited_argmax(const float* logits, std::size_t vocab) {
  TokenId token = 0;
  float max_logit = logits[0];
  for (std::size_t i = 1; i < vocab; i++) {
    if (logits[i] > max_logit) {
      max_logit = logits[i];
      token = static_cast<TokenId>(i);
    }
  }
  return token;
}

struct Candidate {
  float p;
  TokenId id;
};

/// A fair O(V log V) rendering of the audited sampler, whose own sort is quadratic: probabilities
/// of the whole vocabulary in memory of its own, all of them sorted, cut by top-k and top-p, one
/// drawn.
class SortingSampler {
 public:
  explicit SortingSampler(const SamplerOptions& options) : options_(options) {}

  static std::vector<Candidate> probabilities(std::span<const float> logits) {
    const float max = *std::max_element(logits.begin(), logits.end());
    std::vector<Candidate> all(logits.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i] = {std::exp(logits[i] - max), static_cast<TokenId>(i)};
    }
    return all;
  }

  /// What top-k and then top-p leave, the most likely first.
  [[nodiscard]] std::vector<Candidate> kept(std::span<const float> logits) const {
    std::vector<Candidate> all = probabilities(logits);
    std::sort(all.begin(), all.end(),
              [](Candidate a, Candidate b) { return a.p != b.p ? a.p > b.p : a.id < b.id; });
    if (options_.top_k != 0 && options_.top_k < all.size()) all.resize(options_.top_k);
    float total = 0;
    for (const Candidate& c : all) total += c.p;
    float sum = 0;
    std::size_t n = 0;
    while (n < all.size() && (n == 0 || sum < options_.top_p * total)) sum += all[n++].p;
    all.resize(n);
    return all;
  }

  TokenId sample(std::span<const float> logits) {
    std::vector<Candidate> all = kept(logits);
    float total = 0;
    for (Candidate& c : all) total += c.p = std::pow(c.p, 1.0f / options_.temperature);
    float r = std::uniform_real_distribution<float>(0.0f, total)(engine_);
    std::size_t i = 0;
    while (i + 1 < all.size() && r >= all[i].p) r -= all[i++].p;
    return all[i].id;
  }

 private:
  SamplerOptions options_;
  std::mt19937 engine_;
};

/// Sorts by exchanging neighbours, as the audited sampler did.
[[gnu::noinline]] inline void quadratic_sort(std::vector<Candidate>& all) {
  for (std::size_t end = all.size(); end > 1; --end) {
    for (std::size_t i = 0; i + 1 < end; ++i) {
      if (all[i].p < all[i + 1].p) std::swap(all[i], all[i + 1]);
    }
  }
}

/// The audited engine's context: an arena that is reset for every token, and logits taken from it.
class AuditedArena {
 public:
  explicit AuditedArena(std::size_t vocab)
      : bytes_(vocab * sizeof(float)),
        block_(Arena::cost(bytes_, 64)),
        arena_(Arena::over(std::as_writable_bytes(std::span(block_)))) {}

  void reset() { arena_.reset(); }
  /// As a debug build does, so that a stale pointer shows.
  void reset_and_poison() {
    std::memset(block_.data(), 0xDD, arena_.used());
    benchmark::ClobberMemory();
    arena_.reset();
  }
  float* allocate() { return static_cast<float*>(arena_.allocate(bytes_, 64)); }

 private:
  std::size_t bytes_;
  std::vector<unsigned char> block_;
  Arena arena_;
};

/// A whole generation, and how much of it was single forward passes.
struct Made {
  std::vector<TokenId> ids;
  double wall_ns = 0;
  double step_ns = 0;
};

/// One call of the audited engine's generate: everything from the beginning. `sampler` null is
/// greedy.
inline Made audited_generate(const Model& model, Session& session, AuditedArena& arena,
                             const std::string& prompt, std::size_t n, SortingSampler* sampler) {
  Made made;
  const double start = now_ns();
  session.rewind(0);
  const std::vector<TokenId> ids = model.tokenize(prompt);
  if (!session.prefill(ids)) return made;
  for (std::size_t i = 0; i < n; ++i) {
    const TokenId id = sampler != nullptr
                           ? sampler->sample(session.logits())
                           : audited_argmax(session.logits().data(), session.logits().size());
    made.ids.push_back(id);
    arena.reset();
    benchmark::DoNotOptimize(arena.allocate());
    const double before = now_ns();
    if (!session.step(id)) return made;
    made.step_ns += now_ns() - before;
  }
  made.wall_ns = now_ns() - start;
  return made;
}

}  // namespace prumo::bench
