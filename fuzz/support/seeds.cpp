// Writes the seeds that are known by name: for the kernels every way of reading the input, with
// numbers and lengths that are hard; for the readers every way of being wrong, and models, each
// loaded once to see that it is what its name says. With --check it writes nothing and compares: a
// seed that is missing, another, or no longer made is a failure.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <set>
#include <string>

#include "prumo.h"
#include "support/gguf_malformed.h"
#include "support/model_malformed.h"
#include "support/seeds.h"

namespace prumo::fuzz {
namespace {

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

void add_reader_seeds(Seeds& seeds) {
  const auto add = [&](const std::string& name, Bytes bytes) {
    seeds.push_back({"gguf_reader", name, std::move(bytes)});
  };
  for (const auto& wrong : testing::MalformedGgufs::all()) add(wrong.name, wrong.file);
  add("GoodEmpty", testing::GgufBuilder().build());
  add("GoodSmall", testing::small_gguf().build());
  testing::GgufBuilder b = testing::small_gguf();
  b.version = 2;
  b.align(8).add("split.count", std::uint16_t{1}).add("u64", ~std::uint64_t{0}).add("f64", 0.5);
  b.add("general.type", "model").add_array<std::int64_t>("i64s", {-1, 2});
  b.add_tensor("q8", 8, {32, 2}, Bytes(68, std::byte{3}));
  b.add_tensor("q6", 14, {256}, Bytes(210, std::byte{4}));
  b.pad_last = false;
  add("GoodRich", b.build());
}

/// Says what is wrong with a file; returns 1, to be added up.
int wrong(const std::string& path, const std::string& what) {
  std::fprintf(stderr, "%s: %s\n", path.c_str(), what.c_str());
  return 1;
}

/// Whole models, and for the vocabulary's own target those that are about it, behind the byte that
/// says that a file follows. Returns how many are not refused for what they are named after.
int add_model_seeds(Seeds& seeds) {
  int faults = 0;
  for (auto& each : testing::ModelCases::all()) {
    const auto model = Model::load(each.file, 1);
    const std::string place = model ? "" : model.error().place;
    if (place != each.place) {
      faults += wrong(each.name, "refused for '" + place + "', not for '" + each.place + "'");
    }
    if (each.place.starts_with("tokenizer.") || each.name == "GoodF32Tied") {
      seeds.push_back({"vocab", each.name, each.file});
      seeds.back().bytes.insert(seeds.back().bytes.begin(), std::byte{0});
    }
    seeds.push_back({"model", each.name, std::move(each.file)});
  }
  return faults;
}

int run(const std::string& folder, bool check) {
  Seeds seeds;
  int faults = add_model_seeds(seeds);
  add_reader_seeds(seeds);
  add_vector_seeds(seeds);
  add_product_seeds(seeds);
  add_matrix_seeds(seeds);
  add_key_seeds(seeds);
  add_text_seeds(seeds);
  add_scan_seeds(seeds);
  add_attention_seeds(seeds);
  add_history_seeds(seeds);
  std::set<std::string> targets, paths, contents;
  for (const Seed& seed : seeds) {
    const std::string path = folder + "/" + seed.target + "/seed-" + seed.name;
    targets.insert(seed.target);
    std::string content = seed.target + "\n";
    for (const std::byte b : seed.bytes) content += static_cast<char>(b);
    if (!paths.insert(path).second) faults += wrong(path, "is made twice");
    if (!contents.insert(content).second) faults += wrong(path, "is the same as another seed");
    if (check ? holds(path, seed.bytes) : write(path, seed.bytes)) continue;
    faults += wrong(path, check ? "not what write_seeds writes" : "cannot be written");
  }
  for (const std::string& target : targets) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder + "/" + target, error)) {
      const std::string path = entry.path().string();
      const bool named = entry.path().filename().string().starts_with("seed-");
      if (named && !paths.contains(path)) faults += wrong(path, "write_seeds makes no such seed");
    }
    if (error) faults += wrong(folder + "/" + target, "cannot be listed");
  }
  std::printf("%zu seeds, %d faults\n", seeds.size(), faults);
  return faults == 0 ? 0 : 1;
}

}  // namespace
}  // namespace prumo::fuzz

int main(int argc, char** argv) {
  const bool check = argc == 3 && std::strcmp(argv[1], "--check") == 0;
  if (argc != 2 && !check) {
    std::fprintf(stderr, "usage: write_seeds [--check] fuzz/corpus\n");
    return 2;
  }
  return prumo::fuzz::run(argv[argc - 1], check);
}
