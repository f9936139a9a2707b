// How well logits foretell: the loss of a token, how far one distribution is from another, and
// which windows a long text is read in. All in double and in a fixed order, so exact like the
// logits.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace prumo {

/// log(sum of exp(x[i])), x being at least one number: finite, or -inf with at least one finite.
/// NaN or +inf for anything else. The terms are added in order.
double log_sum_exp(std::span<const float> x);

/// The divergence D(p || q) in nats of the softmax of q from that of p, two vectors of one size; at
/// least 0, and 0 for equal vectors. NaN or infinite unless all logits are finite. Each term is p
/// (e^-d - 1 + d) with d = log p - log q, which is never negative: what sums to the divergence is
/// as small as itself, so that one of 1e-14 is still right in its leading digits.
double divergence(std::span<const float> p, std::span<const float> q);

/// The element that at least a part `share` in (0, 1] of a sorted, non-empty list does not exceed
/// (nearest rank).
double percentile(std::span<const double> sorted, double share);

/// One window of a text: `inputs` tokens are fed from an empty context on, and the predictions
/// after those from `scored_from` on count.
struct Window {
  std::size_t begin;        ///< the first token of the text that may be an input
  std::size_t inputs;       ///< 1 .. context, the beginning-of-text token included
  std::size_t scored_from;  ///< 0 in the first window
  bool operator==(const Window&) const = default;
};

/// Windows of `context` inputs (at least 2), each context / 2 tokens after the one before. Each
/// begins with a beginning-of-text token if `bos`. So every token of the text is predicted once
/// (the first only if `bos`), and all but those of the first window with at least context / 2
/// inputs before it. Input j of a window foretells token begin + j of the text if `bos`, else begin
/// + j + 1.
std::vector<Window> windows(std::size_t tokens, std::size_t context, bool bos);

}  // namespace prumo
