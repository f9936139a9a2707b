// Small SPM vocabularies: written down by hand, or grown out of any bytes at all; as GGUF files and
// as tokenizers.
#pragma once

#include <cassert>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/reader.h"
#include "support/gguf_builder.h"
#include "tokenizer/tokenizer.h"

namespace prumo::testing {

struct PlainToken {
  std::string text;
  float score = 0;
  std::int32_t type = 1;
};

/// What a GGUF file says of its tokenizer, right or wrong.
struct PlainVocab {
  std::vector<PlainToken> tokens;
  std::map<std::string, std::uint32_t> ids = {};  ///< "bos" -> tokenizer.ggml.bos_token_id, ...
  std::optional<bool> add_bos = {};
  std::optional<bool> add_space = {};

  [[nodiscard]] GgufBuilder builder() const {
    GgufBuilder file;
    file.add("tokenizer.ggml.model", std::string_view("llama"));
    std::vector<std::string> texts;
    std::vector<float> scores;
    std::vector<std::int32_t> types;
    for (const PlainToken& token : tokens) {
      texts.push_back(token.text);
      scores.push_back(token.score);
      types.push_back(token.type);
    }
    file.add_array("tokenizer.ggml.tokens", texts);
    file.add_array("tokenizer.ggml.scores", scores);
    file.add_array("tokenizer.ggml.token_type", types);
    for (const auto& [name, id] : ids) file.add("tokenizer.ggml." + name + "_token_id", id);
    if (add_bos) file.add("tokenizer.ggml.add_bos_token", *add_bos);
    if (add_space) file.add("tokenizer.ggml.add_space_prefix", *add_space);
    return file;
  }

  [[nodiscard]] TokenId id_of(std::string_view text) const {
    for (std::size_t i = tokens.size(); i-- > 0;) {
      if (tokens[i].text == text) return static_cast<TokenId>(i);
    }
    return kNoToken;
  }
};

/// The tokenizer of a file in memory. The file is gone when this returns.
inline Result<Tokenizer> tokenizer_of(const GgufBuilder& builder) {
  const Bytes bytes = builder.build();
  const auto file = gguf::File::parse(bytes);
  if (!file) return file.error();
  return Tokenizer::from(*file);
}

/// A tokenizer that must be: says what is wrong and stops otherwise.
inline Tokenizer tokenizer_of(const PlainVocab& vocab) {
  auto tokenizer = tokenizer_of(vocab.builder());
  if (!tokenizer) {
    std::fprintf(stderr, "%s: %s\n", tokenizer.error().place.c_str(),
                 tokenizer.error().message.c_str());
    std::abort();
  }
  return std::move(*tokenizer);
}

/// "<0x0A>" for 10.
inline std::string byte_token(unsigned byte) {
  char text[8];
  std::snprintf(text, sizeof(text), "<0x%02X>", byte & 0xFFu);
  return text;
}

/// <unk>, <s>, </s>, all 256 bytes: what most vocabularies begin with.
inline PlainVocab byte_vocab() {
  PlainVocab vocab;
  vocab.tokens = {{"<unk>", 0, 2}, {"<s>", 0, 3}, {"</s>", 0, 3}};
  for (unsigned byte = 0; byte < 256; ++byte) vocab.tokens.push_back({byte_token(byte), 0, 6});
  return vocab;
}

/// byte_vocab and pieces with falling scores: the first merges first.
inline PlainVocab vocab_of(const std::vector<std::string>& pieces) {
  PlainVocab vocab = byte_vocab();
  for (const std::string& piece : pieces) {
    vocab.tokens.push_back({piece, -static_cast<float>(vocab.tokens.size()), 1});
  }
  return vocab;
}

/// Few enough that random texts hit random pieces: spaces and marks, parts of a mark, characters of
/// every length, and what special tokens are made of.
inline constexpr std::string_view kAtoms[16] = {"a",
                                                "b",
                                                "\xE2\x96\x81",
                                                " ",
                                                "\xE2\x96\x81",
                                                "\xC3\xA9",
                                                "\xE2",
                                                "\x96",
                                                "\x81",
                                                "\xF0\x9F\xA6\x99",
                                                "<",
                                                ">",
                                                "ab",
                                                "\xE2\x82\xAC",
                                                std::string_view("\0", 1),
                                                "c"};

/// Bytes as a text of atoms, two to a byte.
inline std::string atoms(std::span<const std::uint8_t> bytes) {
  std::string out;
  for (const std::uint8_t byte : bytes) (out += kAtoms[byte >> 4]) += kAtoms[byte & 15];
  return out;
}

/// The bytes that a vocabulary is grown out of, from a string that a test can write down.
inline std::span<const std::uint8_t> octets(const std::string& bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

/// A valid vocabulary out of any bytes; the same bytes give the same one. Pieces are made of atoms
/// or of two earlier pieces, so that merges go deep; scores tie often; types are mixed.
inline PlainVocab grown_vocab(std::span<const std::uint8_t> bytes) {
  const auto take = [&]() -> unsigned {
    if (bytes.empty()) return 0;
    const unsigned byte = bytes.front();
    bytes = bytes.subspan(1);
    return byte;
  };
  const unsigned flags = take();
  PlainVocab vocab;
  if (flags & 1) {
    vocab.tokens = {{"<unk>", 0, 2}, {"<s>", 0, 3}, {"</s>", 0, 3}};
  } else {
    vocab = byte_vocab();
  }
  if (flags & 2) vocab.add_space = (flags & 4) != 0;
  if (flags & 8) vocab.add_bos = (flags & 16) != 0;
  // What every text has, unless a flag says otherwise.
  if (!(flags & 32)) {
    for (const char* piece : {"\xE2\x96\x81", "a", "b"}) vocab.tokens.push_back({piece, -9, 1});
  }
  const std::size_t first = vocab.tokens.size();
  constexpr std::int32_t kTypes[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 4, 3, 5, 0};
  while (!bytes.empty() && vocab.tokens.size() < first + 200) {
    const unsigned kind = take();
    PlainToken token{"", static_cast<float>(kind >> 4) / 2 - 4, kTypes[kind & 15]};
    const unsigned how = take();
    if (how >= 128 && vocab.tokens.size() > first) {
      const std::size_t n = vocab.tokens.size() - first;
      const std::string left = vocab.tokens[first + how % n].text;
      token.text = left + vocab.tokens[first + take() % n].text;
      if (token.text.size() > 200) token.text.resize(200);
    } else {
      for (unsigned i = 0; i <= how % 3; ++i) token.text += kAtoms[take() & 15];
    }
    vocab.tokens.push_back(token);
  }
  return vocab;
}

/// A vocabulary of bytes and of user-defined tokens that get in each other's way, out of any bytes:
/// runs of one letter, tokens inside others, equal lengths, equal texts, and lengths about 64.
inline PlainVocab crossing_vocab(std::span<const std::uint8_t> bytes) {
  constexpr std::size_t kRuns[16] = {1, 1, 2, 2, 3, 3, 4, 7, 62, 63, 64, 64, 65, 66, 130, 200};
  PlainVocab vocab = byte_vocab();
  const std::size_t first = vocab.tokens.size();
  for (std::size_t i = 0; i + 2 < bytes.size() && i < 3 * 40; i += 3) {
    const std::size_t n = vocab.tokens.size() - first;
    const unsigned how = n == 0 ? 0 : bytes[i] % 7;
    std::string text = how == 0 ? std::string() : vocab.tokens[first + bytes[i + 1] % n].text;
    switch (how) {
      case 0:
        text.assign(kRuns[bytes[i + 1] % 16], bytes[i + 2] % 3 == 0 ? 'b' : 'a');
        break;
      case 1:
      case 2:
        text += vocab.tokens[first + bytes[i + 2] % n].text;
        break;
      case 3:
        text.resize(1 + bytes[i + 2] % text.size());
        break;
      case 4:
        text.erase(0, bytes[i + 2] % text.size());
        break;
      case 5:
        text.back() = text.back() == 'a' ? 'b' : 'a';
        break;
      default:
        break;  // the same once more
    }
    if (text.size() > 200) text.resize(200);
    vocab.tokens.push_back({text, 0, 4});
  }
  return vocab;
}

/// A text in which the user-defined tokens of `vocab` stand whole, cut off at either side, and
/// across each other.
inline std::string crossing_text(const PlainVocab& vocab, std::span<const std::uint8_t> bytes) {
  std::string out;
  std::vector<std::string> tokens = {"c"};
  for (const PlainToken& token : vocab.tokens) {
    if (token.type == 4) tokens.push_back(token.text);
  }
  for (std::size_t i = 0; i + 2 < bytes.size() && out.size() < 1200; i += 3) {
    std::string text = tokens[bytes[i] % tokens.size()];
    switch (bytes[i + 1] % 4) {
      case 0:
        text.resize(1 + bytes[i + 2] % text.size());
        break;
      case 1:
        text.erase(0, bytes[i + 2] % text.size());
        break;
      case 2: {  // only what does not stand there yet
        std::size_t shared = text.size();
        while (!out.ends_with(std::string_view(text).substr(0, shared))) --shared;
        text.erase(0, shared);
        break;
      }
      default:
        break;
    }
    out += text;
  }
  return out;
}

/// A whole file as bytes; nothing when it cannot be read.
inline std::optional<std::string> read_file(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return std::nullopt;
  std::string out;
  char block[65536];
  for (std::size_t n; (n = std::fread(block, 1, sizeof(block), file)) > 0;) out.append(block, n);
  std::fclose(file);
  return out;
}

}  // namespace prumo::testing
