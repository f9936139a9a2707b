// Merging with a priority queue over a row of symbols. A symbol is known by the byte where it
// begins, so its right neighbour is where it ends and merging two is a matter of a size.
#include "tokenizer/spm.h"

#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>

#include "base/utf8.h"

namespace prumo {

namespace {

constexpr std::string_view kScores = "tokenizer.ggml.scores";
constexpr std::string_view kAddSpace = "tokenizer.ggml.add_space_prefix";

Error bad(std::string_view key, std::string message) {
  return {ErrorCode::kBadModel, std::string(key), std::move(message)};
}

template <class T>
T load(const char* from) {
  T out;
  std::memcpy(&out, from, sizeof(T));
  return out;
}

std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 32;
  x *= 0x9E3779B97F4A7C15u;
  x ^= x >> 29;
  x *= 0xBF58476D1CE4E5B9u;
  return x ^ (x >> 32);
}

// A vocabulary may be made so that its pieces share a hash. One that needs longer searches than
// chance ever asks of millions of pieces is indexed by another hash, which no file can foresee; as
// often as this.
constexpr std::size_t kLongProbe = 256;
constexpr int kOtherHashes = 8;

/// A number that nobody knows before the program runs.
std::uint64_t drawn() {
  std::uint64_t out = 0;
  if (::getrandom(&out, sizeof out, 0) != sizeof out) {
    out = reinterpret_cast<std::uintptr_t>(&kScores);  // where the system put the program
  }
  return out;
}

/// A number that is greater for a greater float; not for NaN.
std::uint32_t in_order(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x == 0 ? 0.0f : x);
  return (bits >> 31) != 0 ? ~bits : bits | 0x80000000u;
}

/// A hash of text for a table that lives in memory only; another one for each seed.
std::uint64_t hash(std::string_view text, std::uint64_t seed) {
  const char* at = text.data();
  const std::size_t n = text.size();
  std::uint64_t h = mix(seed) + n;
  std::size_t i = 0;
  for (; n - i > 8; i += 8) h = mix(h ^ load<std::uint64_t>(at + i));
  if (n >= 8) return mix(h ^ load<std::uint64_t>(at + n - 8));
  if (n >= 4) {
    return mix(h ^
               (std::uint64_t{load<std::uint32_t>(at)} << 32 | load<std::uint32_t>(at + n - 4)));
  }
  for (; i < n; ++i) h = h << 8 | static_cast<std::uint8_t>(at[i]);
  return mix(h);
}

}  // namespace

Result<Spm> Spm::from(const gguf::File& file, const Vocab& vocab) {
  Spm spm;
  const gguf::Value* scores = file.find(kScores);
  if (scores == nullptr) {
    return bad(kScores, "without scores the order of merges is unknown: convert the model again");
  }
  if (!scores->is_array() || scores->element_type() != gguf::ValueType::kF32) {
    return bad(kScores, "scores must be an array of f32: convert the model again");
  }
  if (scores->count() != vocab.size()) {
    return bad(kScores, "there are " + std::to_string(scores->count()) + " scores for " +
                            std::to_string(vocab.size()) + " tokens: convert the model again");
  }
  spm.priorities_.resize(vocab.size());
  for (std::size_t i = 0; i < vocab.size(); ++i) {
    const float score = scores->f32_at(i);
    spm.priorities_[i] = in_order(score);
    if (std::isnan(score)) {
      return bad(kScores, "the score of token " + std::to_string(i) +
                              " is not a number: convert the model again");
    }
  }
  if (file.find(kAddSpace) != nullptr) {
    const auto adds = file.boolean(kAddSpace);
    if (!adds) return adds.error();
    spm.adds_space_ = *adds;
  }
  spm.unk_ = vocab.unk();
  spm.print_all(vocab);
  spm.index_pieces(vocab);
  spm.index_bytes(vocab);
  return spm;
}

void Spm::print_all(const Vocab& vocab) {
  starts_.reserve(vocab.size() + 1);
  for (std::size_t i = 0; i < vocab.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    std::string_view text = vocab.text(id);
    starts_.push_back(printed_.size());
    switch (vocab.type(id)) {
      case TokenType::kNormal:
        for (auto at = text.find(kSpaceMark); at != text.npos; at = text.find(kSpaceMark)) {
          printed_ += text.substr(0, at);
          printed_ += ' ';
          text.remove_prefix(at + kSpaceMark.size());
        }
        printed_ += text;
        break;
      case TokenType::kUserDefined:
        printed_ += text;
        break;
      case TokenType::kByte:
        printed_ += static_cast<char>(parse_byte_token(text).value_or(0));
        break;
      default:
        break;
    }
  }
  starts_.push_back(printed_.size());
}

void Spm::index_pieces(const Vocab& vocab) {
  for (int others = kOtherHashes; !try_index(vocab, others > 0); --others) seed_ = drawn();
}

// False when a search is long and there is another hash to try.
bool Spm::try_index(const Vocab& vocab, bool others) {
  one_byte_.fill(kNoToken);
  slots_.assign(std::bit_ceil(2 * vocab.size() + 2), {0, kNoToken});
  longest_probe_ = 0;
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = 0; i < vocab.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    const std::string_view piece = printed(id);
    if (vocab.type(id) != TokenType::kNormal || piece.empty()) continue;
    // Text never has a bare space where a vocabulary would write a mark.
    if (vocab.text(id).find(' ') != std::string_view::npos) continue;
    longest_ = std::max(longest_, piece.size());
    const std::size_t inner = piece.find(' ', std::min(piece.find_first_not_of(' '), piece.size()));
    spans_words_ = spans_words_ || inner != std::string_view::npos;
    if (piece.size() == 1) one_byte_[static_cast<std::uint8_t>(piece[0])] = id;
    const std::uint64_t h = hash(piece, seed_);
    const auto tag = static_cast<std::uint32_t>(h >> 32);
    std::size_t slot = h & mask;
    std::size_t probe = 1;
    while (slots_[slot].id != kNoToken &&
           !(slots_[slot].tag == tag && printed(slots_[slot].id) == piece)) {
      slot = (slot + 1) & mask;
      ++probe;
    }
    slots_[slot] = {tag, id};
    longest_probe_ = std::max(longest_probe_, probe);
    if (probe > kLongProbe && others) return false;
  }
  return true;
}

void Spm::index_bytes(const Vocab& vocab) {
  bytes_ = one_byte_;
  for (std::size_t i = 0; i < vocab.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    if (vocab.type(id) == TokenType::kByte) bytes_[static_cast<std::uint8_t>(printed(id)[0])] = id;
  }
}

TokenId Spm::find(std::string_view piece) const {
  if (piece.size() == 1) return one_byte_[static_cast<std::uint8_t>(piece[0])];
  if (piece.size() > longest_) return kNoToken;
  const std::uint64_t h = hash(piece, seed_);
  const auto tag = static_cast<std::uint32_t>(h >> 32);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t slot = h & mask; slots_[slot].id != kNoToken; slot = (slot + 1) & mask) {
    if (slots_[slot].tag == tag && printed(slots_[slot].id) == piece) return slots_[slot].id;
  }
  return kNoToken;
}

std::string_view Spm::printed(TokenId id) const {
  assert(id >= 0 && static_cast<std::size_t>(id) < priorities_.size());
  const auto i = static_cast<std::size_t>(id);
  return std::string_view(printed_).substr(starts_[i], starts_[i + 1] - starts_[i]);
}

/// Merges one stretch of text after another, with the same memory for all.
class Spm::Merger {
 public:
  Merger(const Spm& spm, std::vector<TokenId>& out) : spm_(spm), out_(out) {}

  void encode(std::string_view text) {
    text_ = text;
    begin();
    while (!queue_.empty()) {
      std::pop_heap(queue_.begin(), queue_.end());
      const std::uint64_t best = queue_.back();
      queue_.pop_back();
      if (holds(best)) merge(left_of(best));
    }
    emit();
  }

 private:
  /// The symbol that begins at a byte of the text; its right neighbour begins `size` further on.
  struct Symbol {
    std::uint32_t size;      // bytes; 0: it is part of the one before
    std::uint32_t previous;  // where the left neighbour begins; of no meaning for the first
    TokenId token;           // kNoToken: a character that is no piece
    TokenId pair;            // what it and its right neighbour make; kNoToken: nothing
  };

  // A possible merge in the queue: the greatest first, that is the highest priority, then the least
  // left. It stays there when the text has moved on, and is dropped when its turn comes.
  [[nodiscard]] std::uint64_t entry(std::uint32_t left) const {
    return std::uint64_t{priority(symbols_[left].pair)} << 32 | static_cast<std::uint32_t>(~left);
  }
  static std::uint32_t left_of(std::uint64_t entry) { return ~static_cast<std::uint32_t>(entry); }
  [[nodiscard]] std::uint32_t priority(TokenId token) const {
    return spm_.priorities_[static_cast<std::size_t>(token)];
  }
  [[nodiscard]] bool holds(std::uint64_t old) const {
    const Symbol& left = symbols_[left_of(old)];
    return left.size != 0 && left.pair != kNoToken && priority(left.pair) == old >> 32;
  }

  void begin() {
    symbols_.resize(text_.size());
    queue_.clear();
    std::uint32_t previous = 0;
    for (std::uint32_t at = 0; at < text_.size();) {
      const Utf8Step step = utf8_step(text_.substr(at));
      const std::uint32_t size = step.what == Utf8::kCharacter ? step.size : 1;
      symbols_[at] = {size, previous, spm_.find(text_.substr(at, size)), kNoToken};
      for (std::uint32_t i = 1; i < size; ++i) symbols_[at + i].size = 0;
      if (at != 0 && pair_up(previous)) queue_.push_back(entry(previous));
      previous = at;
      at += size;
    }
    std::make_heap(queue_.begin(), queue_.end());
  }

  /// Looks up what the symbol and its right neighbour make, and says whether it is a token.
  bool pair_up(std::uint32_t at) {
    Symbol& left = symbols_[at];
    const std::uint32_t right = at + left.size;
    left.pair = right == text_.size()
                    ? kNoToken
                    : spm_.find(text_.substr(at, left.size + symbols_[right].size));
    return left.pair != kNoToken;
  }

  void pair_up_again(std::uint32_t at) {
    if (!pair_up(at)) return;
    queue_.push_back(entry(at));
    std::push_heap(queue_.begin(), queue_.end());
  }

  void merge(std::uint32_t at) {
    Symbol& left = symbols_[at];
    Symbol& right = symbols_[at + left.size];
    left.size += right.size;
    left.token = left.pair;
    right.size = 0;
    const std::uint32_t next = at + left.size;
    if (next != text_.size()) symbols_[next].previous = at;
    if (at != 0) pair_up_again(left.previous);
    pair_up_again(at);
  }

  void emit() {
    for (std::uint32_t at = 0; at < text_.size(); at += symbols_[at].size) {
      if (symbols_[at].token != kNoToken) {
        out_.push_back(symbols_[at].token);
        continue;
      }
      const std::size_t before = out_.size();
      for (const char c : text_.substr(at, symbols_[at].size)) {
        out_.push_back(spm_.bytes_[static_cast<std::uint8_t>(c)]);
      }
      if (std::find(out_.begin() + static_cast<std::ptrdiff_t>(before), out_.end(), kNoToken) !=
          out_.end()) {
        out_.resize(before);
        if (spm_.unk_ != kNoToken) out_.push_back(spm_.unk_);
      }
    }
  }

  const Spm& spm_;
  std::vector<TokenId>& out_;
  std::string_view text_;
  std::vector<Symbol> symbols_;       // one a byte
  std::vector<std::uint64_t> queue_;  // a heap
};

/// Where the first word of a run ends: spaces, then others. No merge can cross from one word into
/// the next unless some piece spans words, and then everything is one.
std::size_t Spm::word_end(std::string_view run) const {
  if (spans_words_) return run.size();
  const std::size_t first = run.find_first_not_of(' ');
  if (first == std::string_view::npos) return run.size();
  return std::min(run.find(' ', first), run.size());
}

void Spm::encode(std::string_view run, std::vector<TokenId>& out) const {
  assert(run.size() < (std::size_t{1} << 31));
  if (run.empty()) return;
  Merger merger(*this, out);
  if (adds_space_) {
    std::string first(1, ' ');
    first += run.substr(0, word_end(run));
    merger.encode(first);
    run.remove_prefix(first.size() - 1);
  }
  while (!run.empty()) {
    const std::size_t end = word_end(run);
    merger.encode(run.substr(0, end));
    run.remove_prefix(end);
  }
}

}  // namespace prumo
