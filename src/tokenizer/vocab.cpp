// Reads tokenizer.ggml.* keys and checks them. Keys: docs/gguf.md of the ggml project; where files
// in the wild leave room, what llama.cpp makes of them.
#include "tokenizer/vocab.h"

#include <algorithm>
#include <array>
#include <cassert>

namespace prumo {

namespace {

constexpr std::string_view kModel = "tokenizer.ggml.model";
constexpr std::string_view kTokens = "tokenizer.ggml.tokens";
constexpr std::string_view kTypes = "tokenizer.ggml.token_type";
constexpr std::string_view kAddBos = "tokenizer.ggml.add_bos_token";
constexpr std::string_view kBos = "tokenizer.ggml.bos_token_id";
constexpr std::string_view kEos = "tokenizer.ggml.eos_token_id";
constexpr std::string_view kUnk = "tokenizer.ggml.unknown_token_id";
constexpr std::string_view kEot = "tokenizer.ggml.eot_token_id";
constexpr std::string_view kEom = "tokenizer.ggml.eom_token_id";

// Texts by which models end a turn; many files mark only one of theirs as eos.
constexpr std::array<std::string_view, 7> kEndTexts = {
    "<|eot_id|>", "<|eom_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<EOT>"};

static_assert(gguf::kMaxArrayItems <= 0x7FFFFFFF, "a TokenId can name every item of an array");

Error bad(std::string_view key, std::string message) {
  return {ErrorCode::kBadModel, std::string(key), std::move(message)};
}

Error unsupported_model(std::string_view model) {
  std::string_view kind;
  if (model == "gpt2") kind = ", a byte-level BPE";
  if (model == "bert") kind = ", a WordPiece";
  if (model == "t5") kind = ", a Unigram";
  if (model == "rwkv") kind = ", a greedy trie";
  return {ErrorCode::kUnsupported, std::string(kModel),
          "the tokenizer is \"" + gguf::printable(model) + "\"" + std::string(kind) +
              ": use a model whose tokenizer is \"llama\" (SentencePiece BPE)"};
}

std::optional<std::uint8_t> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  return std::nullopt;
}

}  // namespace

std::optional<std::uint8_t> parse_byte_token(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text.back() != '>') return std::nullopt;
  const auto high = hex_digit(text[3]);
  const auto low = hex_digit(text[4]);
  if (!high || !low) return std::nullopt;
  return static_cast<std::uint8_t>(*high << 4 | *low);
}

Result<Vocab> Vocab::from(const gguf::File& file) {
  const auto model = file.string(kModel);
  if (!model) return model.error();
  if (*model != "llama") return unsupported_model(*model);
  Vocab vocab;
  if (auto read = vocab.read_tokens(file); !read) return read.error();
  if (auto read = vocab.read_types(file); !read) return read.error();
  if (auto read = vocab.read_specials(file); !read) return read.error();
  vocab.settle_user_defined();
  return vocab;
}

Status Vocab::read_tokens(const gguf::File& file) {
  const gguf::Value* tokens = file.find(kTokens);
  if (tokens == nullptr) {
    return bad(kTokens, "the file has no vocabulary: convert the model again with its tokenizer");
  }
  if (!tokens->is_array() || tokens->element_type() != gguf::ValueType::kString) {
    return bad(kTokens, "the vocabulary must be an array of strings: convert the model again");
  }
  const std::uint64_t count = tokens->count();
  if (count == 0) {
    return bad(kTokens, "the vocabulary is empty: convert the model again with its tokenizer");
  }
  texts_.reserve(tokens->payload().size() - 8 * count);  // a payload has 8 bytes before each string
  starts_.reserve(count + 1);
  for (std::uint64_t i = 0; i < count; ++i) {
    starts_.push_back(texts_.size());
    texts_ += tokens->string_at(i);
  }
  starts_.push_back(texts_.size());
  types_.assign(count, TokenType::kNormal);
  ends_.assign(count, false);
  return success();
}

Status Vocab::read_types(const gguf::File& file) {
  const gguf::Value* types = file.find(kTypes);
  typed_ = types != nullptr;
  if (typed_) {
    if (!types->is_array() || types->element_type() != gguf::ValueType::kI32) {
      return bad(kTypes, "token types must be an array of i32: convert the model again");
    }
    if (types->count() != size()) {
      return bad(kTypes, "there are " + std::to_string(types->count()) + " types for " +
                             std::to_string(size()) + " tokens: convert the model again");
    }
  }
  for (std::size_t i = 0; i < size(); ++i) {
    const std::string_view token = text(static_cast<TokenId>(i));
    const bool is_byte = parse_byte_token(token).has_value();
    if (!typed_) {
      if (is_byte) types_[i] = TokenType::kByte;
      continue;
    }
    const std::int32_t type = types->i32_at(i);
    if (type < 0 || type > 6) {
      return bad(kTypes, "token " + std::to_string(i) + " has type " + std::to_string(type) +
                             ", and types go from 0 to 6: convert the model again");
    }
    types_[i] = static_cast<TokenType>(type);
    if (types_[i] == TokenType::kByte && !is_byte) {
      return bad(kTokens, "token " + std::to_string(i) + ", \"" + gguf::printable(token) +
                              "\", is a byte by its type and must be written <0xNN>: convert the "
                              "model again");
    }
  }
  return success();
}

Result<TokenId> Vocab::special(const gguf::File& file, std::string_view key,
                               TokenId otherwise) const {
  if (file.find(key) == nullptr) return otherwise;
  const auto id = file.uint(key);
  if (!id) return id.error();
  if (*id >= size()) {
    return bad(key, "token " + std::to_string(*id) + " is outside of the vocabulary of " +
                        std::to_string(size()) + ": convert the model again");
  }
  if (types_[*id] == TokenType::kByte) {
    return bad(key, "token " + std::to_string(*id) +
                        " is a byte and can have no special meaning: convert the model again");
  }
  return static_cast<TokenId>(*id);
}

TokenId Vocab::usual(TokenId id, TokenType type, std::string_view text_of_it) const {
  if (!contains(id)) return kNoToken;
  return (typed_ ? this->type(id) == type : text(id) == text_of_it) ? id : kNoToken;
}

void Vocab::make_control(TokenId id, TokenType type) {
  if (id == kNoToken) return;
  TokenType& now = types_[static_cast<std::size_t>(id)];
  if (now != TokenType::kControl && now != TokenType::kUnknown) now = type;
}

Status Vocab::read_specials(const gguf::File& file) {
  struct Special {
    std::string_view key;
    TokenId id;  // when the file lacks the key
  };
  std::array<Special, 5> specials = {{{kBos, usual(1, TokenType::kControl, "<s>")},
                                      {kEos, usual(2, TokenType::kControl, "</s>")},
                                      {kUnk, usual(0, TokenType::kUnknown, "<unk>")},
                                      {kEot, kNoToken},
                                      {kEom, kNoToken}}};
  for (Special& each : specials) {
    const auto id = special(file, each.key, each.id);
    if (!id) return id.error();
    each.id = *id;
  }
  const auto [bos, eos, unk, eot, eom] = specials;
  bos_ = bos.id;
  eos_ = eos.id;
  unk_ = unk.id;
  make_control(bos_, TokenType::kControl);
  make_control(unk_, TokenType::kUnknown);
  for (const TokenId end : {eos.id, eot.id, eom.id}) {
    make_control(end, TokenType::kControl);
    if (end != kNoToken) ends_[static_cast<std::size_t>(end)] = true;
  }
  adds_bos_ = bos_ != kNoToken;
  if (file.find(kAddBos) != nullptr) {
    const auto wanted = file.boolean(kAddBos);
    if (!wanted) return wanted.error();
    adds_bos_ = adds_bos_ && *wanted;
  }
  return success();
}

void Vocab::settle_user_defined() {
  for (std::size_t i = 0; i < size(); ++i) {
    const std::string_view token = text(static_cast<TokenId>(i));
    const bool user_defined = types_[i] == TokenType::kUserDefined;
    if ((user_defined || types_[i] == TokenType::kControl) &&
        std::find(kEndTexts.begin(), kEndTexts.end(), token) != kEndTexts.end()) {
      types_[i] = TokenType::kControl;
      ends_[i] = true;
    } else if (user_defined && token.find(kSpaceMark) != std::string_view::npos) {
      types_[i] = TokenType::kNormal;
    }
  }
}

std::string_view Vocab::text(TokenId id) const {
  assert(contains(id));
  const auto i = static_cast<std::size_t>(id);
  return std::string_view(texts_).substr(starts_[i], starts_[i + 1] - starts_[i]);
}

TokenType Vocab::type(TokenId id) const {
  assert(contains(id));
  return types_[static_cast<std::size_t>(id)];
}

bool Vocab::is_end(TokenId id) const {
  assert(contains(id));
  return ends_[static_cast<std::size_t>(id)];
}

}  // namespace prumo
