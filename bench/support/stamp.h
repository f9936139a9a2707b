// The stamp: what a passing ctest leaves in the build folder, and what is asked of it before
// anything is timed.
#pragma once

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

/// "prumo-library-sha256:" and 64 hexadecimal digits: the library that this program is linked with.
extern "C" const char prumo_library_hash[];

namespace prumo::bench {

struct Stamp {
  std::string library;  ///< as prumo_library_hash
  std::string tests;    ///< how many passed
  std::string date;     ///< UTC
};

/// The whole file, or nothing when it cannot be read.
inline std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

/// Three lines, "library", "tests" and "date", each followed by a space and its value. Anything
/// else is no stamp.
inline std::optional<Stamp> parse_stamp(std::string_view text) {
  Stamp stamp;
  for (auto [key, value] : {std::pair{"library ", &stamp.library},
                            std::pair{"tests ", &stamp.tests}, std::pair{"date ", &stamp.date}}) {
    const std::size_t end = text.find('\n');
    if (!text.starts_with(key) || end == std::string_view::npos) return std::nullopt;
    const std::string_view line = text.substr(0, end);
    *value = line.substr(std::string_view(key).size());
    text.remove_prefix(end + 1);
  }
  if (!text.empty()) return std::nullopt;
  return stamp;
}

inline std::string format_stamp(const Stamp& stamp) {
  return "library " + stamp.library + "\ntests " + stamp.tests + "\ndate " + stamp.date + "\n";
}

/// Why a library of this hash may not be timed, in one sentence; empty when the stamp at `path`
/// says that its tests passed.
inline std::string why_unproved(const std::string& path, std::string_view library) {
  const auto text = read_file(path);
  if (!text) return "no passing ctest has left its stamp at " + path;
  const auto stamp = parse_stamp(*text);
  if (!stamp) return "the file " + path + " is not a stamp";
  if (stamp->library != library) {
    return "the stamp at " + path +
           " is of another library: the one linked here is not the one "
           "whose tests passed";
  }
  return {};
}

}  // namespace prumo::bench
