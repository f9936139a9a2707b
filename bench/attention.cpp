// Attention over a context: all key ranges of one KV head, for the three query heads that share it
// (a 135M model's shape), or the eight of a larger model, of one token and of several in a row.
#include <algorithm>

#include "support/every_table.h"
#include "support/gate.h"

namespace {

using namespace prumo;

void run(benchmark::State& state, const Kernels& table, bool half) {
  const auto depth = static_cast<std::size_t>(state.range(0));
  const auto heads = static_cast<std::size_t>(state.range(1));
  const auto head_dim = static_cast<std::size_t>(state.range(2));
  const auto tokens = static_cast<std::size_t>(state.range(3));
  const std::size_t rows = tokens * heads;
  const std::size_t element = half ? 2 : 4;
  std::vector<float> floats = bench::normal_floats(depth * head_dim);
  std::vector<std::uint16_t> halves(floats.size());
  table.narrow(floats.data(), floats.size(), halves.data());
  const auto* cache = half ? reinterpret_cast<const std::byte*>(halves.data())
                           : reinterpret_cast<const std::byte*>(floats.data());
  const std::vector<std::byte> keys(cache, cache + depth * head_dim * element);
  const std::vector<std::byte> values = keys;
  const std::vector<float> q = bench::normal_floats(rows * head_dim);
  const std::size_t ranges = (depth + kKeyRange - 1) / kKeyRange;
  std::vector<float> scores(rows * kKeyRange), max(ranges * rows), sum(ranges * rows);
  std::vector<float> out(ranges * rows * head_dim);

  AttentionArgs args{};
  args.q = q.data();
  args.tokens = tokens;
  args.q_stride = heads * head_dim;
  args.heads = heads;
  args.head_dim = head_dim;
  args.value_stride = head_dim;
  args.scale = 0.125f;
  args.scores = scores.data();
  for (auto step : state) {
    for (std::size_t r = 0; r < ranges; ++r) {
      const std::size_t first = r * kKeyRange;
      args.keys = keys.data() + first * head_dim * element;
      args.values = values.data() + first * head_dim * element;
      args.n_keys = std::min(kKeyRange, depth - first);
      args.max = max.data() + r * rows;
      args.sum = sum.data() + r * rows;
      args.out = out.data() + r * rows * head_dim;
      (half ? table.attention_f16 : table.attention_f32)(args);
    }
    benchmark::ClobberMemory();
  }
  bench::count(state, 2 * depth * rows * head_dim, keys.size() + values.size());
}

void sizes(benchmark::internal::Benchmark* b) {
  for (const int depth : {256, 1024, 4096, 16384}) {
    for (const int tokens : {1, 8}) {
      b->Args({depth, 3, 64, tokens});
      b->Args({depth, 8, 64, tokens});
    }
  }
  b->ArgNames({"depth", "heads", "head_dim", "tokens"})->Unit(benchmark::kMicrosecond);
}

const bool registered_f16 = bench::for_every_table(
    "attention_f16", [](benchmark::State& s, const Kernels& t) { run(s, t, true); }, sizes);
const bool registered_f32 = bench::for_every_table(
    "attention_f32", [](benchmark::State& s, const Kernels& t) { run(s, t, false); }, sizes);

}  // namespace

PRUMO_BENCH_MAIN();
