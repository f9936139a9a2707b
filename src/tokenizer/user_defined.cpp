// What may occur at all is sifted first, so that thousands of tokens cost no more than a few. Then
// every byte of the text learns the longest token that begins there, and the tokens are placed.
#include "tokenizer/user_defined.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>

namespace prumo {

namespace {

// How many bytes of a token the sieve looks at: what a text costs at most at each of its bytes.
constexpr std::size_t kSieve = 64;

using Rank = std::uint32_t;
constexpr Rank kNoWord = std::numeric_limits<Rank>::max();

struct Word {
  TokenId id;
  std::string_view text;
};

/// Distinct texts by rank: the longest first, of equal length the lower id.
using Words = std::vector<Word>;

/// The ranks 0, 1, ... n - 1 sorted by `less`.
template <class Less>
std::vector<Rank> ranks(std::size_t n, const Less& less) {
  std::vector<Rank> out(n);
  std::iota(out.begin(), out.end(), Rank{0});
  std::sort(out.begin(), out.end(), less);
  return out;
}

/// For each word the longest other one that it begins with, or kNoWord.
std::vector<Rank> beginnings(const Words& words) {
  std::vector<Rank> out(words.size(), kNoWord);
  std::vector<Rank> open;  // each begins with all before it
  for (const Rank word :
       ranks(words.size(), [&](Rank a, Rank b) { return words[a].text < words[b].text; })) {
    while (!open.empty() && !words[word].text.starts_with(words[open.back()].text)) open.pop_back();
    if (!open.empty()) out[word] = open.back();
    open.push_back(word);
  }
  return out;
}

/// The automaton of Aho and Corasick, of words read backwards: it is led through a text from its
/// end to its beginning and knows at every byte the longest word that begins there. All steps
/// through a text of n bytes together follow at most 2 n links. It takes 24 bytes for each byte of
/// the words, beginnings that they share when read backwards counted once.
class Backwards {
 public:
  explicit Backwards(const Words& words);

  using State = std::size_t;
  static constexpr State kNothingRead = 0;

  /// The state when `byte` stands before what led to `state`.
  [[nodiscard]] State step(State state, std::uint8_t byte) const {
    for (;; state = nodes_[state].fallback) {
      const auto end = nodes_.begin() + offset(nodes_[state + 1].children);
      const auto child = std::lower_bound(
          nodes_.begin() + offset(nodes_[state].children), end, byte,
          [](const Node& node, std::uint8_t wanted) { return node.byte < wanted; });
      if (child != end && child->byte == byte) return static_cast<State>(child - nodes_.begin());
      if (state == kNothingRead) return state;
    }
  }
  /// The longest word that begins where `state` was reached, or kNoWord.
  [[nodiscard]] Rank longest(State state) const { return nodes_[state].longest; }

 private:
  /// Bytes at the end of a word. The next node's children stand right behind this one's.
  struct Node {
    State children;  // the first of them: this node's bytes with one more before them
    State fallback;  // the longest other node that these bytes begin with
    Rank longest;
    std::uint8_t byte;  // the first of this node's bytes
  };
  static std::ptrdiff_t offset(State state) { return static_cast<std::ptrdiff_t>(state); }

  std::vector<Node> nodes_;  // by the number of their bytes; the first has none; a sentinel
};

Backwards::Backwards(const Words& words) {
  const auto byte_of = [&](Rank word, std::size_t depth) {
    const std::string_view text = words[word].text;
    return static_cast<std::uint8_t>(text[text.size() - 1 - depth]);
  };
  const auto sorted = ranks(words.size(), [&](Rank a, Rank b) {
    const std::string_view x = words[a].text;
    const std::string_view y = words[b].text;
    return std::lexicographical_compare(
        x.rbegin(), x.rend(), y.rbegin(), y.rend(),
        [](char p, char q) { return static_cast<std::uint8_t>(p) < static_cast<std::uint8_t>(q); });
  });
  // For each node of one depth the sorted words that end with its bytes.
  using Range = std::pair<std::vector<Rank>::const_iterator, std::vector<Rank>::const_iterator>;
  std::vector<Range> level = {{sorted.begin(), sorted.end()}};
  std::vector<Range> deeper;
  nodes_.push_back({0, kNothingRead, kNoWord, 0});
  State at = kNothingRead;
  for (std::size_t depth = 0; !level.empty(); ++depth) {
    deeper.clear();
    for (auto [low, high] : level) {
      const State fallback = nodes_[at].fallback;
      nodes_[at].children = nodes_.size();
      nodes_[at].longest = nodes_[fallback].longest;
      if (words[*low].text.size() == depth) nodes_[at].longest = *low++;
      while (low != high) {
        const std::uint8_t byte = byte_of(*low, depth);
        const auto end = std::partition_point(
            low, high, [&](Rank word) { return byte_of(word, depth) == byte; });
        const State shorter = depth == 0 ? kNothingRead : step(fallback, byte);
        nodes_.push_back({0, shorter, kNoWord, byte});
        deeper.emplace_back(low, end);
        low = end;
      }
      ++at;
    }
    level.swap(deeper);
  }
  nodes_.push_back({nodes_.size(), kNothingRead, kNoWord, 0});
}

/// The words in a text, in the order of the text. At every byte the words that begin there are
/// tried from long to short, each once: as many as they have lengths.
std::vector<UserDefined::Part> place(const Words& words, std::string_view text) {
  // Where each word shall be placed: a byte waits for the longest word that begins there, and for
  // a shorter one when that does not fit any more.
  std::vector<std::vector<std::size_t>> waiting(words.size());
  const Backwards automaton(words);
  auto state = Backwards::kNothingRead;
  for (std::size_t at = text.size(); at-- > 0;) {
    state = automaton.step(state, static_cast<std::uint8_t>(text[at]));
    if (automaton.longest(state) != kNoWord) waiting[automaton.longest(state)].push_back(at);
  }
  std::vector<UserDefined::Part> placed;
  const std::vector<Rank> shorter = beginnings(words);
  std::vector<bool> taken(text.size(), false);
  // From a free byte on. Whatever was placed before is at least as long, so that it has no room
  // between two free bytes.
  const auto has_room = [&](std::size_t at, Rank word) {
    return !taken[at + words[word].text.size() - 1];
  };
  for (Rank word = 0; word < words.size(); ++word) {
    std::vector<std::size_t> starts;
    starts.swap(waiting[word]);
    std::sort(starts.begin(), starts.end());
    for (const std::size_t at : starts) {
      if (taken[at]) continue;
      Rank fits = word;
      while (fits != kNoWord && !has_room(at, fits)) fits = shorter[fits];
      if (fits == word) {
        const std::size_t end = at + words[word].text.size();
        for (std::size_t i = at; i < end; ++i) taken[i] = true;
        placed.push_back({at, end, words[word].id});
      } else if (fits != kNoWord) {
        waiting[fits].push_back(at);
      }
    }
  }
  std::sort(placed.begin(), placed.end(),
            [](const auto& a, const auto& b) { return a.begin < b.begin; });
  return placed;
}

}  // namespace

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

std::vector<TokenId> UserDefined::sift(const Vocab& vocab, std::string_view text) const {
  std::vector<bool> found(sorted_.size(), false);
  const auto index = [&](auto token) { return token - sorted_.begin(); };
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!first_bytes_[static_cast<std::uint8_t>(text[at])]) continue;
    // [low, high): the tokens that agree with the text in their first `depth` bytes.
    auto low = sorted_.begin();
    auto high = sorted_.end();
    for (std::size_t depth = 0; low != high; ++depth) {
      if (depth == kSieve) {  // found together, hence all or none so far
        if (!found[static_cast<std::size_t>(index(low))])
          std::fill(found.begin() + index(low), found.begin() + index(high), true);
        break;
      }
      if (vocab.text(*low).size() == depth) {
        found[static_cast<std::size_t>(index(low))] = true;
        if (++low == high) break;
      }
      if (at + depth == text.size()) break;
      const auto byte = static_cast<std::uint8_t>(text[at + depth]);
      const auto byte_of = [&](TokenId id) {
        return static_cast<std::uint8_t>(vocab.text(id)[depth]);
      };
      if (byte_of(*low) == byte && byte_of(high[-1]) == byte) continue;  // none drops out: often
      low = std::partition_point(low, high, [&](TokenId id) { return byte_of(id) < byte; });
      high = std::partition_point(low, high, [&](TokenId id) { return byte_of(id) == byte; });
    }
  }
  std::vector<TokenId> ids;
  for (std::size_t i = 0; i < sorted_.size(); ++i) {
    if (found[i] && vocab.text(sorted_[i]).size() <= text.size()) ids.push_back(sorted_[i]);
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
  Words words;
  for (const TokenId id : sift(vocab, text)) words.push_back({id, vocab.text(id)});
  std::size_t end = 0;
  if (!words.empty()) {
    for (const Part& part : place(words, text)) {
      if (part.begin > end) parts.push_back({end, part.begin, kNoToken});
      parts.push_back(part);
      end = part.end;
    }
  }
  if (end < text.size()) parts.push_back({end, text.size(), kNoToken});
  return parts;
}

}  // namespace prumo
