// The sampler: its definition by examples worked out by hand, its errors, its edges, its
// frequencies, and the sorting reference over shapes, sizes and options. The last test counts
// allocations.
#include "generate/sampler.h"

#include <gtest/gtest.h>

#include "base/float_guard.h"
#include "support/counting_new.h"
#include "support/sampler_law.h"

namespace prumo::testing {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// The token of every table at one position; -1 for kNonFiniteLogits, -2 when tables differ.
std::int32_t sampled(const std::vector<float>& logits, const SamplerOptions& options,
                     std::uint64_t position = 0) {
  std::int32_t out = -3;
  for (const Kernels* table : tables()) {
    Sampler sampler(*table, logits.size(), options);
    const Result<std::int32_t> result = sampler.sample(logits.data(), position);
    const std::int32_t token = result.ok() ? *result : -1;
    EXPECT_TRUE(result.ok() || result.error().code == ErrorCode::kNonFiniteLogits);
    if (out != -3 && out != token) return -2;
    out = token;
  }
  return out;
}

// What r of n equally heavy tokens the draw falls on.
std::int32_t one_of(std::size_t n, std::uint64_t seed, std::uint64_t position) {
  return static_cast<std::int32_t>(multiply(random_bits(seed, position), n).high);
}

std::string place_of(const SamplerOptions& options) {
  const Status status = check(options);
  if (status.ok()) return "";
  EXPECT_EQ(status.error().code, ErrorCode::kBadArgument);
  EXPECT_FALSE(status.error().message.empty());
  return status.error().place;
}

TEST(Sampler, OptionsAreChecked) {
  EXPECT_EQ(place_of({}), "");
  EXPECT_EQ(place_of({.temperature = 1e-45f, .top_k = 1, .top_p = 1e-45f, .min_p = 0.99f}), "");
  EXPECT_EQ(place_of({.temperature = 3e38f, .top_k = npos}), "");
  for (float bad : {-1e-45f, -1.0f, kInfinity, -kInfinity, kNaN, -kNaN}) {
    EXPECT_EQ(place_of({.temperature = bad}), "--temp") << bad;
  }
  for (float bad : {0.0f, -0.0f, -0.5f, 1.0000001f, kInfinity, -kInfinity, kNaN}) {
    EXPECT_EQ(place_of({.temperature = 1, .top_p = bad}), "--top-p") << bad;
  }
  for (float bad : {-1e-45f, -0.5f, 1.0f, kInfinity, -kInfinity, kNaN}) {
    EXPECT_EQ(place_of({.temperature = 1, .min_p = bad}), "--min-p") << bad;
  }
}

TEST(Sampler, GreedyIsTheLeastIdAmongTheLargest) {
  EXPECT_EQ(sampled({1, 3, 2, 3}, {}), 1);
  EXPECT_EQ(sampled({-1, -0.0f, 0.0f}, {}), 1);
  EXPECT_EQ(sampled({5, kInfinity, -kInfinity, kInfinity}, {}), 1);
  EXPECT_EQ(sampled({-kInfinity, -kInfinity}, {}), 0);
  EXPECT_EQ(sampled({-7}, {}), 0);
  // The other options are without effect.
  EXPECT_EQ(sampled({1, 3, 2}, {.top_k = 2, .top_p = 0.1f, .min_p = 0.5f, .seed = 3}), 1);
}

TEST(Sampler, NotANumberIsAnErrorWhereverItIs) {
  const SamplerOptions kinds[] = {{},
                                  {.temperature = 1},
                                  {.temperature = 1, .top_k = 2},
                                  {.temperature = 1, .top_k = 190},
                                  {.temperature = 1, .top_p = 0.5f},
                                  {.temperature = 1, .min_p = 0.1f}};
  for (const SamplerOptions& options : kinds) {
    for (std::size_t i = 0; i < 200; ++i) {
      std::vector<float> logits(200, -1.0f);
      logits[(i + 77) % 200] = 9.0f;
      EXPECT_EQ(sampled(logits, options), static_cast<std::int32_t>((i + 77) % 200));
      logits[i] = i % 2 == 0 ? kNaN : -kNaN;
      EXPECT_EQ(sampled(logits, options), -1) << i;
    }
    EXPECT_EQ(sampled({kNaN}, options), -1);
    EXPECT_EQ(sampled({kNaN, kInfinity}, options), -1);
  }
}

TEST(Sampler, ADrawNeedsAFiniteMaximum) {
  for (std::size_t k : {0u, 1u, 2u}) {
    for (float p : {1.0f, 0.5f}) {
      for (float m : {0.0f, 0.5f}) {
        const SamplerOptions options = {.temperature = 1, .top_k = k, .top_p = p, .min_p = m};
        EXPECT_EQ(sampled({1, kInfinity, 2}, options), -1);
        EXPECT_EQ(sampled({-kInfinity, -kInfinity, -kInfinity}, options), -1);
        EXPECT_EQ(sampled({-kInfinity, -3e38f, -kInfinity}, options), 1);
      }
    }
  }
}

TEST(Sampler, AnErrorSaysWhereAndWhat) {
  const float logits[2] = {kNaN, 1};
  Sampler sampler(*tables().back(), 2, {});
  const auto result = sampler.sample(logits, 31);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().place, "position 31");
  EXPECT_NE(result.error().message.find("NaN"), std::string::npos);
}

TEST(Sampler, EqualLogitsAreEquallyLikely) {
  for (std::size_t n : {1u, 2u, 3u, 64u, 65u, 1000u}) {
    for (std::uint64_t position = 0; position < 20; ++position) {
      const SamplerOptions options = {.temperature = 0.7f, .seed = 5};
      EXPECT_EQ(sampled(std::vector<float>(n, 1.5f), options, position), one_of(n, 5, position));
    }
  }
}

// Ties go by id: what is kept of equal logits are the first ids.
TEST(Sampler, FiltersOnEqualLogits) {
  const std::vector<float> logits(1000, -4.0f);
  for (std::uint64_t position = 0; position < 20; ++position) {
    for (std::size_t k : {1u, 2u, 10u, 16u, 17u, 400u, 999u}) {
      EXPECT_EQ(sampled(logits, {.temperature = 1, .top_k = k}, position), one_of(k, 0, position));
    }
    // The shortest beginning of at least a quarter of 1000; just above a quarter is one more.
    EXPECT_EQ(sampled(logits, {.temperature = 1, .top_p = 0.25f}, position),
              one_of(250, 0, position));
    EXPECT_EQ(sampled(logits, {.temperature = 1, .top_p = std::nextafter(0.25f, 1.0f)}, position),
              one_of(251, 0, position));
    // Of what top-k left, not of everything.
    EXPECT_EQ(sampled(logits, {.temperature = 1, .top_k = 100, .top_p = 0.25f}, position),
              one_of(25, 0, position));
    // However small: one stays.
    EXPECT_EQ(sampled(logits, {.temperature = 1, .top_p = 1e-45f}, position), 0);
    EXPECT_EQ(sampled(logits, {.temperature = 1, .min_p = 0.999f}, position),
              one_of(1000, 0, position));
  }
}

// Two heavy logits of 5 among light ones: -0 and +0 tie, and the filters look at untempered
// weights.
TEST(Sampler, FiltersByHand) {
  std::vector<float> logits(300, -8.0f);  // each weighs e^-8 of the largest, all about 0.1
  logits[120] = -0.0f;
  logits[70] = 0.0f;
  for (std::uint64_t position = 0; position < 20; ++position) {
    const std::int32_t coin = one_of(2, 1, position) == 0 ? 70 : 120;
    const float hot = 1000;  // all that is kept is about equally likely
    EXPECT_EQ(sampled(logits, {.temperature = hot, .top_k = 2, .seed = 1}, position), coin);
    EXPECT_EQ(sampled(logits, {.temperature = hot, .top_p = 0.95f, .seed = 1}, position), coin);
    EXPECT_EQ(sampled(logits, {.temperature = hot, .min_p = 0.001f, .seed = 1}, position), coin);
    EXPECT_EQ(sampled(logits, {.temperature = hot, .top_k = 1, .seed = 1}, position), 70);
    EXPECT_EQ(sampled(logits, {.temperature = hot, .top_p = 0.4f, .seed = 1}, position), 70);
    EXPECT_EQ(sampled(logits, {.temperature = 1e-3f, .seed = 1}, position), coin);
  }
}

// A logit that weighs this much beside a largest of 0.
float logit_of(std::uint64_t weight) {
  float x = std::log(static_cast<float>(weight) * 0x1p-32f);
  while (reference_weight(x, 0, 1) < weight) x = std::nextafter(x, 1.0f);
  while (reference_weight(x, 0, 1) > weight) x = std::nextafter(x, -1000.0f);
  EXPECT_EQ(reference_weight(x, 0, 1), weight);
  return x;
}

// The comparisons are of real numbers. p = 1 - 2^-24 of 2^32 + 256 is a little less than 2^32, and
// of 2^32 + 257 a little less than 2^32 + 1.
TEST(Sampler, FiltersAreExactToTheUnit) {
  const float p = 1 - 0x1p-24f;
  const SamplerOptions top_p = {.temperature = 3e38f, .top_p = p};
  const SamplerOptions min_p = {.temperature = 3e38f, .min_p = 0x1p-24f};
  SamplerOptions above = min_p;
  above.min_p = std::nextafter(0x1p-24f, 1.0f);
  for (std::uint64_t position = 0; position < 20; ++position) {
    const std::int32_t coin = one_of(2, 0, position);
    EXPECT_EQ(sampled({logit_of(256), 0}, top_p, position), 1);
    EXPECT_EQ(sampled({logit_of(257), 0}, top_p, position), coin);
    EXPECT_EQ(sampled({logit_of(255), 0}, min_p, position), 1);
    EXPECT_EQ(sampled({logit_of(256), 0}, min_p, position), coin);
    EXPECT_EQ(sampled({logit_of(256), 0}, above, position), 1);
  }
}

// Many tokens of weight 1 before one of 2^32: where r is small it says which of them. Every tile of
// 64 begins with one that weighs nothing; the first two positions, searched for, give an r at which
// a tile begins.
TEST(Sampler, TheDrawIsExactToTheUnit) {
  constexpr std::size_t kTiles = 250;
  std::vector<float> logits(kTiles * 64 + 1, logit_of(1));
  for (std::size_t tile = 0; tile < kTiles; ++tile) logits[tile * 64] = -kInfinity;
  logits.back() = 0;
  const auto r_at = [](std::uint64_t position) {
    return multiply(random_bits(0, position), (1ull << 32) + kTiles * 63).high;
  };
  std::vector<std::uint64_t> positions = {7747992, 35685854};
  for (std::uint64_t position : positions) ASSERT_EQ(r_at(position) % 63, 0u);
  for (std::uint64_t position = 0; positions.size() < 8; ++position) {
    if (r_at(position) < kTiles * 63) positions.push_back(position);
  }
  for (std::uint64_t position : positions) {
    const std::uint64_t r = r_at(position);
    ASSERT_LT(r, kTiles * 63);
    const auto wanted = static_cast<std::int32_t>(r / 63 * 64 + 1 + r % 63);
    EXPECT_EQ(sampled(logits, {.temperature = 1}, position), wanted);
    EXPECT_EQ(sampled(logits, {.temperature = 1, .min_p = 1e-45f}, position), wanted);
  }
}

TEST(Sampler, FiltersThatAreOffAreNoFilters) {
  Bits bits(1);
  for (Shape shape : kAllShapes) {
    const std::vector<float> logits = make_logits(shape, 500, bits);
    for (std::uint64_t position = 0; position < 50; ++position) {
      const std::int32_t plain = sampled(logits, {.temperature = 2}, position);
      EXPECT_EQ(sampled(logits, {.temperature = 2, .top_k = 500}, position), plain);
      EXPECT_EQ(sampled(logits, {.temperature = 2, .top_k = 501}, position), plain);
      EXPECT_EQ(sampled(logits, {.temperature = 2, .top_k = npos}, position), plain);
      EXPECT_EQ(sampled(logits, {.temperature = 2, .top_p = 1, .min_p = 0}, position), plain);
    }
  }
}

TEST(Sampler, OneCandidateAndNoTemperatureAreGreedy) {
  Bits bits(2);
  for (Shape shape : kAllShapes) {
    for (std::size_t n : {1u, 5u, 64u, 300u, 5000u}) {
      const std::vector<float> logits = make_logits(shape, n, bits);
      const std::int32_t greedy = sampled(logits, {});
      EXPECT_EQ(sampled(logits, {.temperature = 3, .top_k = 1}), greedy);
      // The gaps of most shapes are far above 23 * T, so that nothing else weighs anything.
      std::vector<float> apart = logits;
      apart[static_cast<std::size_t>(greedy)] =
          std::nextafter(*std::max_element(apart.begin(), apart.end()), kInfinity);
      if (std::isinf(apart[static_cast<std::size_t>(greedy)])) continue;
      EXPECT_EQ(sampled(apart, {.temperature = 1e-40f}), greedy) << n;
    }
  }
}

TEST(Sampler, WhatWeighsNothingIsNeverDrawn) {
  std::vector<float> logits(4000, -kInfinity);
  logits[1234] = -50;
  logits[777] = -80;  // e^-30 of the largest is below 2^-32
  for (std::uint64_t position = 0; position < 100; ++position) {
    EXPECT_EQ(sampled(logits, {.temperature = 1}, position), 1234);
    EXPECT_EQ(sampled(logits, {.temperature = 1, .top_k = 3000}, position), 1234);
  }
}

TEST(Sampler, ADrawDoesNotDependOnOthers) {
  Bits bits(3);
  const std::vector<float> logits = make_logits(Shape::kModel, 3000, bits);
  const std::vector<float> others = make_logits(Shape::kFlat, 3000, bits);
  for (const Kernels* table : tables()) {
    for (const SamplerOptions& options :
         {SamplerOptions{.temperature = 1.5f, .seed = 9},
          SamplerOptions{.temperature = 1.5f, .top_k = 40, .top_p = 0.9f, .min_p = 0.01f}}) {
      Sampler used(*table, 3000, options);
      std::vector<std::int32_t> rising;
      for (std::uint64_t i = 0; i < 60; ++i) rising.push_back(*used.sample(logits.data(), i));
      for (std::uint64_t i = 60; i-- > 0;) {
        ASSERT_TRUE(used.sample(others.data(), bits.next()).ok());
        EXPECT_EQ(*used.sample(logits.data(), i), rising[i]);
        EXPECT_EQ(*Sampler(*table, 3000, options).sample(logits.data(), i), rising[i]);
      }
    }
  }
}

#if defined(__x86_64__)
TEST(Sampler, TheCallersFloatingPointModeDoesNotMatter) {
  const std::vector<float> far = {0, -3e38f, -1e38f};
  const std::vector<float> tiny = {0, 1e-45f, 3e-45f, -1e-45f};
  constexpr unsigned kOdd = 0x1F80 | 0x8040 | 0x6000;  // denormals are zero, rounding towards zero
  const unsigned before = _mm_getcsr();
  for (std::uint64_t position = 0; position < 40; ++position) {
    const SamplerOptions hot = {.temperature = 3e38f};
    const SamplerOptions one = {.temperature = 1, .top_k = 1};
    const std::int32_t wanted = sampled(far, hot, position);
    EXPECT_EQ(sampled(tiny, one, position), 2);
    _mm_setcsr(kOdd);
    const std::int32_t got = sampled(far, hot, position);
    const std::int32_t largest = sampled(tiny, one, position);
    const unsigned after = _mm_getcsr();
    _mm_setcsr(before);
    EXPECT_EQ(got, wanted);
    EXPECT_EQ(largest, 2);
    EXPECT_EQ(after & ~0x3Fu, kOdd);
  }
}
#endif

// The chi-square bound of tests/random.cpp (Laurent and Massart), t = 21: by chance once in 10^9.
TEST(Sampler, FrequenciesAreTheWeights) {
  Bits bits(4);
  std::vector<float> logits(300);
  for (std::size_t i = 0; i < 20; ++i) logits[i * 15] = 1.5f * bits.unit();
  for (float& x : logits) x = x == 0 ? -kInfinity : x;
  const SamplerOptions options = {.temperature = 0.8f, .top_k = 18, .min_p = 0.01f, .seed = 11};
  const auto kept = reference_candidates(logits.data(), logits.size(), options);
  ASSERT_GE(kept.size(), 12u);
  std::vector<double> weights;
  double total = 0;
  for (const Candidate& c : kept) {
    const float max = kept.front().logit;
    weights.push_back(static_cast<double>(reference_weight(c.logit, max, 1 / 0.8f)));
    total += weights.back();
  }
  constexpr std::uint64_t kDraws = 100000;
  std::vector<std::uint64_t> counts(logits.size());
  Sampler sampler(*tables().back(), logits.size(), options);
  for (std::uint64_t i = 0; i < kDraws; ++i) {
    ++counts[static_cast<std::size_t>(*sampler.sample(logits.data(), i))];
  }
  double chi2 = 0;
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const std::uint64_t count = counts[static_cast<std::size_t>(kept[i].id)];
    const double expected = kDraws * weights[i] / total;
    chi2 += (static_cast<double>(count) - expected) * (static_cast<double>(count) - expected) /
            expected;
    seen += count;
  }
  EXPECT_EQ(seen, kDraws);
  const double d = static_cast<double>(kept.size()) - 1;
  EXPECT_LE(chi2, d + 2 * std::sqrt(d * 21) + 42);
}

TEST(Sampler, IsTheReferenceForShapesSizesAndOptions) {
  const SamplerOptions kinds[] = {
      {.temperature = 1},
      {.temperature = 0.8f, .top_k = 40, .top_p = 0.9f},
      {.temperature = 1.3f, .top_k = 3},
      {.temperature = 100, .top_k = 200, .min_p = 0.05f},
      {.temperature = 1, .top_p = 0.9f},
      {.temperature = 5, .top_p = 0.999f},
      {.temperature = 0.5f, .top_p = 0.01f, .min_p = 0.3f},
      {.temperature = 1e-3f, .top_p = 0.5f},
      {.temperature = 1e9f, .min_p = 1e-9f},
      {.temperature = 2, .min_p = 0.1f},
  };
  Bits bits(5);
  for (std::size_t n : {1u, 2u, 3u, 15u, 16u, 17u, 63u, 64u, 65u, 127u, 129u, 640u, 2600u}) {
    for (Shape shape : kAllShapes) {
      const std::vector<float> logits = make_logits(shape, n, bits);
      for (SamplerOptions options : kinds) {
        options.seed = bits.next();
        ASSERT_EQ(sampler_law(logits, options, bits.next() >> 40, 2), "")
            << "shape " << static_cast<int>(shape);
      }
    }
  }
}

// Above 8192 logits top-p narrows by a sample first; the last case lies to it: only ids that a
// sample with a fixed step can meet weigh anything, or none of them does.
TEST(Sampler, IsTheReferenceWhereTopPTakesASample) {
  Bits bits(6);
  for (Shape shape : kAllShapes) {
    const std::vector<float> logits = make_logits(shape, 12300, bits);
    for (float p : {0.0001f, 0.5f, 0.9f, 0.99999f}) {
      ASSERT_EQ(sampler_law(logits, {.temperature = 1, .top_p = p, .seed = 7}, 0, 2), "")
          << "shape " << static_cast<int>(shape);
    }
  }
  for (std::size_t rest = 0; rest < 2; ++rest) {
    std::vector<float> logits(12300, -3.0f);
    for (std::size_t i = 0; i < logits.size(); ++i) {
      if (i % 6 == rest) logits[i] = 2 + bits.unit();
    }
    for (float p : {0.3f, 0.9f, 0.98f, 0.999f}) {
      ASSERT_EQ(sampler_law(logits, {.temperature = 1, .top_p = p}, 0, 4), "") << rest;
    }
  }
}

TEST(Sampler, SuccessAllocatesNothing) {
  Bits bits(8);
  const SamplerOptions kinds[] = {{},
                                  {.temperature = 1},
                                  {.temperature = 0.8f, .top_k = 40, .top_p = 0.9f, .min_p = 0.01f},
                                  {.temperature = 1, .top_k = 9000},
                                  {.temperature = 1, .top_p = 0.9f},
                                  {.temperature = 1, .min_p = 0.05f}};
  for (const Kernels* table : tables()) {
    for (Shape shape : kAllShapes) {
      const std::vector<float> logits = make_logits(shape, 10000, bits);
      for (const SamplerOptions& options : kinds) {
        const std::uint64_t before = allocations.load();
        Sampler sampler(*table, logits.size(), options);
        const std::uint64_t built = allocations.load();
        std::int64_t sum = 0;
        for (std::uint64_t i = 0; i < 3; ++i) sum += *sampler.sample(logits.data(), i);
        EXPECT_EQ(allocations.load(), built);
        EXPECT_EQ(built > before, options.temperature != 0) << "the count is blind";
        EXPECT_GE(sum, 0);
      }
    }
  }
}

}  // namespace
}  // namespace prumo::testing
