// The tokenizer says what a token prints; the repairer says what of it is ripe.
#include "tokenizer/stream.h"

namespace prumo {

void TextStream::push(TokenId id, std::string& out) {
  repairer_.push(tokenizer_->print(id, at_start_), out);
}

void TextStream::finish(std::string& out) {
  repairer_.finish(out);
  at_start_ = false;
}

}  // namespace prumo
