// SPM by its definition, as slowly as it is written: every merge looks at every pair. It works on
// the vocabulary as the file writes it, marks and all, where the library turns marks into spaces.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "support/spm_vocab.h"
#include "support/utf8_oracle.h"

namespace prumo::testing {

class SpmReference {
 public:
  explicit SpmReference(const PlainVocab& vocab) : vocab_(vocab) {
    for (std::size_t i = 0; i < vocab.tokens.size(); ++i) {
      const PlainToken& token = vocab.tokens[i];
      const auto id = static_cast<TokenId>(i);
      if (token.text.empty()) continue;
      if (is_normal(id)) pieces_[token.text] = id;
      if (is_user_defined(id)) user_defined_[token.text] = id;
      if (token.type == 6)
        bytes_[static_cast<unsigned char>(std::stoi(token.text.substr(3, 2), nullptr, 16))] = id;
    }
    // A byte without a token of its own: the piece that is this byte, as text would find it.
    for (const auto& [text, id] : pieces_) {
      if (text == "\xE2\x96\x81") bytes_.try_emplace(' ', id);
      if (text.size() == 1 && text != " ")
        bytes_.try_emplace(static_cast<unsigned char>(text[0]), id);
    }
  }

  [[nodiscard]] bool adds_space() const { return vocab_.add_space.value_or(true); }
  /// Whether every byte has a token, so that decoding gives the text back.
  [[nodiscard]] bool lossless() const { return bytes_.size() == 256; }

  /// Without a bos.
  [[nodiscard]] std::vector<TokenId> encode(std::string_view text) const {
    // Which token each byte belongs to: longest tokens first, then the lower id, then the left.
    std::vector<std::pair<std::string, TokenId>> order(user_defined_.begin(), user_defined_.end());
    std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
      return a.first.size() != b.first.size() ? a.first.size() > b.first.size()
                                              : a.second < b.second;
    });
    std::vector<bool> taken(text.size(), false);
    std::map<std::size_t, std::pair<std::string, TokenId>> at;
    for (const auto& each : order) {
      for (std::size_t i = 0; i + each.first.size() <= text.size(); ++i) {
        const auto begin = taken.begin() + static_cast<std::ptrdiff_t>(i);
        const auto end = begin + static_cast<std::ptrdiff_t>(each.first.size());
        if (text.substr(i, each.first.size()) != each.first) continue;
        if (std::find(begin, end, true) != end) continue;
        std::fill(begin, end, true);
        at[i] = each;
      }
    }
    std::vector<TokenId> out;
    std::string run;
    for (std::size_t i = 0; i < text.size();) {
      if (const auto found = at.find(i); found != at.end()) {
        encode_run(run, out);
        run.clear();
        out.push_back(found->second.second);
        i += found->second.first.size();
      } else {
        run += text[i++];
      }
    }
    encode_run(run, out);
    return out;
  }

  /// The text of ids that may be anything.
  [[nodiscard]] std::string decode(const std::vector<TokenId>& ids) const {
    std::string out;
    bool at_start = true;
    for (const TokenId id : ids) {
      if (id < 0 || static_cast<std::size_t>(id) >= vocab_.tokens.size()) continue;
      const PlainToken& token = vocab_.tokens[static_cast<std::size_t>(id)];
      std::string text;
      if (is_user_defined(id)) {
        out += token.text;
        at_start = true;
        continue;
      }
      if (token.type == 3) at_start = true;
      if (token.type == 6)
        text = static_cast<char>(std::stoi(token.text.substr(3, 2), nullptr, 16));
      if (is_normal(id)) text = with_spaces(token.text);
      if (text.empty()) continue;
      if (at_start && adds_space() && text[0] == ' ') text.erase(0, 1);
      at_start = false;
      out += text;
    }
    return out;
  }

 private:
  struct Symbol {
    std::string
        written;  // as a vocabulary writes it; empty for a literal mark, which nothing means
    std::string raw;
  };

  static std::string with_spaces(std::string text) {
    for (std::size_t i; (i = text.find("\xE2\x96\x81")) != std::string::npos;)
      text.replace(i, 3, " ");
    return text;
  }
  [[nodiscard]] bool marked(TokenId id) const {
    return vocab_.tokens[static_cast<std::size_t>(id)].text.find("\xE2\x96\x81") !=
           std::string::npos;
  }
  [[nodiscard]] bool is_user_defined(TokenId id) const {
    return vocab_.tokens[static_cast<std::size_t>(id)].type == 4 && !marked(id);
  }
  [[nodiscard]] bool is_normal(TokenId id) const {
    const std::int32_t type = vocab_.tokens[static_cast<std::size_t>(id)].type;
    return type == 1 || (type == 4 && marked(id));
  }

  void encode_run(const std::string& run, std::vector<TokenId>& out) const {
    if (run.empty()) return;
    std::vector<Symbol> symbols;
    if (adds_space()) symbols.push_back({"\xE2\x96\x81", " "});
    for (std::string_view rest = run; !rest.empty();) {
      const Utf8Step step = Utf8Oracle::get().step(rest);
      const std::string raw(rest.substr(0, step.what == Utf8::kCharacter ? step.size : 1));
      rest.remove_prefix(raw.size());
      symbols.push_back({raw == " " ? "\xE2\x96\x81" : raw == "\xE2\x96\x81" ? "" : raw, raw});
    }
    while (merge_best(symbols)) {
    }
    for (const Symbol& symbol : symbols) emit(symbol, out);
  }

  bool merge_best(std::vector<Symbol>& symbols) const {
    std::size_t best = symbols.size();
    float best_score = 0;
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      if (symbols[i].written.empty() || symbols[i + 1].written.empty()) continue;
      const auto found = pieces_.find(symbols[i].written + symbols[i + 1].written);
      if (found == pieces_.end()) continue;
      const float score = vocab_.tokens[static_cast<std::size_t>(found->second)].score;
      if (best == symbols.size() || score > best_score) {
        best = i;
        best_score = score;
      }
    }
    if (best == symbols.size()) return false;
    symbols[best].written += symbols[best + 1].written;
    symbols[best].raw += symbols[best + 1].raw;
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    return true;
  }

  void emit(const Symbol& symbol, std::vector<TokenId>& out) const {
    const auto found = symbol.written.empty() ? pieces_.end() : pieces_.find(symbol.written);
    if (found != pieces_.end()) {
      out.push_back(found->second);
      return;
    }
    std::vector<TokenId> bytes;
    for (const char c : symbol.raw) {
      const auto byte = bytes_.find(static_cast<unsigned char>(c));
      if (byte != bytes_.end()) bytes.push_back(byte->second);
    }
    if (bytes.size() < symbol.raw.size()) {
      bytes.clear();
      if (vocab_.id_of("<unk>") != kNoToken) bytes.push_back(0);
    }
    out.insert(out.end(), bytes.begin(), bytes.end());
  }

  PlainVocab vocab_;
  std::map<std::string, TokenId> pieces_;
  std::map<std::string, TokenId> user_defined_;
  std::map<unsigned char, TokenId> bytes_;
};

}  // namespace prumo::testing
