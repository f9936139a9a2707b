// What parsing costs before the first weight is read: a vocabulary of V strings with scores and
// types, and the keys and tensors of a model with 32 layers.
#include "gguf/reader.h"

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "gguf/writer.h"
#include "support/gate.h"

namespace prumo::gguf {
namespace {

/// A model file of small tensors: what matters here is how many there are.
std::vector<std::byte> model(std::size_t vocabulary) {
  std::vector<std::string> tokens;
  for (std::size_t i = 0; i < vocabulary; ++i) tokens.push_back("token" + std::to_string(i));
  Writer writer;
  for (int i = 0; i < 40; ++i) writer.add("general.key" + std::to_string(i), std::uint32_t{1});
  writer.add_array("tokenizer.ggml.tokens", tokens);
  writer.add_array("tokenizer.ggml.scores", std::vector<float>(vocabulary, -1.0f));
  writer.add_array("tokenizer.ggml.token_type", std::vector<std::int32_t>(vocabulary, 1));
  for (int layer = 0; layer < 32; ++layer) {
    for (int i = 0; i < 9; ++i) {
      const std::string name = "blk." + std::to_string(layer) + ".part" + std::to_string(i);
      writer.add_tensor(name, 8, {64, 4}, [](std::uint64_t, std::span<std::byte> out) {
        std::fill(out.begin(), out.end(), std::byte{0});
      });
    }
  }
  return writer.to_bytes().value();
}

void parse(benchmark::State& state) {
  const std::vector<std::byte> bytes = model(static_cast<std::size_t>(state.range(0)));
  for (auto step : state) {
    Result<File> file = File::parse(bytes);
    if (!file) return state.SkipWithError(file.error().message.c_str());
    benchmark::DoNotOptimize(file->tensors().data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}
BENCHMARK(parse)->ArgName("V")->Arg(0)->Arg(1024)->Arg(32000)->Arg(128256)->Arg(262144);

void find_tensor(benchmark::State& state) {
  const std::vector<std::byte> bytes = model(0);
  const Result<File> file = File::parse(bytes);
  if (!file) return state.SkipWithError(file.error().message.c_str());
  std::size_t i = 0;
  for (auto step : state) {
    benchmark::DoNotOptimize(file->tensor(file->tensors()[i].name));
    i = (i + 97) % file->tensors().size();
  }
}
BENCHMARK(find_tensor);

}  // namespace
}  // namespace prumo::gguf

PRUMO_BENCH_MAIN();
