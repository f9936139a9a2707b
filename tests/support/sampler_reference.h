// The sampler's definition (generate/sampler.h) as its words say it: everything sorted, every sum a
// plain loop. Slow on purpose; shares with the sampler only the scalar exp and the random bits.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "base/random.h"
#include "generate/sampler.h"
#include "kernels/kernels.h"

namespace prumo::testing {

__extension__ using Wide128 = unsigned __int128;

struct Candidate {
  float logit;
  std::int32_t id;
  std::uint64_t weight;
};

/// exp((x - max) * scale) * 2^32 as an integer, by the scalar softmax over the pair (x, max).
inline std::uint64_t reference_weight(float x, float max, float scale) {
  const float pair[2] = {x, max};
  float y[2];
  supported_kernels().front()->softmax(pair, 2, scale, y);
  return static_cast<std::uint64_t>(static_cast<double>(y[0]) * 4294967296.0);
}

/// Whether part >= p * whole, over the integers. part and whole are below 2^46, p in (0, 1).
inline bool reaches(std::uint64_t part, float p, std::uint64_t whole) {
  int halvings = 0;
  while (p != std::floor(p)) {
    p *= 2;
    ++halvings;
  }
  const auto wanted = static_cast<Wide128>(p) * whole;  // of part * 2^halvings, below 2^70
  if (halvings > 80) return part != 0;
  return (static_cast<Wide128>(part) << halvings) >= wanted;
}

/// Those of step 4 of the definition, in the candidates' order, their weights at scale 1.
inline std::vector<Candidate> reference_candidates(const float* logits, std::size_t vocab,
                                                   const SamplerOptions& options) {
  float max = -std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < vocab; ++i) max = std::max(max, logits[i]);
  std::vector<Candidate> all;
  for (std::size_t i = 0; i < vocab; ++i) {
    all.push_back({logits[i], static_cast<std::int32_t>(i), reference_weight(logits[i], max, 1)});
  }
  std::sort(all.begin(), all.end(), [](const Candidate& a, const Candidate& b) {
    return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
  });

  if (options.top_k != 0 && options.top_k < all.size()) all.resize(options.top_k);
  if (options.top_p < 1) {
    std::uint64_t whole = 0;
    for (const Candidate& c : all) whole += c.weight;
    std::uint64_t part = 0;
    std::size_t n = 0;
    while (!reaches(part, options.top_p, whole)) part += all[n++].weight;
    all.resize(n);
  }
  std::vector<Candidate> out;
  for (const Candidate& c : all) {
    if (static_cast<double>(c.weight) >= static_cast<double>(options.min_p) * 4294967296.0) {
      out.push_back(c);
    }
  }
  return out;
}

/// The token by definition; nothing where it is an error.
inline std::optional<std::int32_t> reference_sample(const float* logits, std::size_t vocab,
                                                    const SamplerOptions& options,
                                                    std::uint64_t position) {
  std::size_t best = vocab;
  for (std::size_t i = 0; i < vocab; ++i) {
    if (logits[i] != logits[i]) return std::nullopt;
    if (best == vocab || logits[i] > logits[best]) best = i;
  }
  if (options.temperature == 0) return static_cast<std::int32_t>(best);
  const float max = logits[best];
  if (std::isinf(max)) return std::nullopt;

  std::vector<Candidate> kept = reference_candidates(logits, vocab, options);
  std::sort(kept.begin(), kept.end(),
            [](const Candidate& a, const Candidate& b) { return a.id < b.id; });
  float scale = 1.0f / options.temperature;
  if (std::isinf(scale)) scale = std::numeric_limits<float>::max();
  std::uint64_t whole = 0;
  for (Candidate& c : kept) {
    c.weight = reference_weight(c.logit, max, scale);
    whole += c.weight;
  }
  const Wide128 product = static_cast<Wide128>(random_bits(options.seed, position)) * whole;
  const auto r = static_cast<std::uint64_t>(product >> 64);
  std::uint64_t sum = 0;
  for (const Candidate& c : kept) {
    sum += c.weight;
    if (sum > r) return c.id;
  }
  return std::nullopt;  // cannot be: r < whole
}

}  // namespace prumo::testing
