// The audit, measured: each of its five faults as audited and in Prumo, on three models, then the
// audit's own checklist and its estimates beside the figures.
//
// The faults of a model are all measured together, in turn, when its first row is run; a row's time
// is then the median. Own options: --quick (fewer rounds) and --json FILE (all of it as JSON).
#include <benchmark/benchmark.h>

#include <array>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit_table.h"
#include "support/gate.h"

namespace {

using namespace prumo;
using namespace prumo::bench;

constexpr std::array<AuditModel, 3> kModels = {{
    {"builtin", "the model that comes with the program, trained", nullptr,
     "In the beginning God created the heaven and the earth. And the earth was", 128, false},
    {"V32000", "the audit's vocabulary on a 15M shape: 288x6:6:6:768:32000:Q8_0, random weights",
     "288x6:6:6:768:32000:Q8_0", "In the beginning God", 128, true},
    {"135M", "a real model's shape: 576x30:9:3:1536:49152:Q8_0, tied, random weights",
     "576x30:9:3:1536:49152:Q8_0:tied", "In the beginning God", 64, false},
}};

constexpr std::array<const char*, 8> kKeys = {
    "reset",   "reset_poisoned", "allocate", "generate_greedy", "generate_sampled",
    "sampler", "first",          "argmax"};

bool quick = false;
std::string json_path;

// What was measured so far, in the models' order.
std::array<std::optional<ModelResult>, kModels.size()> measured;

const ModelResult* result_of(std::size_t index, benchmark::State& state) {
  if (!measured[index]) {
    std::fprintf(stderr, "Measuring %s\n", kModels[index].name);
    auto result = AuditRun(kModels[index], quick).measure();
    if (!result) {
      state.SkipWithError(result.error().message.c_str());
      return nullptr;
    }
    measured[index] = std::move(*result);
  }
  if (!measured[index]->disagreement.empty()) {
    state.SkipWithError(measured[index]->disagreement.c_str());
    return nullptr;
  }
  return &*measured[index];
}

void show(benchmark::State& state, std::size_t index, const char* key, bool audited) {
  const ModelResult* result = result_of(index, state);
  if (result == nullptr) return;
  const Row& row = result->row(key);
  const Figure figure = audited ? row.audited : row.prumo.value_or(Figure{});
  for (auto step : state) state.SetIterationTime(figure.median * 1e-9);
  state.counters["token_%"] = 100 * figure.median / result->token.median;
  state.counters["mad_ns"] = figure.mad;
}

const bool registered = [] {
  for (std::size_t i = 0; i < kModels.size(); ++i) {
    for (const char* key : kKeys) {
      for (const bool audited : {true, false}) {
        const std::string name = std::string("audit/") + kModels[i].name + "/" + key +
                                 (audited ? "/as_audited" : "/prumo");
        benchmark::RegisterBenchmark(name.c_str(),
                                     [=](benchmark::State& state) { show(state, i, key, audited); })
            ->UseManualTime()
            ->Iterations(1);
      }
    }
  }
  return true;
}();

int report() {
  std::vector<ModelResult> models;
  for (const auto& model : measured) {
    if (model) models.push_back(*model);
  }
  if (models.empty()) return 0;
  std::printf("\n%s%sThe audit, measured. Medians, +- the median distance from them.\n",
              unproved_mark(), *unproved_mark() == '\0' ? "" : "\n");
  for (const ModelResult& m : models) print_model(m);
  const std::vector<Check> checks = checklist(models);
  const bool all = print_checklist(checks);
  if (const ModelResult* m = find(models, "V32000")) print_estimates(*m);
  if (!json_path.empty() && !write_json(json_path, models, checks)) {
    std::fprintf(stderr, "%s cannot be written.\n", json_path.c_str());
    return 1;
  }
  std::printf("\n%s\n", all ? "Every check passes." : "Some checks FAIL.");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<char*> rest;
  for (int i = 0; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--quick") {
      quick = true;
    } else if (argument == "--json" && i + 1 < argc) {
      json_path = argv[++i];
    } else {
      rest.push_back(argv[i]);
    }
  }
  rest.push_back(nullptr);
  return run_behind_gate(static_cast<int>(rest.size()) - 1, rest.data(), report);
}
