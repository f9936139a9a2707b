// Another opinion on UTF-8, from the definition alone: encode every scalar value there is and
// remember which byte sequences are characters and which begin one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"

namespace prumo::testing {

class Utf8Oracle {
 public:
  /// Made once, in some milliseconds.
  static const Utf8Oracle& get() {
    static const Utf8Oracle oracle;
    return oracle;
  }

  [[nodiscard]] Utf8Step step(std::string_view bytes) const {
    std::size_t longest_beginning = 0;
    for (std::size_t n = 1; n <= 4 && n <= bytes.size(); ++n) {
      if (is_character(bytes.substr(0, n))) {
        return {Utf8::kCharacter, static_cast<std::uint8_t>(n)};
      }
      if (n <= 3 && begins_[n - 1][number(bytes.substr(0, n))]) longest_beginning = n;
    }
    if (longest_beginning == bytes.size()) {
      return {Utf8::kCut, static_cast<std::uint8_t>(bytes.size())};
    }
    return {Utf8::kBroken,
            static_cast<std::uint8_t>(longest_beginning == 0 ? 1 : longest_beginning)};
  }

  [[nodiscard]] std::string repair(std::string_view bytes) const {
    std::string out;
    while (!bytes.empty()) {
      const Utf8Step now = step(bytes);
      if (now.what == Utf8::kCharacter) {
        out += bytes.substr(0, now.size);
      } else {
        out += "\xEF\xBF\xBD";
      }
      bytes.remove_prefix(now.size);
    }
    return out;
  }

  [[nodiscard]] bool well_formed(std::string_view bytes) const {
    while (!bytes.empty()) {
      const Utf8Step now = step(bytes);
      if (now.what != Utf8::kCharacter) return false;
      bytes.remove_prefix(now.size);
    }
    return true;
  }

 private:
  Utf8Oracle() {
    for (std::size_t n = 0; n < 3; ++n) {
      begins_[n].assign(std::size_t{1} << (8 * (n + 1)), false);
      whole_[n].assign(std::size_t{1} << (8 * (n + 1)), false);
    }
    // The last of four bytes is not remembered, so every 64th of those characters stands for all.
    for (std::uint32_t value = 0; value <= 0x10FFFF; value += value < 0x10000 ? 1 : 64) {
      if (value >= 0xD800 && value <= 0xDFFF) continue;
      const std::string text = encode(value);
      if (text.size() <= 3) whole_[text.size() - 1][number(text)] = true;
      for (std::size_t n = 1; n < text.size(); ++n)
        begins_[n - 1][number(text.substr(0, n))] = true;
    }
  }

  static std::string encode(std::uint32_t value) {
    const auto tail = [&](unsigned shift) {
      return static_cast<char>(0x80 | ((value >> shift) & 0x3F));
    };
    if (value < 0x80) return {static_cast<char>(value)};
    if (value < 0x800) return {static_cast<char>(0xC0 | (value >> 6)), tail(0)};
    if (value < 0x10000) return {static_cast<char>(0xE0 | (value >> 12)), tail(6), tail(0)};
    return {static_cast<char>(0xF0 | (value >> 18)), tail(12), tail(6), tail(0)};
  }

  static std::size_t number(std::string_view bytes) {
    std::size_t out = 0;
    for (const char c : bytes) out = out << 8 | static_cast<std::uint8_t>(c);
    return out;
  }

  [[nodiscard]] bool is_character(std::string_view bytes) const {
    if (bytes.size() <= 3) return whole_[bytes.size() - 1][number(bytes)];
    // All 64 last bytes of a four-byte character are characters.
    return begins_[2][number(bytes.substr(0, 3))] &&
           (static_cast<std::uint8_t>(bytes[3]) >> 6) == 2;
  }

  std::vector<bool>
      begins_[3];               // by length - 1, of the bytes as a number: a character continues it
  std::vector<bool> whole_[3];  // the bytes are a character
};

}  // namespace prumo::testing
