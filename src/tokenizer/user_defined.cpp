// One pass over the text says which tokens occur at all, so that thousands of them cost no more
// than one; those few then cut the text one after the other.
#include "tokenizer/user_defined.h"

#include <algorithm>
#include <cstdint>

namespace prumo {

UserDefined::UserDefined(const Vocab& vocab) {
  for (std::size_t i = 0; i < vocab.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    const std::string_view text = vocab.text(id);
    if (vocab.type(id) != TokenType::kUserDefined || text.empty()) continue;
    sorted_.push_back(id);
    first_bytes_.set(static_cast<std::uint8_t>(text.front()));
  }
  const auto same = [&](TokenId a, TokenId b) { return vocab.text(a) == vocab.text(b); };
  std::sort(sorted_.begin(), sorted_.end(), [&](TokenId a, TokenId b) {
    return same(a, b) ? a > b : vocab.text(a) < vocab.text(b);
  });
  sorted_.erase(std::unique(sorted_.begin(), sorted_.end(), same), sorted_.end());
}

std::vector<TokenId> UserDefined::present(const Vocab& vocab, std::string_view text) const {
  std::vector<bool> found(sorted_.size(), false);
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!first_bytes_[static_cast<std::uint8_t>(text[at])]) continue;
    // [low, high): the tokens that agree with the text in their first `depth` bytes.
    auto low = sorted_.begin();
    auto high = sorted_.end();
    for (std::size_t depth = 0; low != high; ++depth) {
      if (vocab.text(*low).size() == depth) {
        found[static_cast<std::size_t>(low - sorted_.begin())] = true;
        ++low;
      }
      if (at + depth == text.size()) break;
      const auto byte = static_cast<std::uint8_t>(text[at + depth]);
      const auto byte_of = [&](TokenId id) {
        return static_cast<std::uint8_t>(vocab.text(id)[depth]);
      };
      low = std::partition_point(low, high, [&](TokenId id) { return byte_of(id) < byte; });
      high = std::partition_point(low, high, [&](TokenId id) { return byte_of(id) == byte; });
    }
  }
  std::vector<TokenId> ids;
  for (std::size_t i = 0; i < sorted_.size(); ++i) {
    if (found[i]) ids.push_back(sorted_[i]);
  }
  std::sort(ids.begin(), ids.end(), [&](TokenId a, TokenId b) {
    const std::size_t size_a = vocab.text(a).size();
    const std::size_t size_b = vocab.text(b).size();
    return size_a != size_b ? size_a > size_b : a < b;
  });
  return ids;
}

std::vector<UserDefined::Part> UserDefined::split(const Vocab& vocab, std::string_view text) const {
  std::vector<Part> parts;
  if (text.empty()) return parts;
  parts.push_back({0, text.size(), kNoToken});
  if (sorted_.empty()) return parts;
  std::vector<Part> cut;
  for (const TokenId token : present(vocab, text)) {
    const std::string_view wanted = vocab.text(token);
    cut.clear();
    for (const Part& part : parts) {
      std::size_t begin = part.begin;
      if (part.token == kNoToken) {
        const std::string_view inside = text.substr(0, part.end);
        for (auto at = inside.find(wanted, begin); at != std::string_view::npos;
             at = inside.find(wanted, begin)) {
          if (at > begin) cut.push_back({begin, at, kNoToken});
          begin = at + wanted.size();
          cut.push_back({at, begin, token});
        }
      }
      if (begin < part.end) cut.push_back({begin, part.end, part.token});
    }
    parts.swap(cut);
  }
  return parts;
}

}  // namespace prumo
