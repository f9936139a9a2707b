// The vocabulary of a model as its file gives it: texts, types, special tokens, end tokens. What
// every kind of tokenizer shares; how text becomes tokens is spm.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gguf/reader.h"

namespace prumo {

/// A token: its place in the vocabulary.
using TokenId = std::int32_t;
inline constexpr TokenId kNoToken = -1;

/// What a token is for, as `tokenizer.ggml.token_type` numbers it.
enum class TokenType : std::uint8_t {
  kUndefined = 0,    ///< prints nothing, never encoded
  kNormal = 1,       ///< text, found by merging
  kUnknown = 2,      ///< stands for text that has no token; prints nothing
  kControl = 3,      ///< steers the model; prints nothing; its text in a prompt is only text
  kUserDefined = 4,  ///< text that is found whole, before anything else
  kUnused = 5,       ///< prints nothing, never encoded
  kByte = 6,         ///< one byte, written <0xNN>
};

/// U+2581 in UTF-8: how an SPM vocabulary writes a space.
inline constexpr std::string_view kSpaceMark = "\xE2\x96\x81";

/// The byte of "<0xNN>" with exactly two hexadecimal digits; nothing for any other text.
std::optional<std::uint8_t> parse_byte_token(std::string_view text);

/// An immutable copy of a file's vocabulary, every number in it checked. Move-only.
///
/// Where files differ:
///  - Without token_type, <0xNN> is a byte and everything else is text.
///  - Without a key for it, bos is token 1, eos 2 and unknown 0, if what stands there is such a
///    token: of type control (unknown), or written "<s>", "</s>", "<unk>" in a file without types.
///  - bos, eos, eot, eom and unknown are control tokens whatever the file calls them, and so is a
///    user-defined token that ends a generation: a prompt cannot spell them.
///  - A user-defined token that holds U+2581 is an ordinary piece: its marks are spaces.
///  - Empty tokens are kept and never encoded. Of equal texts the last is encoded.
class Vocab {
 public:
  /// Errors: kUnsupported for a tokenizer that is not "llama", by name; kBadModel for a key that is
  /// absent, of another type or length, or out of range. The place is the key.
  static Result<Vocab> from(const gguf::File& file);

  Vocab(Vocab&&) noexcept = default;
  Vocab& operator=(Vocab&&) noexcept = default;
  Vocab(const Vocab&) = delete;
  Vocab& operator=(const Vocab&) = delete;
  ~Vocab() = default;

  [[nodiscard]] std::size_t size() const { return types_.size(); }  ///< at least 1
  [[nodiscard]] bool contains(TokenId id) const {
    return id >= 0 && static_cast<std::size_t>(id) < size();
  }
  /// The text as the file writes it. The id must be in the vocabulary, here and below.
  [[nodiscard]] std::string_view text(TokenId id) const;
  [[nodiscard]] TokenType type(TokenId id) const;
  /// Whether a generation ends with this token: eos, eot, eom, and the control tokens that are
  /// known by their text to end a turn (<|eot_id|>, <|im_end|>, ...).
  [[nodiscard]] bool is_end(TokenId id) const;

  [[nodiscard]] TokenId bos() const { return bos_; }         ///< kNoToken when there is none
  [[nodiscard]] TokenId eos() const { return eos_; }         ///< kNoToken when there is none
  [[nodiscard]] TokenId unk() const { return unk_; }         ///< kNoToken when there is none
  [[nodiscard]] bool adds_bos() const { return adds_bos_; }  ///< never true without a bos

 private:
  Vocab() = default;
  Status read_tokens(const gguf::File& file);
  Status read_types(const gguf::File& file);
  Status read_specials(const gguf::File& file);
  Result<TokenId> special(const gguf::File& file, std::string_view key, TokenId otherwise) const;
  [[nodiscard]] TokenId usual(TokenId id, TokenType type, std::string_view text) const;
  void make_control(TokenId id, TokenType type);
  void settle_user_defined();

  std::string texts_;                // all texts end to end
  std::vector<std::size_t> starts_;  // [size + 1], into texts_
  std::vector<TokenType> types_;
  std::vector<bool> ends_;
  bool typed_ = false;  // the file has token_type
  bool adds_bos_ = false;
  TokenId bos_ = kNoToken;
  TokenId eos_ = kNoToken;
  TokenId unk_ = kNoToken;
};

}  // namespace prumo
