// Writes the seeds of fuzz_gguf_reader that are known by name: every way of being wrong that
// tests/support/gguf_malformed.h lists, and two files that are right. With --check it writes
// nothing and compares: a class without its seed is a failure.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "support/gguf_malformed.h"

namespace {

using prumo::testing::Bytes;

bool write(const std::string& path, const Bytes& bytes) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return false;
  const bool good = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  return std::fclose(file) == 0 && good;
}

bool holds(const std::string& path, const Bytes& bytes) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return false;
  Bytes found(bytes.size() + 1);
  const std::size_t n = std::fread(found.data(), 1, found.size(), file);
  std::fclose(file);
  return n == bytes.size() && std::equal(bytes.begin(), bytes.end(), found.begin());
}

}  // namespace

int main(int argc, char** argv) {
  const bool check = argc == 3 && std::strcmp(argv[1], "--check") == 0;
  if (argc != 2 && !check) {
    std::fprintf(stderr, "usage: write_seeds [--check] fuzz/corpus/gguf_reader\n");
    return 2;
  }
  const std::string folder = argv[argc - 1];
  std::vector<prumo::testing::MalformedGguf> seeds = prumo::testing::MalformedGgufs::all();
  // A key of 64 KiB would be most of the corpus; the unit tests have it.
  std::erase_if(seeds, [](const auto& seed) { return seed.file.size() > 16384; });
  seeds.push_back({"GoodEmpty", {}, "", prumo::testing::GgufBuilder().build()});
  seeds.push_back({"GoodSmall", {}, "", prumo::testing::small_gguf().build()});
  int wrong = 0;
  for (const auto& seed : seeds) {
    const std::string path = folder + "/seed-" + seed.name;
    if (check ? holds(path, seed.file) : write(path, seed.file)) continue;
    std::fprintf(stderr, "%s: %s\n", path.c_str(),
                 check ? "not what write_seeds writes" : "cannot be written");
    ++wrong;
  }
  std::printf("%zu seeds, %d wrong\n", seeds.size(), wrong);
  return wrong == 0 ? 0 : 1;
}
