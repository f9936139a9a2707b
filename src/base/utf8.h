// UTF-8 as it comes, broken or cut anywhere: one step at a time, and repaired on the way through.
//
// Well-formed is Table 3-7 of the Unicode Standard (version 15, section 3.9): no overlong forms, no
// surrogates, nothing above U+10FFFF. What is not well-formed is replaced by the rule of the same
// section: each maximal subpart of an ill-formed sequence becomes one U+FFFD. A maximal subpart is
// the longest run of bytes that could still have begun a character, or a single byte if none could.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace prumo {

/// U+FFFD in UTF-8.
inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";

/// What stands at the front of some bytes.
enum class Utf8 : std::uint8_t {
  kCharacter,  ///< a whole, well-formed character
  kBroken,     ///< a maximal subpart that can never become a character
  kCut,        ///< all the bytes there are, and a beginning of a character: more may complete it
};

struct Utf8Step {
  Utf8 what;
  std::uint8_t size;  ///< bytes that it spans: 1-4 for kCharacter, 1-3 otherwise
  bool operator==(const Utf8Step&) const = default;
};

/// Looks at the front of `bytes`, which must not be empty.
Utf8Step utf8_step(std::string_view bytes);

/// Appends `bytes` to `out`, each maximal subpart of an ill-formed sequence as U+FFFD; a cut
/// character at the end is one too. Well-formed text comes out as it is.
void utf8_repair(std::string_view bytes, std::string& out);

/// The same repair for bytes that come in pieces: only whole characters are handed out, and a cut
/// one is kept until the next piece decides. However the bytes are cut into pieces, the text is
/// that of utf8_repair. Allocates nothing of its own.
class Utf8Repairer {
 public:
  /// Appends to `out` all characters that `bytes` complete. `bytes` must not lie in `out`.
  void push(std::string_view bytes, std::string& out);
  /// The end: a cut character becomes U+FFFD. The repairer is then as new.
  void finish(std::string& out);
  /// Bytes kept back, 0-3.
  [[nodiscard]] std::size_t pending() const { return size_; }

 private:
  std::array<char, 4> tail_{};
  std::uint8_t size_ = 0;
};

}  // namespace prumo
