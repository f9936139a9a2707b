// prumo_stamp begin|make|check BUILD_FOLDER: removes the stamp before the tests, writes it after
// all of them have passed, or says whether the one that is there is still true. proof.programs in
// that folder names the programs that the tests run and proof.tests the tests, one a line.
#include "support/stamp.h"

#include <cstdio>
#include <ctime>
#include <filesystem>
#include <sstream>
#include <system_error>
#include <vector>

namespace {

using prumo::bench::read_file;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

// Every program must carry the hash of the present library: one that was linked before it has
// tested something else.
std::string find_stale(const std::vector<std::string>& programs) {
  for (const std::string& program : programs) {
    const auto bytes = read_file(program);
    if (!bytes) return program + " cannot be read";
    if (bytes->find(prumo_library_hash) == std::string::npos) {
      return program + " is linked with another library";
    }
  }
  return {};
}

std::string find_newer(const std::vector<std::string>& programs, const std::string& stamp) {
  std::error_code error;
  const auto made = std::filesystem::last_write_time(stamp, error);
  for (const std::string& program : programs) {
    const auto linked = std::filesystem::last_write_time(program, error);
    if (error || linked > made) return program + " is newer than the stamp";
  }
  return {};
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  char text[32] = "";
  if (const std::tm* utc = std::gmtime(&now)) {
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", utc);
  }
  return text;
}

bool write(const std::string& path, const std::string& count) {
  std::ofstream file(path, std::ios::binary);
  file << prumo::bench::format_stamp({prumo_library_hash, count, utc_now()});
  file.flush();
  return file.good();
}

// What stands between this build and its stamp, in a few words; empty when nothing does.
std::string problem_of(const std::string& verb, const std::string& build) {
  const std::string stamp = build + "/proof.stamp";
  if (verb == "begin") {
    std::error_code error;
    std::filesystem::remove(stamp, error);
    return error ? stamp + " cannot be removed" : "";
  }
  const auto programs = lines_of(read_file(build + "/proof.programs").value_or(""));
  const auto tests = lines_of(read_file(build + "/proof.tests").value_or(""));
  if (programs.empty() || tests.empty()) return "nothing in " + build + " vouches for the library";
  const std::string stale = find_stale(programs);
  if (!stale.empty()) return stale;
  const std::string count = std::to_string(tests.size());
  if (verb == "make") return write(stamp, count) ? "" : stamp + " cannot be written";

  const std::string unproved = prumo::bench::why_unproved(stamp, prumo_library_hash);
  if (!unproved.empty()) return unproved;
  const auto present = prumo::bench::parse_stamp(read_file(stamp).value_or(""));
  if (!present || present->tests != count) return "there are other tests than " + stamp + " counts";
  return find_newer(programs, stamp);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string verb = argc == 3 ? argv[1] : "";
  if (verb != "begin" && verb != "make" && verb != "check") {
    std::fprintf(stderr, "prumo_stamp begin|make|check BUILD_FOLDER\n");
    return 2;
  }
  const std::string problem = problem_of(verb, argv[2]);
  if (problem.empty()) return 0;
  std::fprintf(stderr, "Not proved: %s. Build, then run ctest.\n", problem.c_str());
  return 1;
}
