// Generated tokens to text as they come, in whole characters.
#pragma once

#include <string>

#include "base/utf8.h"
#include "tokenizer/tokenizer.h"

namespace prumo {

/// Turns tokens into text that is well-formed UTF-8 at every moment. A token may end inside a
/// character: what is incomplete is kept back until it is whole, or until it cannot become one and
/// comes out as U+FFFD, by the rule of base/utf8.h (each maximal subpart is one U+FFFD).
///
/// The law: what all calls together append is utf8_repair(decode(ids)), for a stream at the start.
class TextStream {
 public:
  /// `tokenizer` must outlive the stream. `at_start`: whether the first token begins a text, so
  /// that the one space that encode puts in front is taken away; false for one that continues.
  explicit TextStream(const Tokenizer& tokenizer, bool at_start)
      : tokenizer_(&tokenizer), at_start_(at_start) {}

  /// Appends to `out` the characters that this token completes. Allocates nothing but out's growth.
  /// An id outside of the vocabulary adds nothing.
  void push(TokenId id, std::string& out);
  /// The end: what is still incomplete comes out as U+FFFD. The stream then continues its text
  /// anew, as one that is not at the start.
  void finish(std::string& out);
  /// Whether bytes of an incomplete character are kept back.
  [[nodiscard]] bool holds_back() const { return repairer_.pending() != 0; }

 private:
  const Tokenizer* tokenizer_;
  Utf8Repairer repairer_;
  bool at_start_;
};

}  // namespace prumo
