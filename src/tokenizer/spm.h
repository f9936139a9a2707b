// SentencePiece BPE with byte fallback: text to tokens by merging, tokens to text by their pieces.
//
// The text is cut into characters (a byte that belongs to no well-formed character counts as one).
// Of all neighbours whose texts together are a token, those with the highest score are merged, the
// leftmost of equals, until none are left. A character that is no token then becomes the byte
// tokens of its bytes.
//
// A vocabulary writes a space as U+2581. Here it is the other way round: pieces are kept with their
// marks turned into spaces, so that the text needs no rewriting, and a U+2581 in the text, which no
// piece can mean, becomes three byte tokens. That is what makes decoding give the same bytes back;
// llama.cpp and SentencePiece turn it into a space.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gguf/reader.h"
#include "tokenizer/vocab.h"

namespace prumo {

/// Immutable; owns copies of everything. Only tokens of type normal are merged.
class Spm {
 public:
  /// Reads scores and add_space_prefix. Errors: kBadModel when a key is absent, of another type or
  /// length, or a score is NaN; the place is the key.
  static Result<Spm> from(const gguf::File& file, const Vocab& vocab);

  /// Appends the tokens of a run of text: of any bytes, less than 2^31 of them. If add_space() the
  /// run is encoded as though a space stood before it. An empty run has no tokens. A character
  /// without a token, of whose bytes one has no token either, becomes one unknown token, or nothing
  /// if the vocabulary has none; then decoding does not give the text back. O(n log n).
  void encode(std::string_view run, std::vector<TokenId>& out) const;

  /// What a token adds to a text: its piece with spaces, its byte, its text if it is user-defined,
  /// nothing for all others. The id must be in the vocabulary.
  [[nodiscard]] std::string_view printed(TokenId id) const;

  /// Slots looked at by the longest search that made the table of pieces: a measure of how well
  /// texts are spread, whatever vocabulary a file has.
  [[nodiscard]] std::size_t longest_probe() const { return longest_probe_; }

  /// Whether encode puts a space before every run.
  [[nodiscard]] bool adds_space() const { return adds_space_; }

 private:
  class Merger;
  struct Slot {
    std::uint32_t tag;  // high bits of the text's hash
    TokenId id;         // kNoToken: the slot is free
  };

  Spm() = default;
  void print_all(const Vocab& vocab);
  void index_pieces(const Vocab& vocab);
  bool try_index(const Vocab& vocab, bool others);
  void index_bytes(const Vocab& vocab);
  [[nodiscard]] TokenId find(std::string_view piece) const;
  [[nodiscard]] std::size_t word_end(std::string_view run) const;

  std::string printed_;                    // all printed texts end to end
  std::vector<std::size_t> starts_;        // [size + 1], into printed_
  std::vector<std::uint32_t> priorities_;  // the scores, as numbers of the same order
  std::vector<Slot> slots_;                // open addressing, a power of two, at most half full
  std::array<TokenId, 256> one_byte_{};    // the piece that is this byte
  std::array<TokenId, 256> bytes_{};       // what this byte falls back to
  std::size_t longest_ = 0;                // bytes of the longest piece
  std::size_t longest_probe_ = 0;
  std::uint64_t seed_ = 0;    // of the hash; ids do not depend on it
  bool spans_words_ = false;  // a piece has a space after another character, so words may merge
  bool adds_space_ = true;
  TokenId unk_ = kNoToken;
};

}  // namespace prumo
