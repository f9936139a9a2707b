// Text to tokens and back, for the vocabulary of a model.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gguf/reader.h"
#include "tokenizer/spm.h"
#include "tokenizer/user_defined.h"
#include "tokenizer/vocab.h"

namespace prumo {

/// Immutable, so any number of threads may use one; owns all it needs, so the file may go.
/// Move-only.
///
/// If every byte has a token, as in every vocabulary with byte fallback, then
/// decode(encode(text, any)) == text for all texts, be they UTF-8 or not.
class Tokenizer {
 public:
  /// Every number of the file is checked. Errors: kUnsupported for a kind of tokenizer that Prumo
  /// does not read, else kBadModel; the place is the key.
  static Result<Tokenizer> from(const gguf::File& file);

  [[nodiscard]] std::size_t size() const { return vocab_.size(); }  ///< V, at least 1

  /// The tokens of any bytes, less than 2^31 of them. add_bos puts bos() in front if adds_bos().
  /// User-defined tokens are found first, then each run of text in between is encoded by itself.
  /// The text of a control token is only text.
  [[nodiscard]] std::vector<TokenId> encode(std::string_view text, bool add_bos) const;

  /// The text of tokens: print() of each. Ids outside of the vocabulary print nothing.
  [[nodiscard]] std::string decode(std::span<const TokenId> ids) const;

  /// What a token adds to the text before it, which may be part of a character. `at_start` is the
  /// state that goes from token to token, true before the first: whether a run of text begins here,
  /// which then loses the one space that encode put in front. Runs begin at the start and after
  /// every control or user-defined token. Tokens that are neither text nor bytes print nothing. The
  /// result is good for as long as the tokenizer.
  std::string_view print(TokenId id, bool& at_start) const;

  /// The text of a token as the file writes it, the byte of a byte token; empty for an id outside
  /// of the vocabulary.
  [[nodiscard]] std::string_view piece(TokenId id) const;

  /// Whether generation ends with this token; false for an id outside of the vocabulary. See
  /// Vocab::is_end.
  [[nodiscard]] bool is_end(TokenId id) const;

  [[nodiscard]] TokenId bos() const { return vocab_.bos(); }  ///< kNoToken when there is none
  [[nodiscard]] TokenId eos() const { return vocab_.eos(); }  ///< kNoToken when there is none
  [[nodiscard]] TokenId unk() const { return vocab_.unk(); }  ///< kNoToken when there is none
  [[nodiscard]] bool adds_bos() const { return vocab_.adds_bos(); }  ///< the file asks for a bos

 private:
  Tokenizer(Vocab vocab, Spm spm)
      : vocab_(std::move(vocab)), user_defined_(vocab_), spm_(std::move(spm)) {}

  Vocab vocab_;
  UserDefined user_defined_;
  Spm spm_;
};

}  // namespace prumo
