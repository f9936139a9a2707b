// prumo_stamp make|check STAMP PROGRAMS COUNT: writes the stamp after all COUNT tests have passed,
// or says whether the one that is there is still true. PROGRAMS is a file that names the programs
// the tests ran, one a line.
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

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() != 4 || (arguments[0] != "make" && arguments[0] != "check")) {
    std::fprintf(stderr, "prumo_stamp make|check STAMP PROGRAMS COUNT\n");
    return 2;
  }
  const std::string& stamp = arguments[1];
  const auto list = read_file(arguments[2]);
  const std::vector<std::string> programs = lines_of(list.value_or(""));
  std::string problem = programs.empty() ? "no program vouches for the library" : "";
  if (problem.empty()) problem = find_stale(programs);
  if (arguments[0] == "check") {
    if (problem.empty()) problem = prumo::bench::why_unproved(stamp, prumo_library_hash);
    if (problem.empty()) problem = find_newer(programs, stamp);
  } else if (problem.empty() && !write(stamp, arguments[3])) {
    problem = stamp + " cannot be written";
  }
  if (problem.empty()) return 0;
  std::fprintf(stderr, "Not proved: %s. Build, then run ctest.\n", problem.c_str());
  return 1;
}
