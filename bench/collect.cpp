// collect over V logits when few, some, or nearly all of them reach the threshold.
#include "support/every_table.h"
#include "support/gate.h"

namespace {

using namespace prumo;
using namespace prumo::bench;

void vocabularies(benchmark::internal::Benchmark* b) {
  for (const int n : {32000, 49152, 128256}) b->Arg(n);
  b->ArgName("V");
}

void run(benchmark::State& state, const Kernels& table, float least) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const std::vector<float> x = normal_floats(n);
  std::vector<std::uint32_t> ids(n);
  for (auto step : state) {
    benchmark::DoNotOptimize(table.collect(x.data(), n, least, 0, ids.data()));
    benchmark::ClobberMemory();
  }
  count(state, n, 4 * n);
}

bool enroll(const char* name, float least) {
  return for_every_table(
      name, [least](benchmark::State& s, const Kernels& table) { run(s, table, least); },
      vocabularies);
}

const bool registered =
    enroll("collect/few", 3.0f) && enroll("collect/some", 1.5f) && enroll("collect/most", -1.5f);

}  // namespace

PRUMO_BENCH_MAIN();
