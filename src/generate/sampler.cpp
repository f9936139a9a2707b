// The sampler: every stage leaves a shorter list of candidates, in the order of their ids, and the
// draw walks it.
#include "generate/sampler.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include "base/float_guard.h"
#include "base/random.h"

namespace prumo {
namespace {

// Below max - kDepth a weight at scale 1 is 0: exp(-23) * 2^32 is 0.44.
constexpr float kDepth = 23.0f;
// top-p over many candidates looks at this many of them first.
constexpr std::size_t kSample = 1024;
// Fixed point: a weight is y * kOne, cut to an integer.
constexpr float kOne = 0x1p32f;

constexpr auto kEveryTile = [](std::size_t) { return true; };

// By way of a signed integer, which is one instruction.
std::uint64_t weight(float y) {
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(y * kOne));
}

// The same order as the float's, -0 as +0. There is no NaN.
std::uint32_t key_of(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x + 0.0f);
  return bits ^ (bits >> 31 != 0 ? 0xFFFFFFFFu : 0x80000000u);
}

float float_of(std::uint32_t key) {
  return std::bit_cast<float>(key ^ (key >> 31 != 0 ? 0x80000000u : 0xFFFFFFFFu));
}

// The least integer that is at least p * total; 0 < p < 1, 0 < total <= 2^56. A float is an integer
// below 2^24 over a power of two, so the product is exact in 80 bits.
std::uint64_t share(float p, std::uint64_t total) {
  __extension__ using Integer = unsigned __int128;
  int exponent = 0;
  const auto mantissa = static_cast<std::uint64_t>(std::frexp(p, &exponent) * 0x1p24f);
  const int shift = 24 - exponent;
  if (shift > 80) return 1;
  const Integer product = static_cast<Integer>(mantissa) * total;
  const Integer unit = static_cast<Integer>(1) << shift;
  return static_cast<std::uint64_t>((product + unit - 1) / unit);
}

Error non_finite(const char* what, std::uint64_t position) {
  return {
      ErrorCode::kNonFiniteLogits, "position " + std::to_string(position),
      std::string("The logits hold ") + what +
          ", so there is no token to choose; the model file is damaged or was converted wrongly."};
}

Error out_of_range(const char* option, const char* range) {
  return {ErrorCode::kBadArgument, option, std::string("This must be ") + range + "."};
}

}  // namespace

Status check(const SamplerOptions& options) {
  if (!(options.temperature >= 0) || !std::isfinite(options.temperature)) {
    return out_of_range("--temp", "a number from 0, which is greedy, upwards");
  }
  if (!(options.top_p > 0 && options.top_p <= 1)) {
    return out_of_range("--top-p", "above 0 and at most 1, which is off");
  }
  if (!(options.min_p >= 0 && options.min_p < 1)) {
    return out_of_range("--min-p", "at least 0, which is off, and below 1");
  }
  return success();
}

Sampler::Sampler(const Kernels& kernels, std::size_t vocab, const SamplerOptions& options)
    : kernels_(&kernels), vocab_(vocab), options_(options) {
  assert(vocab >= 1 && vocab <= std::size_t{1} << 24);
  assert(check(options).ok());
  if (options.temperature == 0) return;
  const FloatGuard guard;
  scale_ = std::min(1.0f / options.temperature, std::numeric_limits<float>::max());
  const std::size_t tiles = round_up(vocab, kTile) / kTile;
  tile_weight_.resize(tiles);
  y_.resize(kTile + 1);
  const bool top_k = options.top_k != 0 && options.top_k < vocab;
  if (!top_k && options.top_p == 1 && options.min_p == 0) return;
  y_.resize(std::max(vocab, kTile + 1));
  list_.resize(vocab);
  ids_.resize(vocab);
  keyed_.resize(vocab);
  tile_max_.resize(tiles);
  group_max_.resize(tiles);
}

Result<std::int32_t> Sampler::sample(const float* logits, std::uint64_t position) {
  return sample(logits, kernels_->argmax(logits, vocab_), position);
}

Result<std::int32_t> Sampler::sample(const float* logits, const ArgmaxResult& top,
                                     std::uint64_t position) {
  const FloatGuard guard;
  if (top.has_nan || top.index == npos) return non_finite("a NaN", position);
  if (options_.temperature == 0) return static_cast<std::int32_t>(top.index);
  max_ = logits[top.index] + 0.0f;
  if (!std::isfinite(max_)) return non_finite("no finite maximum", position);

  x_ = logits;
  n_ = vocab_;
  if (options_.top_k != 0 && options_.top_k < vocab_) keep_top_k(logits);
  if (options_.top_p < 1) keep_top_p(logits);
  if (options_.min_p > 0) keep_min_p(logits);
  return draw(position);
}

void Sampler::keep_top_k(const float* logits) {
  const std::size_t k = options_.top_k;
  kernels_->tile_max(logits, vocab_, tile_max_.data());
  float bound = 0;
  if (k < tile_max_.size()) {
    bound = kth_bound(k);
    gather(logits, bound, [&](std::size_t tile) { return tile_max_[tile] >= bound; });
  } else {  // no bound is known; most logits are a guess above this
    bound = 2 * *std::min_element(tile_max_.begin(), tile_max_.end()) - max_;
  }
  std::fill_n(y_.begin(), n_, 1 / kOne);  // each weighs 1
  keep(logits, cut_at(x_, n_, bound, k));
}

// A number that at least k logits reach, and not many more: k tiles whose maxima reach it have k
// logits that do. Where there are many tiles for each of the k, their maxima are first folded into
// 4 k groups: the bound drops a little, and the selection costs a fraction.
float Sampler::kth_bound(std::size_t k) {
  const std::size_t tiles = tile_max_.size();
  const std::size_t groups = std::min(tiles, 4 * k);
  std::copy_n(tile_max_.begin(), groups, group_max_.begin());
  for (std::size_t begin = groups; begin < tiles; begin += groups) {
    const std::size_t n = std::min(groups, tiles - begin);
    for (std::size_t i = 0; i < n; ++i) {
      group_max_[i] = std::max(group_max_[i], tile_max_[begin + i]);
    }
  }
  const auto kth = group_max_.begin() + static_cast<std::ptrdiff_t>(k - 1);
  const auto end = group_max_.begin() + static_cast<std::ptrdiff_t>(groups);
  std::nth_element(group_max_.begin(), kth, end, std::greater<>());
  return *kth;
}

void Sampler::keep_top_p(const float* logits) {
  const std::uint64_t total = weigh(1.0f);
  const std::uint64_t need = share(options_.top_p, total);
  float bound = max_ - kDepth;
  if (x_ == logits && n_ > 4 * kSample) {
    bound = narrow(logits, total, need);
  } else {
    kernels_->softmax(x_, n_, 1.0f, y_.data());
  }
  keep(logits, cut_at(x_, n_, bound, need));
}

void Sampler::keep_min_p(const float* logits) {
  // A bound by the library's logarithm, with room for its error and ours; the weights decide.
  if (x_ == logits) {
    gather(logits, max_ + std::max(std::log(options_.min_p) - 0.0625f, -kDepth), kEveryTile);
  }
  kernels_->softmax(x_, n_, 1.0f, y_.data());
  const double least = static_cast<double>(options_.min_p) * static_cast<double>(kOne);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < n_; ++i) {
    list_[kept] = list_[i];
    ids_[kept] = ids_[i];
    kept += static_cast<double>(weight(y_[i])) >= least ? 1u : 0u;
  }
  n_ = kept;
}

std::int32_t Sampler::draw(std::uint64_t position) {
  const std::uint64_t total = weigh(scale_);
  std::uint64_t rest = multiply(random_bits(options_.seed, position), total).high;
  std::size_t tile = 0;
  while (rest >= tile_weight_[tile]) rest -= tile_weight_[tile++];

  // The tile's weights one by one; the maximum beside them, so that softmax sees it.
  const std::size_t first = tile * kTile;
  const std::size_t n = std::min(kTile, n_ - first);
  std::array<float, kTile + 1> x{};
  std::copy_n(x_ + first, n, x.begin());
  x[n] = max_;
  kernels_->softmax(x.data(), n + 1, scale_, y_.data());
  std::size_t i = 0;
  while (rest >= weight(y_[i])) rest -= weight(y_[i++]);
  assert(i < n);
  return static_cast<std::int32_t>(x_ == list_.data() ? ids_[first + i] : first + i);
}

// The sum of the candidates' weights, and in tile_weight_ that of every 64.
std::uint64_t Sampler::weigh(float scale) {
  kernels_->tile_weight(x_, n_, max_, scale, tile_weight_.data());
  std::uint64_t total = 0;
  for (std::size_t i = 0; i * kTile < n_; ++i) total += tile_weight_[i];
  return total;
}

// Drops most of what top-p will drop, before any closer look, and leaves the candidates' weights in
// y_ and a bound that all of them reach. Where it may cut is read off a sample: the weight of the
// tail is spread over many logits, so a sample knows it well, and how much of it may go is known
// exactly. A bound that proves too high is followed by a lower one; the last leaves out only what
// weighs nothing.
float Sampler::narrow(const float* logits, std::uint64_t total, std::uint64_t need) {
  const double slack = static_cast<double>(total - need);
  for (const double part : {0.75, 0.25, 0.0}) {
    const float least = max_ - kDepth;
    const float bound = part == 0 ? least : std::max(sampled_bound(logits, part * slack), least);
    // A tile with a logit at the bound weighs as much as that: nearly, for exp is not exact.
    const auto floor = static_cast<std::uint64_t>(std::exp(bound - max_) * (0.99f * kOne));
    gather(logits, bound, [&](std::size_t tile) { return tile_weight_[tile] >= floor; });
    kernels_->softmax(x_, n_, 1.0f, y_.data());
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < n_; ++i) sum += weight(y_[i]);
    if (sum >= need) return bound;
  }
  return max_ - kDepth;  // not reached
}

// About the logit below which lies this much weight, by a sample of logits.
float Sampler::sampled_bound(const float* logits, double tail) {
  const std::size_t step = vocab_ / kSample;
  for (std::size_t i = 0; i < kSample; ++i) list_[i] = logits[i * step];
  list_[kSample] = max_;  // so that softmax sees it
  kernels_->softmax(list_.data(), kSample + 1, 1.0f, y_.data());
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < kSample; ++i) total += weight(y_[i]);
  if (total == 0) return -std::numeric_limits<float>::infinity();
  const double share = tail / static_cast<double>(step);
  const double need = static_cast<double>(total) - share;
  return cut_at(list_.data(), kSample, max_ - kDepth,
                need > 1 ? static_cast<std::uint64_t>(need) : 1)
      .least;
}

// Where the weights of x[0, n), heaviest first, have added up to `need`; weights are those in y_;
// 1 <= need <= their sum. The first sums are those of equal steps from the largest down to about
// `bound`, which is only a guide; the step in question is then refined by the logits' bits.
Sampler::Cut Sampler::cut_at(const float* x, std::size_t n, float bound, std::uint64_t need) {
  std::array<std::uint64_t, 256> sums{};
  constexpr auto kSteps = static_cast<float>(sums.size());
  const float steps = std::min(kSteps / (max_ - bound), std::numeric_limits<float>::max());
  const auto step_of = [steps, max = max_](float logit) {
    const float t = (max - logit) * steps;  // a NaN, from infinity times 0, is far down too
    return static_cast<std::size_t>(static_cast<std::int32_t>(t < kSteps - 1 ? t : kSteps - 1));
  };
  for (std::size_t i = 0; i < n; ++i) sums[step_of(x[i])] += weight(y_[i]);
  std::size_t step = 0;
  while (sums[step] < need) need -= sums[step++];

  std::size_t kept = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (step_of(x[i]) == step) keyed_[kept++] = {key_of(x[i]), y_[i]};
  }
  return refine(kept, need);
}

// The same over keyed_[0, n): sums by the upper 8 bits in which the keys differ, then those of one
// bucket by the bits below, until a bucket is one logit: five rounds at most.
Sampler::Cut Sampler::refine(std::size_t n, std::uint64_t need) {
  for (;;) {
    std::uint32_t low = keyed_[0].key;
    std::uint32_t high = low;
    for (std::size_t i = 1; i < n; ++i) {
      low = std::min(low, keyed_[i].key);
      high = std::max(high, keyed_[i].key);
    }
    if (low == high) break;
    const int shift = std::max(0, static_cast<int>(std::bit_width(high - low)) - 8);
    const auto bucket_of = [=](std::uint32_t key) { return (key - low) >> shift; };
    std::array<std::uint64_t, 256> sums{};
    for (std::size_t i = 0; i < n; ++i) sums[bucket_of(keyed_[i].key)] += weight(keyed_[i].y);
    std::uint32_t bucket = bucket_of(high);
    while (sums[bucket] < need) need -= sums[bucket--];

    std::size_t kept = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const Keyed item = keyed_[i];
      keyed_[kept] = item;
      kept += bucket_of(item.key) == bucket ? 1u : 0u;
    }
    n = kept;
  }
  const std::uint64_t each = weight(keyed_[0].y);  // equal logits weigh the same
  const auto ties = static_cast<std::size_t>((need + each - 1) / each);
  return {float_of(keyed_[0].key), ties, n - ties};
}

// The candidates become the logits of the passing tiles that reach `least`.
template <class Pass>
void Sampler::gather(const float* logits, float least, Pass&& pass) {
  const std::size_t tiles = round_up(vocab_, kTile) / kTile;
  n_ = 0;
  for (std::size_t tile = 0; tile < tiles; ++tile) {
    if (!pass(tile)) continue;
    const std::size_t first = tile * kTile;
    while (tile + 1 < tiles && pass(tile + 1)) ++tile;
    const std::size_t end = std::min((tile + 1) * kTile, vocab_);
    n_ += kernels_->collect(logits + first, end - first, least, static_cast<std::uint32_t>(first),
                            ids_.data() + n_);
  }
  for (std::size_t i = 0; i < n_; ++i) list_[i] = logits[ids_[i]];
  x_ = list_.data();
}

void Sampler::keep(const float* logits, Cut cut) {
  if (x_ == logits) {
    gather(logits, cut.least, kEveryTile);
  } else {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < n_; ++i) {
      const float logit = list_[i];
      list_[kept] = logit;
      ids_[kept] = ids_[i];
      kept += logit >= cut.least ? 1u : 0u;
    }
    n_ = kept;
  }
  if (cut.spare == 0) return;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < n_; ++i) {
    const bool tie = list_[i] == cut.least;
    const bool stays = !tie || cut.ties != 0;
    cut.ties -= tie && stays ? 1u : 0u;
    list_[kept] = list_[i];
    ids_[kept] = ids_[i];
    kept += stays ? 1u : 0u;
  }
  n_ = kept;
}

}  // namespace prumo
