// prumo verify: on the user's own processor, every kernel of every instruction set against the
// scalar one.
#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <vector>

#include "base/float_guard.h"
#include "cli/guarded.h"
#include "cli/report.h"
#include "cli/verbs.h"
#include "cli/verify_checks.h"

namespace prumo::cli {
namespace {

struct Options {
  double seconds = 10;
  std::uint64_t seed = 1;
  std::string kernel;
  std::uint64_t input = 0;
  bool has_input = false;
};

struct Entry {
  std::string name;
  Difference (*check)(Tables, Draw&);
  std::uint64_t inputs = 0;  // tried so far, the same ones on every table
};

std::vector<Entry> entries_of(const std::string& only) {
  std::vector<Entry> out;
  for_each_kernel([&](std::string_view name, auto member) {
    if (only.empty() || name == only) {
      out.push_back({std::string(name), &Check<decltype(member)::pointer>::run});
    }
  });
  return out;
}

// The input is a function of the kernel's name, the seed and its number, so any one can be made
// again by itself.
std::uint64_t stream_of(const std::string& name, std::uint64_t number) {
  std::uint64_t hash = 0xCBF29CE484222325u;  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return hash + number * 0x9E3779B97F4A7C15u;
}

// Tries input number entry.inputs; an error is a difference.
Status try_next(Entry& entry, Tables tables, std::uint64_t seed) {
  Draw draw(seed, stream_of(entry.name, entry.inputs));
  const std::string again = fmt::format(
      "at input {} of seed {}; see it again with 'prumo verify --kernel {} --seed {} "
      "--input {}'",
      entry.inputs, seed, entry.name, seed, entry.inputs);
  const std::string outside = "touches memory outside of its arguments " + again;
  guard_says(entry.name.c_str(), &outside);
  const Difference differs = entry.check(tables, draw);
  guard_says("verify", nullptr);
  if (differs.table == nullptr) {
    ++entry.inputs;
    return success();
  }
  return Error{
      ErrorCode::kIo, entry.name,
      fmt::format("{} differs from scalar {}: {}", differs.table->name, again, differs.how)};
}

// Goes round the kernels in small turns, so that whatever the time allows is shared evenly and
// every kernel has its inputs early.
Status try_all(std::vector<Entry>& entries, Tables tables, const Options& options) {
  constexpr std::uint64_t kTurnNs = 20'000'000;
  constexpr std::uint64_t kLeastInputs = 16;  // a kernel, however short the time
  Progress progress("prumo: verify");
  const std::uint64_t start = now_ns();
  const auto limit = static_cast<std::uint64_t>(options.seconds * 1e9);
  bool late = false;
  while (!late) {
    for (Entry& entry : entries) {
      progress.set("prumo: verify " + entry.name);
      const std::uint64_t turn = now_ns();
      const std::uint64_t first = entry.inputs;
      do {
        if (interrupted) return Error{ErrorCode::kCancelled, "verify", "Interrupted"};
        if (Status tried = try_next(entry, tables, options.seed); !tried) return tried;
        late = now_ns() - start >= limit;
      } while ((!late && now_ns() - turn < kTurnNs) || entry.inputs < first + kLeastInputs);
    }
  }
  return success();
}

std::string as_table(const std::vector<Entry>& entries, Tables tables) {
  Table table{{"kernel", "inputs"}, {}, {false, true}};
  for (const Kernels* each : tables) {
    table.header.emplace_back(each->name);
    table.right.push_back(false);
  }
  std::uint64_t total = 0;
  for (const Entry& entry : entries) {
    table.rows.push_back({entry.name, std::to_string(entry.inputs), "reference"});
    for (std::size_t i = 1; i < tables.size(); ++i) table.rows.back().emplace_back("same");
    total += entry.inputs;
  }
  std::string out = table.to_text() + "\n";
  if (tables.size() == 1) {
    return out + "This processor runs the scalar kernels only: there was nothing to compare.\n";
  }
  return out + fmt::format("{} kernels, {} inputs, {} instruction sets: no bit differs.\n",
                           entries.size(), total, tables.size());
}

std::string absent_isas(Tables tables) {
  std::string out;
  for (const std::string_view name : known_isas()) {
    bool here = false;
    for (const Kernels* table : tables) here = here || table->name == name;
    if (!here) out += fmt::format("{} did not run: this processor lacks it.\n", name);
  }
  return out;
}

int run(const Options& options) {
  if (!(options.seconds >= 0 && options.seconds <= 1e6)) {
    return fail(usage("--seconds", "Give a time from 0 to 1000000 seconds"));
  }
  auto entries = entries_of(options.kernel);
  if (entries.empty()) {
    std::string names;
    for (const Entry& entry : entries_of("")) names += (names.empty() ? "" : ", ") + entry.name;
    return fail(usage("--kernel", fmt::format("'{}' is none of {}", options.kernel, names)));
  }
  if (options.has_input && entries.size() != 1) {
    return fail(usage("--input", "Say whose input with --kernel"));
  }
  watch_for_interrupt();
  watch_guards();
  const FloatGuard guard;
  const Tables tables = supported_kernels();
  if (options.has_input) {
    entries.front().inputs = options.input;
    const Status tried = try_next(entries.front(), tables, options.seed);
    return tried ? print(fmt::format("{}: input {} of seed {}: no bit differs\n", options.kernel,
                                     options.input, options.seed))
                 : fail(tried.error());
  }
  if (const Status tried = try_all(entries, tables, options); !tried) return fail(tried.error());
  return print(as_table(entries, tables) + absent_isas(tables));
}

}  // namespace

void add_verify(CLI::App& app, Action& action) {
  auto* verb = app.add_subcommand("verify", "Compare every kernel with its scalar reference, here");
  auto options = std::make_shared<Options>();
  verb->add_option("-s,--seconds", options->seconds, "How long to try inputs, in seconds")
      ->type_name("S")
      ->capture_default_str();
  add_whole(*verb, "--seed", options->seed, "Of the random inputs", "S");
  verb->add_option("--kernel", options->kernel, "This kernel only")->type_name("NAME");
  auto* input = add_whole(*verb, "--input", options->input, "With --kernel: this input only");
  input->default_str("");
  verb->footer(
      "\nRandom and special inputs (NaN, infinities, denormals, ties, odd lengths) go to\n"
      "every instruction set that this processor runs; every bit must be the same. Exit\n"
      "code 1 and one line that tells how to see it again when one is not.\n\n"
      "Examples:\n"
      "  prumo verify\n"
      "  prumo verify --seconds 600 --seed 7");
  verb->callback([options, input, &action] {
    options->has_input = input->count() > 0;
    action = [options] { return run(*options); };
  });
}

}  // namespace prumo::cli
