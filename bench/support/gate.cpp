#include "support/gate.h"

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/kernels.h"
#include "support/stamp.h"

namespace prumo::bench {
namespace {

using benchmark::BenchmarkReporter;

std::string mark;

// A reporter whose every line says that nothing was proved.
template <class Reporter>
class Marked : public Reporter {
 public:
  using Reporter::Reporter;
  void ReportRuns(const std::vector<BenchmarkReporter::Run>& runs) override {
    std::vector<BenchmarkReporter::Run> marked = runs;
    for (auto& run : marked) {
      if (!run.report_label.empty()) run.report_label += ' ';
      run.report_label += "UNPROVED";
    }
    Reporter::ReportRuns(marked);
  }
};

struct Options {
  std::string stamp = PRUMO_STAMP_FILE;
  bool unproved = false;
  std::string format = "console";   // of standard output
  std::string out_format = "json";  // of --benchmark_out
  bool out = false;
  bool bad = false;
};

// Takes the gate's own options out of argv.
Options take_options(int& argc, char** argv) {
  Options options;
  int kept = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--unproved") {
      options.unproved = true;
    } else if (argument == "--stamp") {
      options.bad = ++i == argc;
      if (!options.bad) options.stamp = argv[i];
    } else {
      constexpr std::string_view kFormat = "--benchmark_format=";
      constexpr std::string_view kOutFormat = "--benchmark_out_format=";
      if (argument.starts_with(kFormat)) options.format = argument.substr(kFormat.size());
      if (argument.starts_with(kOutFormat)) options.out_format = argument.substr(kOutFormat.size());
      if (argument.starts_with("--benchmark_out=")) options.out = true;
      argv[kept++] = argv[i];
    }
  }
  argc = kept;
  argv[kept] = nullptr;
  return options;
}

std::unique_ptr<BenchmarkReporter> marked_reporter(const std::string& format) {
  if (format == "json") return std::make_unique<Marked<benchmark::JSONReporter>>();
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  if (format == "csv") return std::make_unique<Marked<benchmark::CSVReporter>>();
#pragma GCC diagnostic pop
  return std::make_unique<Marked<benchmark::ConsoleReporter>>(
      isatty(STDOUT_FILENO) != 0 ? benchmark::ConsoleReporter::OO_Color
                                 : benchmark::ConsoleReporter::OO_None);
}

// The first line that `command` prints.
std::string first_line_of(const char* command) {
  std::string line;
  if (std::FILE* pipe = popen(command, "r")) {
    char buffer[256] = "";
    if (std::fgets(buffer, sizeof buffer, pipe) != nullptr) line = buffer;
    pclose(pipe);
  }
  return line.substr(0, line.find('\n'));
}

std::string commit() {
  setenv("PRUMO_BENCH_SOURCE", PRUMO_SOURCE_DIR, 1);  // a path needs no quoting in there
  const std::string found = first_line_of(
      "git -C \"$PRUMO_BENCH_SOURCE\" describe --always --dirty --abbrev=12 2>/dev/null");
  return found.empty() ? "unknown" : found;
}

std::string cpu() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

std::string isas() {
  std::string names;
  for (const Kernels* table : supported_kernels()) {
    if (!names.empty()) names += ' ';
    names += table->name;
  }
  return names;
}

void describe_build() {
  benchmark::AddCustomContext("proof", mark.empty() ? "passed" : mark);
  benchmark::AddCustomContext("commit", commit());
#ifdef __clang__
  benchmark::AddCustomContext("compiler", __VERSION__);
#else
  benchmark::AddCustomContext("compiler", "GCC " __VERSION__);
#endif
  benchmark::AddCustomContext("flags", PRUMO_BUILD_FLAGS);
  benchmark::AddCustomContext("isa", isas());
  benchmark::AddCustomContext("cpu", cpu());
  benchmark::AddCustomContext("library", prumo_library_hash);
}

}  // namespace

const char* unproved_mark() {
  return mark.c_str();
}

int run_behind_gate(int argc, char** argv, int (*after)()) {
  const Options options = take_options(argc, argv);
  if (options.bad) {
    std::fprintf(stderr, "--stamp needs a file.\n");
    return 2;
  }
  const std::string problem = why_unproved(options.stamp, prumo_library_hash);
  if (!problem.empty() && !options.unproved) {
    std::fprintf(
        stderr, "Nothing was timed: %s; run ctest in the build folder first, or give --unproved.\n",
        problem.c_str());
    return 1;
  }
  if (options.unproved) {
    mark = "UNPROVED: " + (problem.empty() ? "--unproved was given" : problem);
    std::fprintf(stderr, "%s\n", mark.c_str());
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  describe_build();
  if (mark.empty()) {
    benchmark::RunSpecifiedBenchmarks();
  } else {
    const auto display = marked_reporter(options.format);
    const auto file = options.out ? marked_reporter(options.out_format) : nullptr;
    benchmark::RunSpecifiedBenchmarks(display.get(), file.get());
  }
  const int status = after == nullptr ? 0 : after();
  benchmark::Shutdown();
  return status;
}

}  // namespace prumo::bench
