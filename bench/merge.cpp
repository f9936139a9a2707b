// The key ranges of one query head joined.
#include "support/every_table.h"
#include "support/gate.h"

namespace {

using namespace prumo;

void run(benchmark::State& state, const Kernels& table) {
  const auto ranges = static_cast<std::size_t>(state.range(0));
  const auto head_dim = static_cast<std::size_t>(state.range(1));
  const std::vector<float> max = bench::normal_floats(ranges);
  const std::vector<float> sum(ranges, 3.0f);
  const std::vector<float> out = bench::normal_floats(ranges * head_dim);
  std::vector<float> y(head_dim);
  MergeArgs args{};
  args.max = max.data();
  args.sum = sum.data();
  args.out = out.data();
  args.ranges = ranges;
  args.stride = 1;
  args.value_stride = head_dim;
  args.head_dim = head_dim;
  args.scale = 0.125f;
  args.y = y.data();
  for (auto step : state) {
    table.merge(args);
    benchmark::ClobberMemory();
  }
  bench::count(state, ranges * head_dim, ranges * head_dim * 4);
}

void sizes(benchmark::internal::Benchmark* b) {
  for (const int ranges : {1, 4, 16, 64}) b->Args({ranges, 64});
  b->ArgNames({"ranges", "head_dim"});
}

const bool registered = bench::for_every_table("merge", run, sizes);

}  // namespace

PRUMO_BENCH_MAIN();
