// The measurement of `prumo bench`: which tests there are, and what each of them took.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "prumo.h"

namespace prumo::cli {

/// A prompt of `prompt` tokens at once, or `generate` tokens one by one (the other is 0), at
/// position `depth`.
struct BenchTest {
  std::size_t threads = 1;
  std::size_t prompt = 0;
  std::size_t generate = 0;
  std::size_t depth = 0;

  [[nodiscard]] std::size_t tokens() const { return prompt + generate; }
  [[nodiscard]] std::string name() const;  ///< as llama-bench says it: "pp128", "tg32 @ d1024"
};

/// Limits of the machine with one number of threads; 0 for what was not measured.
struct Limits {
  std::size_t threads = 1;
  double read_gb_s = 0;
  double int8_gop_s = 0;
};

struct BenchResult {
  BenchTest test;
  std::vector<double> samples_ns;  ///< in the order in which they were taken
  double median_ns = 0;
  double mad_ns = 0;  ///< median of the distances from the median
  double mean_ns = 0;
  double deviation_ns = 0;  ///< of the sample
  double bytes = 0;         ///< weights and KV cache that the test reads
  double operations = 0;    ///< of the matrix products; pp only
  Limits limits;

  [[nodiscard]] double tokens_per_second() const {
    return static_cast<double>(test.tokens()) * 1e9 / median_ns;
  }
  [[nodiscard]] double gb_s() const { return bytes / median_ns; }
  [[nodiscard]] double gop_s() const { return operations / median_ns; }
};

struct BenchPlan {
  std::vector<BenchTest> tests;
  std::size_t repetitions = 5;
  std::size_t batch = 512;
  std::uint64_t seed = 1;
  CacheType cache = CacheType::kF16;
};

/// Warms every test up once, then takes a sample of each in turn, again and again, so that a
/// machine that slows down slows all of them. Token ids depend on the seed and the position alone:
/// whatever a test writes into the cache is what was there before. kCancelled on Ctrl-C.
Result<std::vector<BenchResult>> run_bench(const Model& model, const BenchPlan& plan);

/// Fills in median, MAD, mean and deviation; at least one sample.
void summarize(BenchResult& result);

}  // namespace prumo::cli
