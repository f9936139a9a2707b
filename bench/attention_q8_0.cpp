// Attention over a context in a Q8_0 cache, the shapes of bench/attention.cpp: what one KV head's
// query heads take for all key ranges, of one token and of several in a row.
#include <algorithm>

#include "kernels/pack.h"
#include "support/every_table.h"
#include "support/gate.h"

namespace {

using namespace prumo;

void run(benchmark::State& state, const Kernels& table) {
  const auto depth = static_cast<std::size_t>(state.range(0));
  const auto heads = static_cast<std::size_t>(state.range(1));
  const auto head_dim = static_cast<std::size_t>(state.range(2));
  const auto tokens = static_cast<std::size_t>(state.range(3));
  const std::size_t rows = tokens * heads;
  const PanelLayout at = panel_layout(gguf::TensorType::kQ8_0);
  const std::size_t panel = at.bytes(head_dim / kBlock);
  const std::size_t bytes = depth / kPanelRows * panel;
  // Any bytes will do: scales of 0x1C1C are 0.004.
  std::vector<QuantizedBlock> lines(2 * bytes / sizeof(QuantizedBlock));  // on cache lines
  auto* keys = reinterpret_cast<std::byte*>(lines.data());
  for (std::size_t i = 0; i < 2 * bytes; ++i) {
    keys[i] = static_cast<std::byte>(1 + i * 37 % 255);
  }
  for (std::size_t p = 0; p < 2 * bytes; p += panel) {
    for (std::size_t b = 0; b < head_dim / kBlock; ++b) {
      std::fill_n(keys + p + at.scales_at(b), 2 * kPanelRows, std::byte{0x1C});
    }
  }
  const std::byte* values = keys + bytes;
  const std::vector<float> q = bench::normal_floats(rows * head_dim);
  std::vector<QuantizedBlock> queries(q.size() / kBlock);
  table.quantize(q.data(), q.size(), queries.data());
  const std::size_t ranges = (depth + kKeyRange - 1) / kKeyRange;
  std::vector<float> scores(rows * kKeyRange), max(ranges * rows), sum(ranges * rows);
  std::vector<float> out(ranges * rows * head_dim);

  AttentionArgs args{};
  args.q_blocks = queries.data();
  args.tokens = tokens;
  args.heads = heads;
  args.head_dim = head_dim;
  args.value_stride = head_dim;
  args.scale = 0.125f;
  args.scores = scores.data();
  for (auto step : state) {
    for (std::size_t r = 0; r < ranges; ++r) {
      const std::size_t first = r * kKeyRange;
      args.keys = keys + first / kPanelRows * panel;
      args.values = values + first / kPanelRows * panel;
      args.n_keys = std::min(kKeyRange, depth - first);
      args.max = max.data() + r * rows;
      args.sum = sum.data() + r * rows;
      args.out = out.data() + r * rows * head_dim;
      table.attention_q8_0(args);
    }
    benchmark::ClobberMemory();
  }
  bench::count(state, 2 * depth * rows * head_dim, 2 * bytes);
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

const bool registered = bench::for_every_table("attention_q8_0", run, sizes);

}  // namespace

PRUMO_BENCH_MAIN();
