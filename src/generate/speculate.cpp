#include "generate/speculate.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <iterator>

#include "model/forward.h"

namespace prumo {

PromptIndex::PromptIndex(std::size_t most) {
  assert(most < kNone / 2);
  tokens_.reserve(most);
  for (auto& table : ends_) table.assign(std::bit_ceil(2 * most + 1), kNone);
}

std::size_t PromptIndex::slot_of(const std::vector<std::uint32_t>& table, std::size_t length,
                                 std::size_t end) const {
  const auto first = tokens_.begin() + static_cast<std::ptrdiff_t>(end - length);
  const auto last = first + static_cast<std::ptrdiff_t>(length);
  std::uint64_t hash = 0;
  for (auto id = first; id != last; ++id) {
    hash = (hash ^ static_cast<std::uint64_t>(*id)) *
           0x9E3779B97F4A7C15u;  // 2^64 over the golden ratio
  }
  std::size_t slot = (hash >> 32) & (table.size() - 1);
  while (table[slot] != kNone) {
    const auto there = tokens_.begin() + static_cast<std::ptrdiff_t>(table[slot] - length);
    if (std::equal(first, last, there)) break;
    slot = (slot + 1) & (table.size() - 1);
  }
  return slot;
}

// The end before `id` goes into the tables only now, so that what is found is always an earlier
// place, with something behind it.
void PromptIndex::append(TokenId id) {
  const std::size_t n = tokens_.size();
  assert(n < tokens_.capacity());
  for (std::size_t i = 0; i < std::size(kLengths); ++i) {
    if (n < kLengths[i]) continue;
    ends_[i][slot_of(ends_[i], kLengths[i], n)] = static_cast<std::uint32_t>(n);
  }
  tokens_.push_back(id);
}

bool PromptIndex::guess(std::span<TokenId> out) const {
  const std::size_t n = tokens_.size();
  for (std::size_t i = 0; i < std::size(kLengths); ++i) {
    if (n < kLengths[i]) continue;
    const std::uint32_t at = ends_[i][slot_of(ends_[i], kLengths[i], n)];
    if (at == kNone) continue;
    for (std::size_t j = 0; j < out.size(); ++j) {
      out[j] = at + j < n ? tokens_[at + j] : out[at + j - n];
    }
    return true;
  }
  return false;
}

void DraftBudget::token_made() {
  if (++tokens_ % kTokensPerUnit == 0) ++account_;
}

void DraftBudget::settle(std::size_t drafted, std::size_t accepted) {
  assert(accepted <= drafted && drafted >= 1 && drafted <= length());
  account_ = account_ - price_ * drafted + kSaved * accepted;
  account_ = std::min(account_, kStart + 2 * price_ * most_);
  next_ = accepted == drafted ? 2 * drafted + 1 : accepted + 1;
}

Speculation::Speculation(Session& session, std::span<const TokenId> prompt, std::size_t most)
    : session_(session),
      index_(prompt.size() + most),
      budget_(DraftBudget::price(session.internals().loaded->kernels->isa),
              session.internals().scratch.logit_rows - 1),
      batch_(session.internals().scratch.logit_rows) {
  for (const TokenId id : prompt) index_.append(id);
}

Status Speculation::advance(TokenId id, std::size_t left) {
  SessionState& s = session_.internals();
  assert(left >= 1 && left <= s.context - s.position);
  index_.append(id);
  budget_.token_made();
  if (kept_ < size_ && batch_[1 + kept_] == id) {
    ++kept_;
    ++accepted_;
    ++s.position;
    s.show_logits(kept_);
    return success();
  }

  if (size_ > 0) budget_.settle(size_, kept_);
  // The logits after the last token of a draft are wanted, too; nothing is run for what follows.
  size_ = std::min(budget_.length(), left - 1);
  kept_ = 0;
  if (size_ > 0 && !index_.guess(std::span(batch_).subspan(1, size_))) size_ = 0;
  if (size_ == 0) return session_.step(id);
  batch_[0] = id;
  drafted_ += size_;
  const std::size_t position = s.position;
  s.forward(std::span(batch_).first(1 + size_), 1 + size_);
  s.position = position + 1;  // the rest is appended as it is chosen
  s.show_logits(0);
  return success();
}

}  // namespace prumo
