// Laws of vocabularies grown out of any bytes (grown_vocab), and of the ids that a file may name.
#pragma once

#include <array>
#include <string>

#include "support/ready_test.h"
#include "support/spm_vocab.h"

namespace prumo::testing {

/// "" or what of a vocabulary that keeps the rules is not as the file says.
inline std::string vocab_fault(const PlainVocab& vocab) {
  const auto loaded = tokenizer_of(vocab.builder());
  if (!loaded.ok()) return "it is refused: " + loaded.error().message;
  if (loaded->size() != vocab.tokens.size()) return "it has " + std::to_string(loaded->size());
  for (std::size_t i = 0; i < vocab.tokens.size(); ++i) {
    const PlainToken& token = vocab.tokens[i];
    const auto id = static_cast<TokenId>(i);
    const std::string piece(loaded->piece(id));
    const std::string shown =
        token.type == 6 ? byte_token(static_cast<unsigned char>(piece[0])) : piece;
    if (shown != token.text) return "token " + std::to_string(i) + " is another";
    if (loaded->is_end(id) != (id == 2)) return "token " + std::to_string(i) + " ends, or does not";
  }
  return "";
}
inline std::string vocab_law(const std::string& vocab) {
  return ready(vocab_fault(grown_vocab(octets(vocab))), "vocab_law", vocab);
}

/// "" or how the key `name`_token_id with this id is taken otherwise than the rule says: inside the
/// vocabulary and no byte it is that token, which has no text; else the file is refused for the
/// key.
inline std::string special_id_fault(const PlainVocab& vocab, const std::string& name,
                                    std::uint32_t id) {
  const std::string key = "tokenizer.ggml." + name + "_token_id";
  const auto loaded = tokenizer_of(vocab.builder().add(key, id));
  const bool good = id < vocab.tokens.size() && vocab.tokens[id].type != 6;
  if (loaded.ok() != good) return key + (good ? " is refused" : " is taken");
  if (!good) {
    if (loaded.error().code != ErrorCode::kBadModel) return key + ": not called a bad model";
    return loaded.error().place == key ? "" : "the place is " + loaded.error().place;
  }
  const auto token = static_cast<TokenId>(id);
  if (name == "bos" && loaded->bos() != token) return "bos is another";
  if (name == "eos" && loaded->eos() != token) return "eos is another";
  if (name == "unknown" && loaded->unk() != token) return "unknown is another";
  if (name != "bos" && name != "unknown" && !loaded->is_end(token)) return key + " does not end";
  return loaded->decode(std::array{token}).empty() ? "" : key + " has a text";
}
inline std::string special_id_law(const std::string& vocab, const std::string& name,
                                  std::uint32_t id) {
  return ready(special_id_fault(grown_vocab(octets(vocab)), name, id), "special_id_law", vocab,
               name, id);
}

}  // namespace prumo::testing
