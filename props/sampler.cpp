// Laws of the sampler for all logits and options: the sorting reference's token, and what follows
// from the definition whoever computes it.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "support/gen.h"
#include "support/sampler_law.h"

namespace prumo::testing {
namespace {

rc::Gen<SamplerOptions> options() {
  const auto temperature = rc::gen::weightedOneOf<float>(
      {{6,
        rc::gen::map(rc::gen::inRange(1, 400), [](int i) { return static_cast<float>(i) / 100; })},
       {1, rc::gen::elementOf(std::vector<float>{0, 1, 1e-45f, 1e-30f, 1e-3f, 1e10f, 3e38f})}});
  const auto top_k =
      rc::gen::oneOf(rc::gen::just<std::size_t>(0), rc::gen::inRange<std::size_t>(1, 8),
                     rc::gen::inRange<std::size_t>(1, 700));
  const auto top_p = rc::gen::oneOf(
      rc::gen::just(1.0f),
      rc::gen::map(rc::gen::inRange(1, 1001), [](int i) { return static_cast<float>(i) / 1000; }),
      rc::gen::elementOf(std::vector<float>{1e-45f, 1e-12f, 0.5f, 0.99999994f}));
  const auto min_p = rc::gen::oneOf(
      rc::gen::just(0.0f),
      rc::gen::map(rc::gen::inRange(0, 1000), [](int i) { return static_cast<float>(i) / 1000; }),
      rc::gen::elementOf(std::vector<float>{1e-45f, 1e-9f, 0.99999994f}));
  return rc::gen::map(
      rc::gen::tuple(temperature, top_k, top_p, min_p, rc::gen::arbitrary<std::uint64_t>()),
      [](const auto& t) {
        return SamplerOptions{std::get<0>(t), std::get<1>(t), std::get<2>(t), std::get<3>(t),
                              std::get<4>(t)};
      });
}

/// Logits of one of the shapes, or of single floats that shrink.
rc::Gen<std::vector<float>> logits(std::size_t most) {
  const auto shaped = rc::gen::map(
      rc::gen::tuple(rc::gen::elementOf(std::vector<Shape>(kAllShapes.begin(), kAllShapes.end())),
                     rc::gen::inRange<std::size_t>(1, most), rc::gen::arbitrary<std::uint64_t>()),
      [](const auto& t) {
        Bits bits(std::get<2>(t));
        return make_logits(std::get<0>(t), std::get<1>(t), bits);
      });
  const auto free = rc::gen::mapcat(rc::gen::inRange<std::size_t>(1, 150), [](std::size_t n) {
    return vector_of(n, rc::gen::weightedOneOf<float>({{20, finite_float()}, {1, any_float()}}));
  });
  return rc::gen::oneOf(shaped, free);
}

RC_GTEST_PROP(SamplerLaw, EveryTableGivesTheReferencesToken, ()) {
  const std::vector<float> x = *logits(1500);
  const SamplerOptions o = *options();
  RC_ASSERT(check(o).ok());
  obeys(sampler_law(x, o, *rc::gen::arbitrary<std::uint32_t>(), 2));
}

RC_GTEST_PROP(SamplerLaw, AFilterNeverLetsInWhatItDropped, ()) {
  const std::vector<float> x = *logits(600);
  SamplerOptions o = *options();
  RC_PRE(o.temperature > 0);
  float max = x[0];
  for (float v : x) {
    RC_PRE(v == v);
    max = std::max(max, v);
  }
  RC_PRE(std::isfinite(max));
  Sampler sampler(*tables().back(), x.size(), o);
  for (std::uint64_t position = 0; position < 10; ++position) {
    const auto token = static_cast<std::size_t>(*sampler.sample(x.data(), position));
    std::size_t before = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      before += x[i] > x[token] || (x[i] == x[token] && i < token) ? 1u : 0u;
    }
    if (o.top_k != 0) RC_ASSERT(before < o.top_k);
    const auto weight = static_cast<double>(reference_weight(x[token], max, 1));
    RC_ASSERT(weight >= static_cast<double>(o.min_p) * 0x1p32);
  }
}

RC_GTEST_PROP(SamplerLaw, WhatIsBelowTheLastCandidateDoesNotMatter, ()) {
  const std::vector<float> x = *vector_of(*rc::gen::inRange<std::size_t>(2, 300), finite_float());
  SamplerOptions o = {.temperature = 0.7f, .top_k = 5, .top_p = 0.8f, .seed = 3};
  std::vector<std::size_t> order(x.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return x[a] > x[b]; });
  std::vector<float> changed = x;
  for (std::size_t i = 5; i < order.size(); ++i) {
    changed[order[i]] = -std::numeric_limits<float>::infinity();
  }
  for (const Kernels* table : tables()) {
    Sampler sampler(*table, x.size(), o);
    for (std::uint64_t position = 0; position < 5; ++position) {
      RC_ASSERT(*sampler.sample(x.data(), position) == *sampler.sample(changed.data(), position));
    }
  }
}

}  // namespace
}  // namespace prumo::testing
