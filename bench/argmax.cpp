// argmax beside the least that any argmax must do, reading the floats and keeping a maximum; and
// beside the plain loop and the standard library.
//
// All contenders of one vector are timed in turn, round after round, so that a slow moment of the
// machine hits them alike. A row shows one contender: its time is the median of the rounds, of_max
// the median of (maximum only / this) with both from the same round and instruction set, x_plain
// the median of (plain loop / this), mad_% the median distance from the median.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/arena.h"
#include "kernels/isa.h"
#include "kernels/kernels.h"
#include "support/gate.h"

#if PRUMO_X86
// The largest of x, if none is NaN: eight chains, each load feeding one of them.
PRUMO_AVX2_BEGIN
static float max_only_avx2(const float* x, std::size_t n) {
  __m256 m0 = _mm256_set1_ps(x[0]);
  __m256 m1 = m0, m2 = m0, m3 = m0, m4 = m0, m5 = m0, m6 = m0, m7 = m0;
  std::size_t i = 0;
  for (; n - i >= 64; i += 64) {
    m0 = _mm256_max_ps(m0, _mm256_loadu_ps(x + i));
    m1 = _mm256_max_ps(m1, _mm256_loadu_ps(x + i + 8));
    m2 = _mm256_max_ps(m2, _mm256_loadu_ps(x + i + 16));
    m3 = _mm256_max_ps(m3, _mm256_loadu_ps(x + i + 24));
    m4 = _mm256_max_ps(m4, _mm256_loadu_ps(x + i + 32));
    m5 = _mm256_max_ps(m5, _mm256_loadu_ps(x + i + 40));
    m6 = _mm256_max_ps(m6, _mm256_loadu_ps(x + i + 48));
    m7 = _mm256_max_ps(m7, _mm256_loadu_ps(x + i + 56));
  }
  m0 = _mm256_max_ps(_mm256_max_ps(_mm256_max_ps(m0, m1), _mm256_max_ps(m2, m3)),
                     _mm256_max_ps(_mm256_max_ps(m4, m5), _mm256_max_ps(m6, m7)));
  float lanes[8];
  _mm256_storeu_ps(lanes, m0);
  float max = lanes[0];
  for (float lane : lanes) max = lane > max ? lane : max;
  for (; i < n; ++i) max = x[i] > max ? x[i] : max;
  return max;
}
PRUMO_ISA_END

PRUMO_AVX512_BEGIN
static float max_only_avx512(const float* x, std::size_t n) {
  __m512 m0 = _mm512_set1_ps(x[0]);
  __m512 m1 = m0, m2 = m0, m3 = m0, m4 = m0, m5 = m0, m6 = m0, m7 = m0;
  std::size_t i = 0;
  for (; n - i >= 128; i += 128) {
    m0 = _mm512_max_ps(m0, _mm512_loadu_ps(x + i));
    m1 = _mm512_max_ps(m1, _mm512_loadu_ps(x + i + 16));
    m2 = _mm512_max_ps(m2, _mm512_loadu_ps(x + i + 32));
    m3 = _mm512_max_ps(m3, _mm512_loadu_ps(x + i + 48));
    m4 = _mm512_max_ps(m4, _mm512_loadu_ps(x + i + 64));
    m5 = _mm512_max_ps(m5, _mm512_loadu_ps(x + i + 80));
    m6 = _mm512_max_ps(m6, _mm512_loadu_ps(x + i + 96));
    m7 = _mm512_max_ps(m7, _mm512_loadu_ps(x + i + 112));
  }
  m0 = _mm512_max_ps(_mm512_max_ps(_mm512_max_ps(m0, m1), _mm512_max_ps(m2, m3)),
                     _mm512_max_ps(_mm512_max_ps(m4, m5), _mm512_max_ps(m6, m7)));
  float max = _mm512_reduce_max_ps(m0);
  for (; i < n; ++i) max = x[i] > max ? x[i] : max;
  return max;
}
PRUMO_ISA_END
#endif

namespace prumo::bench {
namespace {

constexpr std::size_t kSizes[] = {32000, 128256, 262144};
const std::vector<std::string> kPatterns = {"random", "rising", "falling", "constant"};
constexpr int kRounds = 101;
// Read by one contender in one round, the slow ones less; and a quarter of it before the clock
// starts, so that caches and clock rate are those of this contender and not of the one before.
constexpr double kBatchBytes = 12e6;

std::size_t plain_loop(const float* x, std::size_t n) {
  std::size_t index = 0;
  float best = x[0];
  for (std::size_t i = 1; i < n; ++i) {
    if (x[i] > best) {
      best = x[i];
      index = i;
    }
  }
  return index;
}

// A contender answers with an index; one that finds the maximum only answers through `value`.
struct Contender {
  std::string name;
  bool slow;
  int max_only;  // the contender that reads as much and keeps a maximum only; -1 when there is none
  void (*run)(const Kernels* table, const float* x, std::size_t n, std::size_t& index,
              float& value);
  const Kernels* table;
};

void run_table(const Kernels* table, const float* x, std::size_t n, std::size_t& index, float&) {
  index = table->argmax(x, n).index;
}

#if PRUMO_X86
void run_max_avx2(const Kernels*, const float* x, std::size_t n, std::size_t&, float& value) {
  value = max_only_avx2(x, n);
}
void run_max_avx512(const Kernels*, const float* x, std::size_t n, std::size_t&, float& value) {
  value = max_only_avx512(x, n);
}
#endif

void run_plain(const Kernels*, const float* x, std::size_t n, std::size_t& index, float&) {
  index = plain_loop(x, n);
}

void run_standard(const Kernels*, const float* x, std::size_t n, std::size_t& index, float&) {
  index = static_cast<std::size_t>(std::max_element(x, x + n) - x);
}

// The plain loop is the first.
const std::vector<Contender>& contenders() {
  static const std::vector<Contender> list = [] {
    std::vector<Contender> out = {{"plain_loop", true, -1, run_plain, nullptr},
                                  {"std_max_element", true, -1, run_standard, nullptr}};
    for (const Kernels* table : supported_kernels()) {
      const std::string isa(table->name);
      int max_only = -1;
#if PRUMO_X86
      if (table->isa != Isa::kScalar) {
        max_only = static_cast<int>(out.size());
        out.push_back({"max_only/" + isa, false, -1,
                       table->isa == Isa::kAvx2 ? run_max_avx2 : run_max_avx512, nullptr});
      }
#endif
      out.push_back({"argmax/" + isa, table->isa == Isa::kScalar, max_only, run_table, table});
    }
    return out;
  }();
  return list;
}

void fill(const std::string& pattern, float* x, std::size_t n) {
  std::mt19937 engine(1);
  std::normal_distribution<float> normal;
  for (std::size_t i = 0; i < n; ++i) {
    const auto at = static_cast<float>(i);
    x[i] = pattern == "random"    ? normal(engine)
           : pattern == "rising"  ? at
           : pattern == "falling" ? -at
                                  : 1.0f;
  }
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

double median_ratio(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> ratios(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) ratios[i] = a[i] / b[i];
  return median(std::move(ratios));
}

// The rounds of one vector, run when a contender first asks for them and again when one has had its
// share.
class Rounds {
 public:
  Rounds(std::string pattern, std::size_t n) : pattern_(std::move(pattern)), n_(n) {}

  // Seconds a call, a round; empty when contender c is wrong.
  const std::vector<double>& of(std::size_t c) {
    if (seconds_.empty() || taken_[c]) measure();
    taken_[c] = true;
    return seconds_[c];
  }
  const std::vector<double>& again(std::size_t c) const { return seconds_[c]; }

 private:
  void measure() {
    Result<Arena> arena = Arena::create(n_ * sizeof(float));
    float* x = arena.ok() ? arena->allocate_array<float>(n_, 64) : nullptr;
    seconds_.assign(contenders().size(), {});
    taken_.assign(contenders().size(), false);
    if (x == nullptr) return;
    fill(pattern_, x, n_);
    std::vector<bool> right;
    for (const Contender& c : contenders()) right.push_back(is_right(c, x));
    for (int round = 0; round < kRounds; ++round) {
      for (std::size_t c = 0; c < contenders().size(); ++c) {
        if (right[c]) seconds_[c].push_back(seconds_a_call(contenders()[c], x));
      }
    }
  }

  bool is_right(const Contender& c, const float* x) const {
    const std::size_t wanted = supported_kernels().front()->argmax(x, n_).index;
    std::size_t index = wanted;
    float value = x[wanted];
    c.run(c.table, x, n_, index, value);
    return index == wanted && value == x[wanted];
  }

  double seconds_a_call(const Contender& c, const float* x) const {
    const double bytes = static_cast<double>(n_ * sizeof(float));
    const int calls = static_cast<int>(std::ceil(kBatchBytes / bytes / (c.slow ? 16 : 1)));
    std::size_t index = 0;
    float value = 0;
    auto begin = std::chrono::steady_clock::now();
    for (int i = -(calls + 3) / 4; i < calls; ++i) {
      if (i == 0) begin = std::chrono::steady_clock::now();
      c.run(c.table, x, n_, index, value);
      benchmark::DoNotOptimize(index);
      benchmark::DoNotOptimize(value);
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    return took.count() / calls;
  }

  std::string pattern_;
  std::size_t n_;
  std::vector<std::vector<double>> seconds_;
  std::vector<bool> taken_;
};

void show(benchmark::State& state, Rounds& rounds, std::size_t c, std::size_t n) {
  const std::vector<double>& seconds = rounds.of(c);
  if (seconds.empty()) {
    state.SkipWithError("the answer is not the scalar reference's, or there is no memory");
    return;
  }
  const double middle = median(seconds);
  for ([[maybe_unused]] auto _ : state) state.SetIterationTime(middle);
  std::vector<double> distance = seconds;
  for (double& s : distance) s = std::abs(s - middle);
  state.counters["GB/s"] = static_cast<double>(n * sizeof(float)) / middle * 1e-9;
  state.counters["mad_%"] = median(std::move(distance)) / middle * 100;
  state.counters["x_plain"] = median_ratio(rounds.again(0), seconds);
  const int max_only = contenders()[c].max_only;
  if (max_only >= 0) {
    state.counters["of_max"] =
        median_ratio(rounds.again(static_cast<std::size_t>(max_only)), seconds);
  }
}

const bool registered = [] {
  for (std::size_t n : kSizes) {
    for (const std::string& pattern : kPatterns) {
      auto rounds = std::make_shared<Rounds>(pattern, n);
      for (std::size_t c = 0; c < contenders().size(); ++c) {
        const std::string name = contenders()[c].name + "/" + pattern + "/" + std::to_string(n);
        benchmark::RegisterBenchmark(
            name.c_str(), [rounds, c, n](benchmark::State& s) { show(s, *rounds, c, n); })
            ->UseManualTime()
            ->Iterations(kRounds)
            ->Unit(benchmark::kMicrosecond);
      }
    }
  }
  return true;
}();

}  // namespace
}  // namespace prumo::bench

PRUMO_BENCH_MAIN();
