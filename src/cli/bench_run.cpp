#include "cli/bench_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "cli/machine.h"
#include "cli/report.h"
#include "cli/verify_inputs.h"
#include "kernels/pack.h"
#include "model/forward.h"

namespace prumo::cli {
namespace {

double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

// Parameters that a token is multiplied with; the output matrix is only for the last of a batch.
double matrix_parameters(const LoadedModel& model) {
  const Config& c = model.config;
  const double layer = 2.0 * static_cast<double>(c.embedding * (c.q_dim() + c.kv_dim())) +
                       3.0 * static_cast<double>(c.embedding * c.ffn);
  return static_cast<double>(c.layers) * layer;
}

// A pass reads all packed weights and the keys and values of the positions up to its last; one that
// does not end the prompt leaves the output matrix alone.
double bytes_read(const LoadedModel& model, const BenchTest& test, const BenchPlan& plan) {
  const std::size_t step = test.generate > 0 ? 1 : plan.batch;
  const Matrix& output = model.weights.output;
  double bytes = 0;
  for (std::size_t done = 0; done < test.tokens();) {
    done += std::min(step, test.tokens() - done);
    bytes += static_cast<double>(model.weights.memory.size());
    if (test.prompt > done) {
      bytes -= static_cast<double>(packed_bytes(output.type, output.rows, output.columns));
    }
    bytes += static_cast<double>(KvCache::bytes(model.config, test.depth + done, plan.cache));
  }
  return bytes;
}

// Everything that the tests share: a session a number of threads, and the tokens of all positions.
class Bench {
 public:
  Bench(const Model& model, const BenchPlan& plan) : model_(model), plan_(plan) {}

  Status prepare() {
    std::size_t longest = 1;
    for (const BenchTest& test : plan_.tests) {
      longest = std::max(longest, test.depth + test.tokens());
    }
    if (longest > model_.context_length()) {
      return usage("--depth", fmt::format("A test needs {} positions and the model has {}; make "
                                          "depth, prompt or generation shorter",
                                          longest, model_.context_length()));
    }
    Draw draw(plan_.seed, 0);
    ids_.resize(longest);
    for (TokenId& id : ids_) id = static_cast<TokenId>(draw.below(model_.vocab_size()));
    for (const BenchTest& test : plan_.tests) {
      if (limits_.contains(test.threads)) continue;
      auto session = Session::create(model_, {.context = longest,
                                              .batch = plan_.batch,
                                              .threads = test.threads,
                                              .cache = plan_.cache});
      if (!session) return session.error();
      sessions_.emplace(test.threads, std::move(*session));
      if (Status measured = measure_limits(test.threads); !measured) return measured;
      // Positions up to the deepest test are computed once; see sample().
      std::size_t deepest = 0;
      for (const BenchTest& each : plan_.tests) deepest = std::max(deepest, each.depth);
      Status filled =
          sessions_.at(test.threads).prefill(std::span(ids_).first(deepest), &interrupted);
      if (!filled) return filled;
    }
    return success();
  }

  // The position is set by hand, forwards too: the same tokens stand at the same positions in every
  // test, so the cache holds what a prefill would put there.
  Result<double> sample(const BenchTest& test) {
    Session& session = sessions_.at(test.threads);
    session.internals().position = test.depth;
    const auto ids = std::span<const TokenId>(ids_).subspan(test.depth, test.tokens());
    const std::uint64_t start = now_ns();
    if (test.prompt > 0) {
      const Status done = session.prefill(ids, &interrupted);
      if (!done) return done.error();
    } else {
      for (const TokenId id : ids) {
        const Status done = session.prefill({&id, 1}, &interrupted);
        if (!done) return done.error();
      }
    }
    return static_cast<double>(now_ns() - start);
  }

  Status measure_limits(std::size_t threads) {
    auto team = ThreadTeam::create(threads);
    if (!team) return team.error();
    const auto read = read_bandwidth(**team, model_.internals().weights.memory.size());
    if (!read) return read.error();
    Limits& limits = limits_[threads];
    limits.threads = threads;
    limits.read_gb_s = std::max(limits.read_gb_s, *read);
    limits.int8_gop_s =
        std::max(limits.int8_gop_s, int8_peak(**team, model_.internals().kernels->isa));
    return success();
  }

  [[nodiscard]] Limits limits(std::size_t threads) const { return limits_.at(threads); }

 private:
  const Model& model_;
  const BenchPlan& plan_;
  std::vector<TokenId> ids_;
  std::map<std::size_t, Session> sessions_;
  std::map<std::size_t, Limits> limits_;
};

}  // namespace

std::string BenchTest::name() const {
  std::string out = prompt > 0 ? fmt::format("pp{}", prompt) : fmt::format("tg{}", generate);
  if (depth > 0) out += fmt::format(" @ d{}", depth);
  return out;
}

void summarize(BenchResult& result) {
  const auto& samples = result.samples_ns;
  result.median_ns = median_of(samples);
  std::vector<double> distances;
  double sum = 0;
  for (const double sample : samples) {
    distances.push_back(std::fabs(sample - result.median_ns));
    sum += sample;
  }
  result.mad_ns = median_of(distances);
  const auto n = static_cast<double>(samples.size());
  result.mean_ns = sum / n;
  double squares = 0;
  for (const double sample : samples) {
    squares += (sample - result.mean_ns) * (sample - result.mean_ns);
  }
  result.deviation_ns = samples.size() > 1 ? std::sqrt(squares / (n - 1)) : 0;
}

Result<std::vector<BenchResult>> run_bench(const Model& model, const BenchPlan& plan) {
  Progress progress("prumo: bench: measuring the machine");
  Bench bench(model, plan);
  if (Status prepared = bench.prepare(); !prepared) return prepared.error();
  std::vector<BenchResult> results(plan.tests.size());
  for (std::size_t round = 0; round <= plan.repetitions; ++round) {
    for (std::size_t i = 0; i < plan.tests.size(); ++i) {
      const BenchTest& test = plan.tests[i];
      progress.set(fmt::format("prumo: bench: {}, {} threads, {} of {}", test.name(), test.threads,
                               round, plan.repetitions));
      const auto took = bench.sample(test);
      if (!took) return took.error();
      if (round > 0) results[i].samples_ns.push_back(*took);  // round 0 warms up
    }
  }
  // The limits once more: the better of before and after is the fairer one.
  for (const BenchTest& test : plan.tests) {
    if (&test != &plan.tests.front() && test.threads == (&test - 1)->threads) continue;
    if (Status measured = bench.measure_limits(test.threads); !measured) return measured.error();
  }
  for (std::size_t i = 0; i < plan.tests.size(); ++i) {
    BenchResult& result = results[i];
    result.test = plan.tests[i];
    result.limits = bench.limits(result.test.threads);
    result.bytes = bytes_read(model.internals(), result.test, plan);
    result.operations =
        2 * static_cast<double>(result.test.prompt) * matrix_parameters(model.internals());
    summarize(result);
  }
  return results;
}

}  // namespace prumo::cli
