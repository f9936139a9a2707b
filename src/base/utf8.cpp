// Table 3-7 of the Unicode Standard as a decision on the first byte and a range for the second.
#include "base/utf8.h"

#include <cassert>
#include <cstddef>

namespace prumo {

namespace {

/// What a first byte asks for: how many bytes, and which second byte. Later ones are 80..BF.
struct Lead {
  std::uint8_t size;  // 0: no character begins so
  std::uint8_t low, high;
};

constexpr Lead lead(std::uint8_t byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xC2) return {0, 0, 0};  // a continuation, or an overlong form of ASCII
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};  // below: overlong
  if (byte == 0xED) return {3, 0x80, 0x9F};  // above: surrogates
  if (byte < 0xF0) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};  // below: overlong
  if (byte < 0xF4) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};  // above: beyond U+10FFFF
  return {0, 0, 0};
}

}  // namespace

Utf8Step utf8_step(std::string_view bytes) {
  assert(!bytes.empty());
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  const Lead first = lead(at(0));
  if (first.size == 0) return {Utf8::kBroken, 1};
  for (std::uint8_t i = 1; i < first.size; ++i) {
    if (i == bytes.size()) return {Utf8::kCut, i};
    const std::uint8_t low = i == 1 ? first.low : std::uint8_t{0x80};
    const std::uint8_t high = i == 1 ? first.high : std::uint8_t{0xBF};
    if (at(i) < low || at(i) > high) return {Utf8::kBroken, i};
  }
  return {Utf8::kCharacter, first.size};
}

void utf8_repair(std::string_view bytes, std::string& out) {
  Utf8Repairer repairer;
  repairer.push(bytes, out);
  repairer.finish(out);
}

void Utf8Repairer::push(std::string_view bytes, std::string& out) {
  // A character that an earlier piece began: byte by byte until it is decided.
  while (size_ != 0 && !bytes.empty()) {
    tail_[size_] = bytes.front();
    const Utf8Step step = utf8_step({tail_.data(), size_ + std::size_t{1}});
    if (step.what == Utf8::kBroken) {
      // The new byte is no part of it: what was kept is the maximal subpart.
      out += kReplacementCharacter;
      size_ = 0;
      break;
    }
    bytes.remove_prefix(1);
    ++size_;
    if (step.what == Utf8::kCharacter) {
      out.append(tail_.data(), size_);
      size_ = 0;
    }
  }
  // The rest: runs of whole characters are copied at once.
  std::size_t done = 0;
  std::size_t i = 0;
  while (i < bytes.size()) {
    const Utf8Step step = utf8_step(bytes.substr(i));
    if (step.what == Utf8::kCharacter) {
      i += step.size;
      continue;
    }
    out.append(bytes, done, i - done);
    if (step.what == Utf8::kBroken) {
      out += kReplacementCharacter;
    } else {
      size_ = step.size;
      bytes.copy(tail_.data(), step.size, i);
    }
    i += step.size;
    done = i;
  }
  out.append(bytes, done);
}

void Utf8Repairer::finish(std::string& out) {
  if (size_ != 0) out += kReplacementCharacter;
  size_ = 0;
}

}  // namespace prumo
