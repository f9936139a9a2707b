// Writes the seeds that are known by name, of the target that the folder is named after.
// gguf_reader: every way of being wrong that tests/support/gguf_malformed.h lists, and two files
// that are right. model: the files of tests/support/model_malformed.h, each loaded once to see that
// it is what its name says. vocab: those of them that are about the vocabulary. With --check it
// writes nothing and compares: a class without its seed is a failure.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "prumo.h"
#include "support/gguf_malformed.h"
#include "support/model_malformed.h"

namespace {

using prumo::testing::Bytes;

struct Seed {
  std::string name;
  Bytes file;
};

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

std::vector<Seed> reader_seeds() {
  std::vector<Seed> seeds;
  for (auto& each : prumo::testing::MalformedGgufs::all()) {
    // A key of 64 KiB would be most of the corpus; the unit tests have it.
    if (each.file.size() <= 16384) seeds.push_back({each.name, std::move(each.file)});
  }
  seeds.push_back({"GoodEmpty", prumo::testing::GgufBuilder().build()});
  seeds.push_back({"GoodSmall", prumo::testing::small_gguf().build()});
  return seeds;
}

/// Counts in `wrong` those that are not refused for what they are named after.
std::vector<Seed> model_seeds(int& wrong) {
  std::vector<Seed> seeds;
  for (auto& each : prumo::testing::ModelCases::all()) {
    const auto model = prumo::Model::load(each.file, 1);
    const std::string place = model ? "" : model.error().place;
    if (place != each.place) {
      std::fprintf(stderr, "%s: refused for '%s', not for '%s'\n", each.name.c_str(), place.c_str(),
                   each.place.c_str());
      ++wrong;
    }
    seeds.push_back({each.name, std::move(each.file)});
  }
  return seeds;
}

/// Behind the byte that says that a file follows.
std::vector<Seed> vocab_seeds() {
  std::vector<Seed> seeds;
  for (auto& each : prumo::testing::ModelCases::all()) {
    if (!each.place.starts_with("tokenizer.") && each.name != "GoodF32Tied") continue;
    each.file.insert(each.file.begin(), std::byte{0});
    seeds.push_back({each.name, std::move(each.file)});
  }
  return seeds;
}

}  // namespace

int main(int argc, char** argv) {
  const bool check = argc == 3 && std::strcmp(argv[1], "--check") == 0;
  const std::string folder = argc == 2 || check ? argv[argc - 1] : "";
  const std::string target = folder.substr(folder.rfind('/') + 1);
  int wrong = 0;
  std::vector<Seed> seeds;
  if (target == "gguf_reader") seeds = reader_seeds();
  if (target == "model") seeds = model_seeds(wrong);
  if (target == "vocab") seeds = vocab_seeds();
  if (seeds.empty()) {
    std::fprintf(stderr, "usage: write_seeds [--check] fuzz/corpus/gguf_reader|model|vocab\n");
    return 2;
  }
  for (const Seed& seed : seeds) {
    const std::string path = folder + "/seed-" + seed.name;
    if (check ? holds(path, seed.file) : write(path, seed.file)) continue;
    std::fprintf(stderr, "%s: %s\n", path.c_str(),
                 check ? "not what write_seeds writes" : "cannot be written");
    ++wrong;
  }
  std::printf("%zu seeds, %d wrong\n", seeds.size(), wrong);
  return wrong == 0 ? 0 : 1;
}
