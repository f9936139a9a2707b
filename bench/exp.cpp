// The exponential alone, over arrays: how much of softmax and SwiGLU it is.
#include "kernels/exp.h"

#include "support/every_table.h"
#include "support/gate.h"

namespace {

using namespace prumo;

#if PRUMO_X86
PRUMO_AVX2_BEGIN
void exp_avx2(const float* x, std::size_t n, float* y) {
  for (std::size_t i = 0; i < n; i += 8) {
    _mm256_storeu_ps(y + i, avx2::exp(_mm256_loadu_ps(x + i)));
  }
}
PRUMO_ISA_END
PRUMO_AVX512_BEGIN
void exp_avx512(const float* x, std::size_t n, float* y) {
  for (std::size_t i = 0; i < n; i += 16) {
    _mm512_storeu_ps(y + i, avx512::exp(_mm512_loadu_ps(x + i)));
  }
}
PRUMO_ISA_END
#endif

void exp_of(Isa isa, const float* x, std::size_t n, float* y) {
#if PRUMO_X86
  if (isa == Isa::kAvx2) return exp_avx2(x, n, y);
  if (isa == Isa::kAvx512) return exp_avx512(x, n, y);
#endif
  for (std::size_t i = 0; i < n; ++i) y[i] = scalar::exp(x[i]);
}

void run(benchmark::State& state, const Kernels& table) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const std::vector<float> x = bench::normal_floats(n, 10.0f);
  std::vector<float> y(n);
  for (auto step : state) {
    exp_of(table.isa, x.data(), n, y.data());
    benchmark::ClobberMemory();
  }
  bench::count(state, n, n * 8);
}

const bool registered = bench::for_every_table("exp", run, bench::vector_sizes);

}  // namespace

PRUMO_BENCH_MAIN();
