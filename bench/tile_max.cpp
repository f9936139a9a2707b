// tile_max on logits of the usual vocabularies.
#include "base/arena.h"
#include "support/every_table.h"
#include "support/gate.h"

namespace prumo::bench {
namespace {

void run(benchmark::State& state, const Kernels& table) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const std::size_t n_tiles = (n + kTile - 1) / kTile;
  Result<Arena> arena =
      Arena::create(Arena::cost(n * sizeof(float), 64) + Arena::cost(n_tiles * sizeof(float), 64));
  if (!arena.ok()) return state.SkipWithError("no memory");
  auto* x = arena->allocate_array<float>(n, 64);
  auto* tiles = arena->allocate_array<float>(n_tiles, 64);
  const std::vector<float> values = normal_floats(n);
  std::copy(values.begin(), values.end(), x);

  std::vector<float> wanted(n_tiles);
  supported_kernels().front()->tile_max(x, n, wanted.data());
  table.tile_max(x, n, tiles);
  if (!std::equal(wanted.begin(), wanted.end(), tiles)) {
    return state.SkipWithError("the tiles are not the scalar reference's");
  }
  for ([[maybe_unused]] auto _ : state) {
    table.tile_max(x, n, tiles);
    benchmark::ClobberMemory();
  }
  count(state, n, n * sizeof(float));
}

void logits(benchmark::internal::Benchmark* b) {
  for (const int n : {32000, 49152, 128256}) b->Arg(n);
  b->ArgName("n");
}

const bool registered = for_every_table("tile_max", run, logits);

}  // namespace
}  // namespace prumo::bench

PRUMO_BENCH_MAIN();
