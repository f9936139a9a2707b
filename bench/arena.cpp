// What the arena costs in a loop, beside the allocator: one reset and one allocation of V floats is
// what an engine pays that keeps both in its token loop.
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "base/arena.h"
#include "support/gate.h"

namespace prumo::bench {
namespace {

constexpr std::size_t kBytes = 32000 * sizeof(float);

// Runs body(arena) in a loop.
template <class Body>
void with_arena(benchmark::State& state, Body body) {
  Result<Arena> arena = Arena::create(std::size_t{16} << 20);
  if (!arena.ok()) return state.SkipWithError("no memory");
  for ([[maybe_unused]] auto _ : state) body(*arena);
}

void reset(benchmark::State& state) {
  with_arena(state, [](Arena& arena) {
    arena.reset();
    benchmark::DoNotOptimize(arena);
  });
}

void reset_and_allocate(benchmark::State& state) {
  with_arena(state, [](Arena& arena) {
    arena.reset();
    benchmark::DoNotOptimize(arena.allocate(kBytes, 64));
  });
}

void reset_and_allocate_64(benchmark::State& state) {
  with_arena(state, [](Arena& arena) {
    arena.reset();
    for (std::size_t i = 0; i < 64; ++i) {
      benchmark::DoNotOptimize(arena.allocate(1000 + 8 * i, 64));
    }
  });
  state.SetItemsProcessed(64 * state.iterations());
}

void mark_allocate_rewind(benchmark::State& state) {
  with_arena(state, [](Arena& arena) {
    const Arena::Mark mark = arena.mark();
    benchmark::DoNotOptimize(arena.allocate(kBytes, 64));
    arena.rewind(mark);
  });
}

void refusal(benchmark::State& state) {
  with_arena(state, [](Arena& arena) {
    benchmark::DoNotOptimize(arena.allocate(std::size_t{1} << 40, 64));
  });
}

void malloc_and_free(benchmark::State& state) {
  const auto bytes = static_cast<std::size_t>(state.range(0));
  for ([[maybe_unused]] auto _ : state) {
    void* p = std::malloc(bytes);
    benchmark::DoNotOptimize(p);
    std::free(p);
  }
}

void create_16_mib(benchmark::State& state) {
  for ([[maybe_unused]] auto _ : state) {
    Result<Arena> arena = Arena::create(std::size_t{16} << 20);
    benchmark::DoNotOptimize(arena);
  }
}

BENCHMARK(reset);
BENCHMARK(reset_and_allocate);
BENCHMARK(reset_and_allocate_64);
BENCHMARK(mark_allocate_rewind);
BENCHMARK(refusal);
BENCHMARK(malloc_and_free)->Arg(1000)->Arg(kBytes)->Arg(262144 * sizeof(float));
BENCHMARK(create_16_mib);

}  // namespace
}  // namespace prumo::bench

PRUMO_BENCH_MAIN();
