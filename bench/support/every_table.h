// One benchmark an instruction set, and numbers to run it on.
#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "kernels/kernels.h"

namespace prumo::bench {

/// Registers run(state, table) as name/isa for every table of this processor; configure(benchmark)
/// gives each its arguments.
template <class Run, class Configure>
bool for_every_table(const std::string& name, Run run, Configure configure) {
  for (const Kernels* table : supported_kernels()) {
    configure(benchmark::RegisterBenchmark((name + "/" + std::string(table->name)).c_str(),
                                           [run, table](benchmark::State& s) { run(s, *table); }));
  }
  return true;
}

/// The sizes of a kernel that walks along one vector.
inline void vector_sizes(benchmark::internal::Benchmark* b) {
  for (const int n : {64, 576, 1536, 4096}) b->Arg(n);
  b->ArgName("n");
}

/// n numbers of a normal distribution, the same in every run.
inline std::vector<float> normal_floats(std::size_t n, float deviation = 1.0f) {
  std::mt19937 engine(1);
  std::normal_distribution<float> normal(0.0f, deviation);
  std::vector<float> out(n);
  for (float& x : out) x = normal(engine);
  return out;
}

/// Elements of one call, and the bytes it reads and writes.
inline void count(benchmark::State& state, std::size_t elements, std::size_t bytes) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(elements));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
}

}  // namespace prumo::bench
