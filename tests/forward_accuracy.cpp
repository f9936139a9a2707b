// The whole forward pass against one in double that shares no code with it. No tolerance: the
// oracle runs again with every result moved by as much as its kernel may be wrong, and what these
// runs do to the logits is what the engine may do.
#include <gtest/gtest.h>

#include <cstdio>

#include "cli/builtin.h"
#include "support/forward_oracle.h"
#include "support/tiny_llama.h"

namespace prumo::testing {
namespace {

constexpr std::size_t kRuns = 8;
// The engine is one more sample of the same kind as the runs: by chance its largest difference may
// be beyond the largest of eight, but not by much. What a broken kernel does is a thousand times
// that.
constexpr double kChance = 2;

struct Agreement {
  std::size_t steady =
      0;  // positions up to which no run rounded any number of the contract otherwise
  double steady_share = 0;  // the engine's largest error there, as a part of the runs' largest
  double shaken_share = 0;  // the same where a rounding stood on an edge
  double relative = 0;  // the runs' largest difference at steady positions, of the largest logit
  double shaken = 0;    // the same at the others
  double true_relative = 0;  // the engine's root mean square distance from no rounding at all
};

std::vector<std::vector<float>> engine_logits(const Model& model, CacheType cache,
                                              std::span<const TokenId> ids) {
  std::vector<std::vector<float>> out;
  auto session =
      Session::create(model, {.context = ids.size(), .batch = 7, .threads = 2, .cache = cache});
  EXPECT_TRUE(session
                  ->evaluate(ids,
                             [&](std::span<const float> logits) {
                               out.emplace_back(logits.begin(), logits.end());
                             })
                  .ok());
  return out;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = std::fabs(a[i] - b[i]);
    if (!(d <= largest)) largest = d;
  }
  return largest;
}

double root_mean_square(const std::vector<double>& a, const std::vector<double>& b) {
  double error = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    error += (a[i] - b[i]) * (a[i] - b[i]);
    size += b[i] * b[i];
  }
  return std::sqrt(error / size);
}

Agreement compare(std::span<const std::byte> bytes, CacheType cache, std::span<const TokenId> ids) {
  Agreement out;
  const auto file = gguf::File::parse(bytes);
  const auto model = Model::load(bytes, 2);
  EXPECT_TRUE(file.ok() && model.ok());
  if (!file || !model) return out;
  const auto engine = engine_logits(*model, cache, ids);
  ForwardOracle oracle(*file);
  const OracleRun exact = oracle.run(ids, {.cache = cache});
  const OracleRun free = oracle.run(ids, {.contract = false, .cache = cache});
  std::vector<OracleRun> runs;
  for (std::size_t i = 1; i <= kRuns; ++i) {
    runs.push_back(oracle.run(ids, {.cache = cache, .seed = i}));
  }
  bool steady = true;
  for (std::size_t t = 0; t < ids.size(); ++t) {
    double spread = 0;
    for (const OracleRun& run : runs) {
      steady = steady && run.rounded[t] == exact.rounded[t];
      spread = std::max(spread, largest_difference(run.logits[t], exact.logits[t]));
    }
    const std::vector<double> got(engine[t].begin(), engine[t].end());
    const double error = largest_difference(got, exact.logits[t]);
    const double share = error / spread;
    double& worst = steady ? out.steady_share : out.shaken_share;
    if (!(share <= worst)) worst = share;
    out.true_relative = std::max(out.true_relative, root_mean_square(got, free.logits[t]));
    const std::vector<double> zero(got.size());
    double& relative = steady ? out.relative : out.shaken;
    relative = std::max(relative, spread / largest_difference(exact.logits[t], zero));
    if (steady) ++out.steady;
  }
  std::printf(
      "%zu of %zu positions steady, error %.2f of a spread of %.1e; shaken, %.2f of %.1e; "
      "from no rounding at all %.1e\n",
      out.steady, ids.size(), out.steady_share, out.relative, out.shaken_share, out.shaken,
      out.true_relative);
  return out;
}

std::vector<TokenId> random_ids(std::size_t n, std::size_t vocab, std::uint64_t seed) {
  Bits bits(seed);
  std::vector<TokenId> out;
  while (out.size() < n) out.push_back(static_cast<TokenId>(bits.below(vocab)));
  return out;
}

void expect_agreement(const Agreement& a) {
  EXPECT_LE(a.steady_share, kChance);
  EXPECT_LE(a.shaken_share, kChance);
}

TinyShape shape_of(gguf::TensorType type) {
  TinyShape shape;
  shape.type = type;
  if (block_format(type).elements == 256) {
    shape.embedding = 256;
    shape.head_dim = 64;
    shape.ffn = 256;
  }
  return shape;
}

// With keys and values in F32 these types round nothing, so every position is steady.
TEST(ForwardAccuracy, FloatWeightsAreOnlyRoundingAway) {
  for (const gguf::TensorType type : {gguf::TensorType::kF32, gguf::TensorType::kF16}) {
    for (const std::uint64_t seed : {1u, 2u, 3u}) {
      SCOPED_TRACE(std::string(block_format(type).name) + ", seed " + std::to_string(seed));
      TinyShape shape = shape_of(type);
      shape.seed = seed;
      const Bytes file = tiny_llama(shape).build();
      const auto ids = random_ids(24, shape.vocab, seed);
      const Agreement a = compare(file, CacheType::kF32, ids);
      expect_agreement(a);
      EXPECT_EQ(a.steady, ids.size());
      EXPECT_LE(a.relative, 1e-3) << "the bound would see nothing";
    }
  }
}

// What the contract rounds may stand on an edge, where the next number is as right. Short prompts,
// many seeds: enough positions must be steady, and there only rounding is left.
TEST(ForwardAccuracy, EveryTypeIsWhatItsContractSays) {
  for (const gguf::TensorType type : kTensorTypes) {
    std::size_t steady = 0;
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
      SCOPED_TRACE(std::string(block_format(type).name) + ", seed " + std::to_string(seed));
      TinyShape shape = shape_of(type);
      shape.seed = seed;
      shape.layers = 1 + seed % 2;
      const CacheType cache = seed <= 4 ? CacheType::kF16 : CacheType::kF32;
      const Bytes file = tiny_llama(shape).build();
      const Agreement a = compare(file, cache, random_ids(6, shape.vocab, seed));
      expect_agreement(a);
      steady += a.steady;
    }
    // Where activations are integers, a number that is rounded alike is the same number: only the
    // last product's rounding is left in the logits. (Rows of whole blocks of 256 make a model with
    // so many numbers that one of them mostly stands on an edge.)
    if (is_quantized(type) && block_format(type).elements == kBlock) {
      EXPECT_GE(steady, 6u) << block_format(type).name;
    }
  }
}

// A cache of int8 blocks, queries rounded with it.
TEST(ForwardAccuracy, AQuantizedCacheIsWhatItsContractSays) {
  std::size_t steady = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    const TinyShape shape{.embedding = 32,
                          .layers = 1 + seed % 2,
                          .heads = 2,
                          .kv_heads = 1,
                          .head_dim = 32,
                          .ffn = 32,
                          .vocab = 259,
                          .seed = seed};
    const Agreement a =
        compare(tiny_llama(shape).build(), CacheType::kQ8_0, random_ids(8, shape.vocab, seed));
    expect_agreement(a);
    steady += a.steady;
  }
  EXPECT_GE(steady, 48u) << "of 96";
}

TEST(ForwardAccuracy, TheBuiltInModel) {
  auto model = Model::load(builtin_model(), 1);
  ASSERT_TRUE(model.ok());
  const auto ids = model->tokenize("In the beginning God created the heaven and the earth.");
  expect_agreement(compare(builtin_model(), CacheType::kF16, ids));
}

// Positions far along, where an angle in float would be wrong in its fourth digit: the scaling
// factor stretches 24 positions over 6144.
TEST(ForwardAccuracy, FarPositions) {
  TinyShape shape;
  GgufBuilder file = tiny_llama(shape);
  file.add("llama.rope.scaling.type", "linear").add("llama.rope.scaling.factor", 0x1p-8f);
  const Agreement a = compare(file.build(), CacheType::kF32, random_ids(24, shape.vocab, 5));
  expect_agreement(a);
}

// A file may give heads another size than its embedding asks for, many heads one key, angles
// another base, and each pair a divisor of its own.
TEST(ForwardAccuracy, OtherHeadsAndOtherAngles) {
  for (const TinyShape& shape :
       {TinyShape{.embedding = 48, .heads = 2, .kv_heads = 1, .head_dim = 20},
        TinyShape{.embedding = 32, .heads = 6, .kv_heads = 2, .head_dim = 16},
        TinyShape{.embedding = 24, .layers = 1, .heads = 40, .kv_heads = 1, .head_dim = 6}}) {
    SCOPED_TRACE(std::to_string(shape.heads) + " heads of " + std::to_string(shape.head_dim));
    GgufBuilder file = tiny_llama(shape);
    file.add("llama.rope.freq_base", 500000.0f);
    std::vector<float> divisors(shape.head_dim / 2);
    for (std::size_t i = 0; i < divisors.size(); ++i) {
      divisors[i] = 1 + static_cast<float>(i * i) / 8;
    }
    file.add_f32("rope_freqs.weight", {divisors.size()}, divisors);
    expect_agreement(compare(file.build(), CacheType::kF32, random_ids(40, shape.vocab, 8)));
  }
}

TEST(ForwardAccuracy, AcrossKeyRanges) {
  const TinyShape shape{.embedding = 32,
                        .layers = 1,
                        .heads = 2,
                        .kv_heads = 1,
                        .head_dim = 16,
                        .ffn = 32,
                        .vocab = 259,
                        .context = 600};
  const Agreement a =
      compare(tiny_llama(shape).build(), CacheType::kF32, random_ids(530, shape.vocab, 6));
  expect_agreement(a);
  EXPECT_EQ(a.steady, 530u);
}

}  // namespace
}  // namespace prumo::testing
