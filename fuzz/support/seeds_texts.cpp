// Seeds of spm, stream and utf8: texts that are no UTF-8 in every way there is, whole and in
// pieces, zero bytes, and runs as long as the targets take them.
#include "support/seeds.h"

namespace prumo::fuzz {
namespace {

// Vocabularies as testing::grown_vocab reads them. Without a byte: all 256 bytes, a mark, "a", "b".
// Then for each piece a kind with its score, and either how many atoms and which, or 128 and which
// two earlier pieces it joins.
const std::vector<unsigned> kBytes = {};
// "aa", and three times twice the one before; then "aaa" of a low score.
const std::vector<unsigned> kRunsOfA = {0, 0x90, 1,       0, 0,    0xA0, 128, 0, 0xB0, 129,
                                        1, 0x80, 128 + 1, 2, 0x10, 2,    0,   0, 0};
// Two, four and eight marks, which are spaces.
const std::vector<unsigned> kRunsOfSpaces = {0, 0x90, 1, 2, 2, 0xA0, 128, 0, 0xB0, 129, 1};
// No bytes and an unknown token: what has no piece is lost, but not silently.
const std::vector<unsigned> kNoBytes = {1};
// A zero byte as a piece, beside "a", and as a token that a user defined.
const std::vector<unsigned> kZeros = {0, 0x90, 0, 0x0E, 0xA0, 1, 0x00, 0x0E, 0x8B, 1, 0x0E, 0x0E};

void add(Seeds& seeds, const std::string& name, const std::vector<unsigned>& vocab,
         const std::string& text) {
  Bytes out;
  testing::put(out, static_cast<std::uint16_t>(vocab.size()));
  for (const unsigned byte : vocab) put_byte(out, byte);
  put_byte(out, 1);  // the text as it stands
  testing::put_raw(out, text);
  seeds.push_back({"spm", name, out});
}

std::string repeated(const std::string& what, std::size_t bytes) {
  std::string out;
  while (out.size() + what.size() <= bytes) out += what;
  return out;
}

const std::pair<const char*, std::string> kBroken[] = {
    {"lone_continuation", "\x80"},
    {"cut_after_one_of_two", "\xC3"},
    {"cut_after_one_of_three", "\xE2"},
    {"cut_after_two_of_three", "\xE2\x96"},
    {"cut_after_three_of_four", "\xF0\x9F\xA6"},
    {"overlong_slash", "\xC0\xAF"},
    {"overlong_zero", "\xE0\x80\x80"},
    {"overlong_of_four", "\xF0\x8F\xBF\xBF"},
    {"surrogate", "\xED\xA0\x80"},
    {"above_the_last_character", "\xF4\x90\x80\x80"},
    {"bytes_that_never_occur", "\xFE\xFF\xF8\xC1"},
};

/// utf8: a byte that seeds the cuts, the text.
void add_utf8(Seeds& seeds) {
  const auto add = [&](const std::string& name, std::size_t cuts, const std::string& text) {
    Bytes out;
    put_byte(out, cuts);
    testing::put_raw(out, text);
    seeds.push_back({"utf8", name, out});
  };
  std::size_t cuts = 0;
  for (const auto& [name, bytes] : kBroken) {
    const std::string text = "a" + bytes + "b" + bytes + bytes + "\xC3\xA9" + bytes;
    add(std::string("invalid_") + name, cuts, text);
    cuts += 29;  // other cuts
  }
  for (const std::size_t seed : {0u, 7u, 77u, 177u}) {
    add("characters_of_every_length_cut_" + std::to_string(seed), seed,
        repeated("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\xA6\x99", 100));
  }
  add("first_and_last_of_each_length", 3,
      std::string("\0\x7F", 2) +
          "\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF"
          "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF");
  add("of_nothing", 0, "");
}

/// stream: a vocabulary, then two bytes a token.
void add_stream(Seeds& seeds) {
  const auto add = [&](const std::string& name, const std::vector<unsigned>& vocab,
                       const std::vector<unsigned>& ids) {
    Bytes out;
    testing::put(out, static_cast<std::uint16_t>(vocab.size()));
    for (const unsigned byte : vocab) put_byte(out, byte);
    for (const unsigned id : ids) testing::put(out, static_cast<std::uint16_t>(id));
    seeds.push_back({"stream", name, out});
  };
  for (const auto& [name, bytes] : kBroken) {
    std::vector<unsigned> ids;
    for (const char c : "a" + bytes + "b" + bytes) ids.push_back(3 + static_cast<unsigned char>(c));
    add(std::string("invalid_") + name, kBytes, ids);
  }
  // Special tokens, bytes of a character cut by them, ids outside on either side.
  add("special_inside_a_character", kBytes, {3 + 0xE2, 1, 3 + 0x82, 2, 3 + 0xAC, 0, 3 + 0xE2});
  add("ids_outside", kBytes, {511, 3 + 'a', 0xF000, 3 + 0xC3, 0xE000, 0xFFFF, 3 + 0xA9, 0xEFFF});
  add("spaces_at_the_start", kRunsOfSpaces, {262, 263, 264, 259, 1, 259, 260, 262});
  add("no_bytes", kNoBytes, {0, 1, 2, 3, 4, 5, 3, 3});
}

}  // namespace

void add_text_seeds(Seeds& seeds) {
  add_utf8(seeds);
  add_stream(seeds);
  for (const auto& [name, bytes] : kBroken) {
    const std::string text = "a" + bytes + "b " + bytes + bytes + "\xE2\x96\x81" + bytes;
    add(seeds, std::string("invalid_") + name, kBytes, text);
  }
  add(seeds, "invalid_without_bytes", kNoBytes, "a\xFFz\xE2\x96\xF0\x9F");
  const std::string zero(1, '\0');
  add(seeds, "zero_byte", kBytes, "a" + zero + "b" + zero + zero + " ");
  add(seeds, "zero_byte_in_pieces", kZeros, zero + "a" + zero + zero + "a" + zero + zero + zero);
  add(seeds, "zero_byte_alone", kBytes, zero);
  add(seeds, "zero_bytes_without_bytes", kNoBytes, repeated(zero, 8));
  add(seeds, "long_run_of_a", kRunsOfA, repeated("a", 256));
  add(seeds, "long_run_of_a_odd", kRunsOfA, repeated("a", 255));
  add(seeds, "long_run_of_spaces", kRunsOfSpaces, repeated(" ", 256));
  add(seeds, "long_run_of_marks", kRunsOfSpaces, repeated("\xE2\x96\x81", 255));
  add(seeds, "long_run_of_zero_bytes", kBytes, repeated(zero, 256));
  add(seeds, "long_run_of_continuations", kBytes, repeated("\x80", 256));
  add(seeds, "long_run_of_words", kRunsOfA, repeated("aaa aa a", 256));
  add(seeds, "long_run_of_four_bytes", kBytes, repeated("\xF0\x9F\xA6\x99", 256));
}

}  // namespace prumo::fuzz
