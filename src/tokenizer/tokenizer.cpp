// Puts together what the parts do: special tokens here, text in spm.cpp.
#include "tokenizer/tokenizer.h"

#include <new>

namespace prumo {

Result<Tokenizer> Tokenizer::from(const gguf::File& file) {
  try {
    auto vocab = Vocab::from(file);
    if (!vocab) return vocab.error();
    auto spm = Spm::from(file, *vocab);
    if (!spm) return spm.error();
    return Tokenizer(std::move(*vocab), std::move(*spm));
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kOutOfMemory, "tokenizer.ggml.tokens",
                 "the vocabulary does not fit into memory: free some or use a smaller model"};
  }
}

std::vector<TokenId> Tokenizer::encode(std::string_view text, bool add_bos) const {
  std::vector<TokenId> ids;
  if (add_bos && adds_bos()) ids.push_back(bos());
  for (const UserDefined::Part& part : user_defined_.split(vocab_, text)) {
    if (part.token == kNoToken) {
      spm_.encode(text.substr(part.begin, part.end - part.begin), ids);
    } else {
      ids.push_back(part.token);
    }
  }
  return ids;
}

std::string Tokenizer::decode(std::span<const TokenId> ids) const {
  std::string text;
  bool at_start = true;
  for (const TokenId id : ids) text += print(id, at_start);
  return text;
}

std::string_view Tokenizer::print(TokenId id, bool& at_start) const {
  if (!vocab_.contains(id)) return {};
  std::string_view text = spm_.printed(id);
  switch (vocab_.type(id)) {
    case TokenType::kControl:
    case TokenType::kUserDefined:
      at_start = true;
      return text;
    default:
      if (text.empty()) return text;
      if (at_start && spm_.adds_space() && text.front() == ' ') text.remove_prefix(1);
      at_start = false;
      return text;
  }
}

std::string_view Tokenizer::piece(TokenId id) const {
  if (!vocab_.contains(id)) return {};
  return vocab_.type(id) == TokenType::kByte ? spm_.printed(id) : vocab_.text(id);
}

bool Tokenizer::is_end(TokenId id) const {
  return vocab_.contains(id) && vocab_.is_end(id);
}

}  // namespace prumo
