// A benchmark of nothing, behind the gate: tests/gate.cpp runs it.
#include <benchmark/benchmark.h>

#include "support/gate.h"

static void nothing(benchmark::State& state) {
  for (auto step : state) benchmark::DoNotOptimize(state.iterations());
}
BENCHMARK(nothing)->Iterations(1);

PRUMO_BENCH_MAIN();
