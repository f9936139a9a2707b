// Loading a vocabulary, text to tokens and back, on running English. The built-in model's
// vocabulary (1024 tokens), and Llama's (32000) where PRUMO_PARITY_DATA has it.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/gate.h"
#include "tokenizer/tokenizer.h"

namespace {

using namespace prumo;

const std::string kSource = PRUMO_SOURCE_DIR;

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Result<Tokenizer> load(const std::string& model) {
  const auto file = gguf::File::parse(std::as_bytes(std::span(model)));
  if (!file) return file.error();
  return Tokenizer::from(*file);
}

const std::string& english() {
  static const std::string text = read(kSource + "/tests/data/heldout.txt");
  return text;
}

/// The same text without its spaces: one long word, so nothing limits how far merges may reach.
std::string one_word() {
  std::string text;
  for (const char c : english()) {
    if (c != ' ') text += c;
  }
  return text;
}

void encode(benchmark::State& state, const Tokenizer& tokenizer, const std::string& text) {
  std::size_t tokens = 0;
  for (auto step : state) {
    const auto ids = tokenizer.encode(text, true);
    benchmark::DoNotOptimize(ids.data());
    tokens = ids.size();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
  state.counters["bytes/token"] = static_cast<double>(text.size()) / static_cast<double>(tokens);
  state.counters["tok/s"] =
      benchmark::Counter(static_cast<double>(tokens) * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate);
}

void decode(benchmark::State& state, const Tokenizer& tokenizer) {
  const auto ids = tokenizer.encode(english(), true);
  if (tokenizer.decode(ids) != english()) {
    state.SkipWithError("the text does not come back");
    return;
  }
  for (auto step : state) benchmark::DoNotOptimize(tokenizer.decode(ids).data());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(english().size()));
}

void load_model(benchmark::State& state, const std::string& model) {
  for (auto step : state) {
    if (!load(model)) state.SkipWithError("the model does not load");
  }
}

const bool registered = [] {
  const char* const data = std::getenv("PRUMO_PARITY_DATA");
  const std::vector<std::pair<std::string, std::string>> models = {
      {"builtin", kSource + "/src/cli/builtin.gguf"},
      {"llama", data == nullptr ? "" : std::string(data) + "/vocab-llama-spm.gguf"}};
  for (const auto& [name, path] : models) {
    const std::string model = read(path);
    auto loaded = load(model);
    if (!loaded || english().empty()) {
      std::fprintf(stderr, "skipped: %s (its vocabulary or the text is not there)\n", name.c_str());
      continue;
    }
    const auto tokenizer = std::make_shared<const Tokenizer>(std::move(*loaded));
    const auto add = [&, name = name](const char* what, auto run) {
      benchmark::RegisterBenchmark(("spm/" + std::string(what) + "/" + name).c_str(), run)
          ->Unit(benchmark::kMicrosecond);
    };
    add("encode", [tokenizer](auto& state) { encode(state, *tokenizer, english()); });
    add("encode_a_word", [tokenizer](auto& state) { encode(state, *tokenizer, one_word()); });
    add("encode_a_prompt", [tokenizer](auto& state) {
      encode(state, *tokenizer, "In the beginning God created the heaven and the earth.");
    });
    add("decode", [tokenizer](auto& state) { decode(state, *tokenizer); });
    add("load", [model](auto& state) { load_model(state, model); });
  }
  return true;
}();

}  // namespace

PRUMO_BENCH_MAIN();
