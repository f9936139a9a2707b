// What streaming costs a generated token: the tokens of running English, and the worst of them,
// bytes that never become a character.
#include "tokenizer/stream.h"

#include <benchmark/benchmark.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "support/gate.h"

namespace {

using namespace prumo;

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Result<Tokenizer> builtin() {
  const std::string model = read(std::string(PRUMO_SOURCE_DIR) + "/src/cli/builtin.gguf");
  const auto file = gguf::File::parse(std::as_bytes(std::span(model)));
  if (!file) return file.error();
  return Tokenizer::from(*file);
}

void push(benchmark::State& state, const std::string& text) {
  const auto tokenizer = builtin();
  if (!tokenizer || text.empty()) {
    state.SkipWithError("the built-in model or the text is not there");
    return;
  }
  const std::vector<TokenId> ids = tokenizer->encode(text, true);
  std::string out;
  for (auto step : state) {
    out.clear();
    TextStream stream(*tokenizer, true);
    for (const TokenId id : ids) stream.push(id, out);
    stream.finish(out);
    benchmark::DoNotOptimize(out.data());
  }
  const auto tokens = static_cast<double>(ids.size());
  state.counters["time/token"] = benchmark::Counter(
      tokens, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

BENCHMARK_CAPTURE(push, english, read(std::string(PRUMO_SOURCE_DIR) + "/tests/data/heldout.txt"));
BENCHMARK_CAPTURE(push, dead_bytes, std::string(80000, '\xE2'));

}  // namespace

PRUMO_BENCH_MAIN();
