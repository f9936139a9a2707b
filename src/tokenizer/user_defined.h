// Cuts a text at the tokens that are found whole, before anything else.
#pragma once

#include <bitset>
#include <cstddef>
#include <string_view>
#include <vector>

#include "tokenizer/vocab.h"

namespace prumo {

/// The user-defined tokens of a vocabulary, ready to be found in raw text.
///
/// The rule is llama.cpp's: the longest token first (of equal length, the lower id), over the whole
/// text from left to right; then the next one in what is left. So "<<" wins over an earlier "<",
/// and a token never spans a cut. Whitespace beside a token is kept as it is.
class UserDefined {
 public:
  explicit UserDefined(const Vocab& vocab);

  /// The bytes [begin, end) of the text: a token, or text in between (kNoToken), never empty.
  struct Part {
    std::size_t begin, end;
    TokenId token;
    bool operator==(const Part&) const = default;
  };
  /// All parts of the text, in order, without gaps; none for an empty text. `vocab` must be the one
  /// that this was made of.
  ///
  /// Cost, whatever the model and the text say: a text of n bytes takes at most 64 n binary
  /// searches in the list of tokens. Tokens that may be in it, B bytes together, take B log B and
  /// 24 B bytes of memory; and each byte of the text is tried with each length that a token which
  /// begins there has, fewer than the square root of 2 B.
  [[nodiscard]] std::vector<Part> split(const Vocab& vocab, std::string_view text) const;

 private:
  /// The tokens that may be in the text, by rank: those of at most 64 bytes that are, and longer
  /// ones that fit and whose first 64 bytes are.
  [[nodiscard]] std::vector<TokenId> sift(const Vocab& vocab, std::string_view text) const;

  std::vector<TokenId> sorted_;  // by text; of equal texts the last token only
  std::bitset<256> first_bytes_;
};

}  // namespace prumo
