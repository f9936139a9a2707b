// Repair of ASCII, of text in four-byte characters, and of bytes that are all dead.
#include "base/utf8.h"

#include <benchmark/benchmark.h>

#include <string>

#include "support/gate.h"

namespace {

std::string repeated(const std::string& text) {
  std::string out;
  while (out.size() < 65536) out += text;
  return out;
}

void repair(benchmark::State& state, const std::string& text) {
  std::string out;
  for (auto step : state) {
    out.clear();
    prumo::utf8_repair(text, out);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

BENCHMARK_CAPTURE(repair, ascii, repeated("And God said, Let there be light: "));
BENCHMARK_CAPTURE(repair, llamas, repeated("\xF0\x9F\xA6\x99"));
BENCHMARK_CAPTURE(repair, dead, repeated("\xE2\x82"));

}  // namespace

PRUMO_BENCH_MAIN();
