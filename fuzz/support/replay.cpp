// A main for fuzz targets without an engine: runs the target on every file named, and on every file
// of every folder named. Replaying nothing is a failure, and so is a whole folder that leaves out a
// kernel the target is about. Files are read by way of the C library alone, since MemorySanitizer
// cannot see what the C++ library's streams write.
#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "support/check.h"

namespace {

bool is_folder(const std::string& path) {
  struct stat what = {};
  return ::stat(path.c_str(), &what) == 0 && S_ISDIR(what.st_mode);
}

// Appends `path`, or every file below it, in an order that does not depend on the file system.
void append_files(const std::string& path, std::vector<std::string>& files) {
  if (!is_folder(path)) {
    files.push_back(path);
    return;
  }
  std::vector<std::string> names;
  if (DIR* folder = ::opendir(path.c_str())) {
    while (const dirent* entry = ::readdir(folder)) {
      if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0)
        names.emplace_back(entry->d_name);
    }
    ::closedir(folder);
  }
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) append_files(path + "/" + name, files);
}

bool read(const std::string& path, std::vector<std::uint8_t>& bytes) {
  bytes.clear();
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return false;
  std::uint8_t block[4096] = {};
  while (const std::size_t n = std::fread(block, 1, sizeof block, file)) {
    bytes.insert(bytes.end(), block, block + n);
  }
  const bool good = std::ferror(file) == 0;
  std::fclose(file);
  return good;
}

}  // namespace

int main(int argc, char** argv) {
  if (const int status = prumo::testing::refused_isas()) return status;
  std::vector<std::string> files;
  bool whole = false;
  for (int i = 1; i < argc; ++i) {
    whole = whole || is_folder(argv[i]);
    append_files(argv[i], files);
  }
  std::vector<std::uint8_t> bytes;
  for (const std::string& path : files) {
    if (!read(path, bytes)) {
      std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
      return 2;
    }
    const auto exact = prumo::fuzz::exact_copy<std::uint8_t>(bytes.data(), bytes.size());
    LLVMFuzzerTestOneInput(exact.get(), bytes.size());
  }
  std::printf("replayed %zu files\n", files.size());
  if (files.empty()) {
    std::fprintf(stderr, "nothing to replay: name a corpus file or folder that has one\n");
    return 2;
  }
  return prumo::testing::report_executed(argv[0], whole, stdout);
}
