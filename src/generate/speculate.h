// Speculation by prompt lookup: where the last tokens have stood before, what followed them then is
// guessed to follow again. Guesses are run as one batch, whose logits are those of single steps to
// the bit, and only those that the loop would have chosen anyway are kept.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "base/result.h"
#include "kernels/kernels.h"
#include "prumo.h"

namespace prumo {

/// Finds where the end of a growing sequence has stood before. Appending and finding take a few
/// look-ups in tables, however long the sequence is.
class PromptIndex {
 public:
  /// Ends of this many tokens are looked for, the first that has stood before decides.
  static constexpr std::size_t kLengths[] = {4, 2};

  /// Allocates all that it will ever need for `most` tokens, less than 2^32: 20 to 36 bytes each.
  explicit PromptIndex(std::size_t most);

  /// At most `most` calls.
  void append(TokenId id);

  /// Guesses out.size() tokens and returns true, or returns false: what followed the latest earlier
  /// place of the longest end that there is one for. Past the sequence's end it goes on with
  /// itself.
  bool guess(std::span<TokenId> out) const;

  [[nodiscard]] std::span<const TokenId> tokens() const { return tokens_; }

 private:
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  // Where the tokens that end before `end` are in a table, or would be.
  [[nodiscard]] std::size_t slot_of(const std::vector<std::uint32_t>& table, std::size_t length,
                                    std::size_t end) const;

  std::vector<TokenId> tokens_;
  // A table a length, open addressing, at most half full: where the latest place of some tokens
  // ends.
  std::vector<std::uint32_t> ends_[std::size(kLengths)];
};

/// Whether to draft and how much, from counts alone, so that the same text makes the same drafts.
/// An account in quarters of a step: a drafted token takes the price of one more token in a batch,
/// an accepted one, a step that was saved, brings four, and every sixteenth token brings one. It
/// begins with 8, and a draft is never longer than it covers: what refused drafts may cost is 2
/// steps, what accepted ones have saved, and a step in 64.
class DraftBudget {
 public:
  static constexpr std::size_t kStart = 8;
  static constexpr std::size_t kSaved = 4;
  static constexpr std::size_t kTokensPerUnit = 16;

  /// What a further token of a batch takes, in quarters of a step, seldom more: measured over
  /// shapes and depths it is 0.02 to 0.2 steps with AVX-512, 0.1 to 0.7 with AVX2, and the scalar
  /// kernels save nothing.
  static constexpr std::size_t price(Isa isa) {
    return isa == Isa::kAvx512 ? 1 : isa == Isa::kAvx2 ? 3 : 4;
  }

  /// `most`: of a draft.
  DraftBudget(std::size_t price, std::size_t most) : price_(price), most_(most) {}

  /// Tokens that the next draft may have. A draft accepted whole lets the next be about twice as
  /// long, any other no longer than what was accepted and one more; the first has 3.
  [[nodiscard]] std::size_t length() const { return std::min({next_, account_ / price_, most_}); }

  void token_made();
  /// What became of a draft: `accepted` <= `drafted` <= length(), `drafted` at least 1.
  void settle(std::size_t drafted, std::size_t accepted);

 private:
  std::size_t price_;
  std::size_t most_;
  std::size_t account_ = kStart;
  std::size_t next_ = 3;
  std::size_t tokens_ = 0;
};

/// Takes a session on by tokens as Session::step does, with the same position and logits after each
/// of them, but in fewer forward passes.
class Speculation {
 public:
  /// `prompt`: what was appended before; `most`: the most calls of advance(). The session outlives
  /// it, and nobody else moves it meanwhile.
  Speculation(Session& session, std::span<const TokenId> prompt, std::size_t most);

  /// Appends a token; 1 <= `left` <= the session's room: so many more will be chosen at most.
  /// Allocates nothing.
  Status advance(TokenId id, std::size_t left);

  [[nodiscard]] std::size_t drafted() const { return drafted_; }
  [[nodiscard]] std::size_t accepted() const { return accepted_; }

 private:
  Session& session_;
  PromptIndex index_;
  DraftBudget budget_;
  std::vector<TokenId> batch_;  // a token that was chosen and its draft
  std::size_t size_ = 0;        // of the draft
  std::size_t kept_ = 0;        // drafted tokens that were chosen so far
  std::size_t drafted_ = 0;
  std::size_t accepted_ = 0;
};

}  // namespace prumo
