// tile_weight over V logits, and beside it softmax, whose exponentials it shares.
#include <algorithm>

#include "support/every_table.h"
#include "support/gate.h"

namespace {

using namespace prumo;
using namespace prumo::bench;

void vocabularies(benchmark::internal::Benchmark* b) {
  for (const int n : {32000, 49152, 128256}) b->Arg(n);
  b->ArgName("V");
}

void run_tile_weight(benchmark::State& state, const Kernels& table) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const std::vector<float> x = normal_floats(n, 3.0f);
  const float max = *std::max_element(x.begin(), x.end());
  std::vector<std::uint64_t> tiles(round_up(n, kTile) / kTile);
  for (auto step : state) {
    table.tile_weight(x.data(), n, max, 1.25f, tiles.data());
    benchmark::ClobberMemory();
  }
  count(state, n, 4 * n);
}

void run_softmax(benchmark::State& state, const Kernels& table) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const std::vector<float> x = normal_floats(n, 3.0f);
  std::vector<float> y(n);
  for (auto step : state) {
    benchmark::DoNotOptimize(table.softmax(x.data(), n, 1.25f, y.data()));
    benchmark::ClobberMemory();
  }
  count(state, n, 8 * n);
}

const bool registered = for_every_table("tile_weight", run_tile_weight, vocabularies) &&
                        for_every_table("softmax", run_softmax, vocabularies);

}  // namespace

PRUMO_BENCH_MAIN();
