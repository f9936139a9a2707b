// Rotations of n / 2 pairs.
#include <cmath>

#include "support/every_table.h"
#include "support/gate.h"

namespace {

using namespace prumo;

void run(benchmark::State& state, const Kernels& table) {
  const auto n = static_cast<std::size_t>(state.range(0));
  std::vector<float> x = bench::normal_floats(n);
  std::vector<float> angles;
  for (std::size_t i = 0; i < n / 2; ++i) {
    angles.push_back(std::cos(static_cast<float>(i)));
    angles.push_back(std::sin(static_cast<float>(i)));
  }
  for (auto step : state) {
    table.rope(x.data(), angles.data(), n / 2);
    benchmark::ClobberMemory();
  }
  bench::count(state, n, n * 12);
}

const bool registered = bench::for_every_table("rope", run, bench::vector_sizes);

}  // namespace

PRUMO_BENCH_MAIN();
