// From logits to a token: greedy, or one draw after top-k, top-p and min-p. Nothing here sorts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "kernels/kernels.h"
#include "prumo.h"

namespace prumo {

/// kBadArgument, with the option's name on the command line as its place, for the first option that
/// is out of its range.
Status check(const SamplerOptions& options);

/// Chooses tokens. What it chooses is defined by integers, and so does not depend on the order of
/// any addition, on the instruction set, or on how the answer is found:
///
/// 1. A NaN among the logits, or nothing but NaN, is the error kNonFiniteLogits.
/// 2. Greedy (temperature 0): the least id among the largest logits, infinities as good as any.
/// 3. Otherwise the largest logit must be finite; if not, kNonFiniteLogits. The candidates stand in
///    the order (logit descending, id ascending), -0 equal to +0. Of a logit x, with max the
///    largest,
///      weight(x, scale) = trunc(exp((x - max) * scale) * 2^32),
///    with the kernels' exp, whose difference and product are rounded to float. The largest weighs
///    2^32, and what lies more than some 22.2 / scale below it weighs nothing.
/// 4. top_k keeps the first k candidates; then
///    top_p keeps the shortest beginning of them whose weights at scale 1 add up to at least top_p
///    times the sum over all of them; then
///    min_p keeps those of weight at least min_p * 2^32, at scale 1.
///    Each compares real numbers: there is no rounding in it.
/// 5. The draw: with weights at scale 1 / temperature (rounded to float, no more than the largest
///    float), W their sum over those kept, and r the upper 64 bits of random_bits(seed, position) *
///    W, the token is the first, by rising id, up to which the weights add up to more than r.
///
/// So top_k 1 is greedy where the largest logit is finite, and a small temperature where every
/// other weight is 0.
class Sampler {
 public:
  /// Allocates all that it will ever need, about 20 bytes a token of the vocabulary. `kernels`
  /// outlives it. 1 <= vocab <= 2^24; the options have passed check().
  Sampler(const Kernels& kernels, std::size_t vocab, const SamplerOptions& options);

  /// The token for logits[vocab] at this absolute position of the context. The same arguments give
  /// the same token, whatever was drawn before. Allocates nothing, unless it is an error that comes
  /// back.
  Result<std::int32_t> sample(const float* logits, std::uint64_t position);
  /// The same where the logits' argmax is known already.
  Result<std::int32_t> sample(const float* logits, const ArgmaxResult& top, std::uint64_t position);

 private:
  /// Where the candidates end: those above `least` stay, and the first `ties` of those equal to it;
  /// `spare` others are equal too.
  struct Cut {
    float least;
    std::size_t ties;
    std::size_t spare;
  };
  /// A logit as an integer of the same order, and exp((x - max) * 1).
  struct Keyed {
    std::uint32_t key;
    float y;
  };

  void keep_top_k(const float* logits);
  void keep_top_p(const float* logits);
  void keep_min_p(const float* logits);
  [[nodiscard]] std::int32_t draw(std::uint64_t position);

  std::uint64_t weigh(float scale);
  float narrow(const float* logits, std::uint64_t total, std::uint64_t need);
  [[nodiscard]] float kth_bound(std::size_t k);
  float sampled_bound(const float* logits, double tail);
  Cut cut_at(const float* x, std::size_t n, float bound, std::uint64_t need);
  Cut refine(std::size_t n, std::uint64_t need);
  template <class Pass>
  void gather(const float* logits, float least, Pass&& pass);
  void keep(const float* logits, Cut cut);

  const Kernels* kernels_;
  std::size_t vocab_;
  SamplerOptions options_;
  float scale_ = 0;  // 1 / temperature

  // The candidates of the moment, by rising id: x_[0, n_). Either the logits themselves, where an
  // index is an id, or list_ with ids_ beside it.
  const float* x_ = nullptr;
  std::size_t n_ = 0;
  float max_ = 0;

  std::vector<float> list_;
  std::vector<std::uint32_t> ids_;
  std::vector<float> y_;
  std::vector<Keyed> keyed_;
  std::vector<float> tile_max_;
  std::vector<float> group_max_;
  std::vector<std::uint64_t> tile_weight_;
};

}  // namespace prumo
