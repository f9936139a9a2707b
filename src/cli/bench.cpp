// prumo bench: how fast a model reads a prompt and writes text, beside what the machine can do.
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <optional>

#include "base/memory.h"
#include "cli/bench_run.h"
#include "cli/machine.h"
#include "cli/report.h"
#include "cli/source.h"
#include "cli/synthetic.h"
#include "cli/verbs.h"
#include "gguf/value.h"
#include "model/kv_cache.h"
#include "model/loaded_model.h"

namespace prumo::cli {
namespace {

struct Options {
  std::string model;
  std::string synthetic;
  std::string prompts = "128";
  std::string generates = "32";
  std::string threads;
  std::string depths;
  std::size_t repetitions = 5;
  std::size_t batch = 512;
  std::uint64_t seed = 1;
  std::string cache = "f16";
  std::string output = "table";
  std::string write;
};

constexpr const char* kDepths = "0,1024";  // where the model's context has room for them

// What is said of the model in every row.
struct About {
  std::string file;
  std::string type;  // "Prumo KJV Q8_0"
  std::uint64_t bytes = 0;
  std::uint64_t parameters = 0;
  std::string isa;
  std::uint64_t load_ns = 0;
  std::uint64_t first_token_ns = 0;  // from before loading
  std::size_t peak_bytes = 0;        // resident until then
  std::size_t cache_bytes = 0;       // the KV cache of that session
};

void describe(const Options& options, const Model& model, std::span<const std::byte> image,
              About& about) {
  const LoadedModel& loaded = model.internals();
  about.file = !options.synthetic.empty() ? "synthetic " + options.synthetic
               : options.model.empty()    ? "built-in"
                                          : options.model;
  const std::string name = loaded.config.name.empty() ? "llama" : loaded.config.name;
  about.type = fmt::format("{} {}", gguf::printable(name),
                           gguf::type_traits(loaded.weights.layers.front().attn_q.type).name);
  about.isa = model.isa();
  about.bytes = loaded.weights.file_bytes;
  const auto file = gguf::File::parse(image.empty() ? loaded.bytes : image);
  if (!file) return;
  for (const gguf::Tensor& tensor : file->tensors()) about.parameters += tensor.elements();
}

std::string human_count(std::uint64_t n) {
  const auto x = static_cast<double>(n);
  return n >= 1'000'000'000 ? fmt::format("{:.2f} B", x / 1e9) : fmt::format("{:.2f} M", x / 1e6);
}

// Of the limit that is nearer: the read bandwidth, or for a prompt the int8 peak where it is known.
std::string share(const BenchResult& r) {
  const double read = r.gb_s() / r.limits.read_gb_s;
  const double int8 = r.limits.int8_gop_s > 0 ? r.gop_s() / r.limits.int8_gop_s : 0;
  return fmt::format("{:.1f} % {}", 100 * std::max(read, int8), read < int8 ? "int8" : "read");
}

Json as_object(const About& about, const Options& options, const BenchResult& r) {
  Json json;
  json["model_filename"] = about.file;
  json["model_type"] = about.type;
  json["model_size"] = about.bytes;
  json["model_n_params"] = about.parameters;
  json["isa"] = about.isa;
  json["n_batch"] = options.batch;
  json["n_threads"] = r.test.threads;
  json["n_prompt"] = r.test.prompt;
  json["n_gen"] = r.test.generate;
  json["n_depth"] = r.test.depth;
  json["type_kv"] = options.cache;
  json["test"] = r.test.name();
  json["seed"] = options.seed;
  json["avg_ns"] = r.mean_ns;
  json["stddev_ns"] = r.deviation_ns;
  json["median_ns"] = r.median_ns;
  json["mad_ns"] = r.mad_ns;
  json["tok_s"] = r.tokens_per_second();
  json["samples_ns"] = r.samples_ns;
  const auto number = [](bool known, double x) { return known ? Json(x) : Json(nullptr); };
  const bool decode = r.test.generate > 0;
  const bool peak = r.limits.int8_gop_s > 0;
  json["gb_s"] = r.gb_s();
  json["read_gb_s"] = r.limits.read_gb_s;
  json["read_share"] = r.gb_s() / r.limits.read_gb_s;
  json["gop_s"] = number(!decode, r.gop_s());
  json["int8_peak_gop_s"] = number(peak, r.limits.int8_gop_s);
  json["int8_share"] = number(!decode && peak, r.gop_s() / r.limits.int8_gop_s);
  json["load_ns"] = about.load_ns;
  json["first_token_ns"] = about.first_token_ns;
  json["peak_rss_bytes"] = about.peak_bytes;
  json["kv_cache_bytes"] = about.cache_bytes;
  return json;
}

// llama-bench's columns in their order, then ours.
Table full_table(const About& about, const std::vector<BenchResult>& results) {
  Table table{{"model", "size", "params", "isa", "threads", "test", "t/s", "median ms", "mad ms",
               "GB/s", "share"},
              {},
              {false, true, true, false, true, true, true, true, true, true, true}};
  for (const BenchResult& r : results) {
    table.rows.push_back(
        {about.type, human_bytes(about.bytes), human_count(about.parameters), about.isa,
         std::to_string(r.test.threads), r.test.name(),
         fmt::format("{:.2f}", r.tokens_per_second()), fmt::format("{:.3f}", r.median_ns / 1e6),
         fmt::format("{:.3f}", r.mad_ns / 1e6), fmt::format("{:.2f}", r.gb_s()), share(r)});
  }
  return table;
}

// For a terminal: what all rows share stands above them.
std::string as_text(const About& about, const std::vector<BenchResult>& results) {
  std::string out = fmt::format("{}: {}, {}, {} parameters\n", about.file, about.type,
                                human_bytes(about.bytes), human_count(about.parameters));
  out += fmt::format(
      "loaded in {:.0f} ms, first token after {:.0f} ms; peak memory {}, with {} of KV cache\n",
      static_cast<double>(about.load_ns) / 1e6, static_cast<double>(about.first_token_ns) / 1e6,
      human_bytes(about.peak_bytes), human_bytes(about.cache_bytes));
  std::size_t last = 0;
  for (const BenchResult& r : results) {
    if (r.test.threads == last) continue;
    last = r.test.threads;
    out += fmt::format(
        "{}, {} thread{}: reads {:.1f} GB/s, int8 peak {}\n", about.isa, last, last == 1 ? "" : "s",
        r.limits.read_gb_s,
        r.limits.int8_gop_s > 0 ? fmt::format("{:.0f} GOP/s", r.limits.int8_gop_s) : "n/a");
  }
  out += "\n";
  Table table{{"threads", "test", "t/s", "median ms", "mad ms", "GB/s", "share"},
              {},
              {true, true, true, true, true, true, true}};
  for (const auto& row : full_table(about, results).rows) {
    table.rows.emplace_back(row.begin() + 4, row.end());
  }
  return out + table.to_text();
}

std::string formatted(const Options& options, const About& about,
                      const std::vector<BenchResult>& results) {
  if (options.output == "md") return full_table(about, results).to_markdown();
  if (options.output == "csv") return full_table(about, results).to_csv();
  if (options.output == "table") return as_text(about, results);
  Json all = Json::array();
  std::string lines;
  for (const BenchResult& r : results) {
    all.push_back(as_object(about, options, r));
    lines += to_line(all.back());
  }
  return options.output == "jsonl" ? lines : to_line(all);
}

Result<BenchPlan> plan_of(const Options& options) {
  constexpr std::uint64_t kMost = 1u << 20;
  const auto prompts = parse_list("--prompt", options.prompts, 0, kMost);
  if (!prompts) return prompts.error();
  const auto generates = parse_list("--gen", options.generates, 0, kMost);
  if (!generates) return generates.error();
  const auto depths =
      parse_list("--depth", options.depths.empty() ? kDepths : options.depths, 0, kMost);
  if (!depths) return depths.error();
  std::string usual = "1";
  if (usable_cores() > 1) usual += fmt::format(",{}", usable_cores());
  const auto threads = parse_list("--threads", options.threads.empty() ? usual : options.threads, 1,
                                  ThreadTeam::kMaxThreads);
  if (!threads) return threads.error();
  if (options.repetitions == 0) return usage("--repetitions", "At least 1 repetition is needed");
  BenchPlan plan{{}, options.repetitions, options.batch, options.seed, cache_type(options.cache)};
  for (const std::uint64_t t : *threads) {
    for (const std::uint64_t d : *depths) {
      for (const std::uint64_t p : *prompts) {
        if (p > 0) plan.tests.push_back({.threads = t, .prompt = p, .depth = d});
      }
      for (const std::uint64_t n : *generates) {
        if (n > 0) plan.tests.push_back({.threads = t, .generate = n, .depth = d});
      }
    }
  }
  if (plan.tests.empty()) return usage("bench", "Nothing to measure: -p and -n are both 0");
  return plan;
}

int save(const std::string& path, std::span<const std::byte> bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (file) return kOk;
  return fail({ErrorCode::kIo, path, "The model cannot be written; check the path and the room"});
}

// What a user waits for and what it takes: a session, one token and its choice, before anything
// else touches memory. `start` is when loading began.
Status first_token(const Model& model, std::size_t batch, std::size_t threads, CacheType cache,
                   std::uint64_t start, About& about) {
  constexpr std::size_t kContext = 512;
  const std::size_t context = std::min(kContext, model.context_length());
  auto session = Session::create(
      model, {.context = context, .batch = batch, .threads = threads, .cache = cache});
  if (!session) return session.error();
  if (Status done = session->step(0); !done) return done;
  const auto logits = session->logits();
  const auto best = model.internals().kernels->argmax(logits.data(), logits.size());
  if (best.has_nan || best.index == npos) {
    return Error{ErrorCode::kNonFiniteLogits, "first token", "The model's logits are no numbers."};
  }
  about.first_token_ns = now_ns() - start;
  about.peak_bytes = peak_resident_bytes();
  about.cache_bytes = KvCache::bytes(model.internals().config, context, cache);
  return success();
}

int run(const Options& options) {
  auto plan = plan_of(options);
  if (!plan) return fail(plan.error());
  if (!options.write.empty() && options.synthetic.empty()) {
    return fail(usage("--write", "Only a synthetic model can be saved; add --synthetic SHAPE"));
  }
  watch_for_interrupt();
  std::vector<std::byte> image;
  if (!options.synthetic.empty()) {
    const auto shape = parse_shape(options.synthetic);
    if (!shape) return fail(shape.error());
    auto made = synthetic_model(*shape, options.seed);
    if (!made) return fail(made.error());
    image = std::move(*made);
  }
  if (!options.write.empty()) return save(options.write, image);
  std::size_t most_threads = 1;
  for (const BenchTest& test : plan->tests) most_threads = std::max(most_threads, test.threads);
  const std::uint64_t start = now_ns();
  const auto model =
      image.empty() ? load_model(options.model, most_threads) : Model::load(image, most_threads);
  if (!model) return fail(model.error());
  About about;
  about.load_ns = now_ns() - start;
  Status first = first_token(*model, plan->batch, most_threads, plan->cache, start, about);
  if (!first) return fail(first.error());
  if (options.depths.empty()) {
    std::erase_if(plan->tests, [&](const BenchTest& test) {
      return test.depth > 0 && test.depth + test.tokens() > model->context_length();
    });
  }
  describe(options, *model, image, about);
  const auto results = run_bench(*model, *plan);
  if (!results) return fail(results.error());
  return print(formatted(options, about, *results));
}

}  // namespace

void add_bench(CLI::App& app, Action& action) {
  auto* verb = app.add_subcommand("bench", "Measure speed, beside what the machine can do");
  auto options = std::make_shared<Options>();
  auto* model = add_model_option(*verb, options->model);
  verb->add_option("--synthetic", options->synthetic, "A model of this shape, random weights")
      ->type_name("SHAPE")
      ->excludes(model);
  const auto list = [&](const char* names, std::string& value, const char* text) {
    verb->add_option(names, value, text)->type_name("LIST")->capture_default_str();
  };
  list("-p,--prompt", options->prompts, "Tokens of a prompt, read at once; 0: none");
  list("-n,--gen", options->generates, "Tokens written, one by one; 0: none");
  verb->add_option("-d,--depth", options->depths, "Tokens already in the context")
      ->type_name("LIST=0,1024");
  verb->add_option("-t,--threads", options->threads, "Threads; without it, 1 and one a core")
      ->type_name("LIST");
  add_whole(*verb, "-r,--repetitions", options->repetitions, "Samples a test, after a warm-up");
  add_whole(*verb, "--batch", options->batch, "Tokens of a prompt computed at once");
  add_cache_option(*verb, options->cache);
  add_whole(*verb, "--seed", options->seed, "Of token ids and synthetic weights", "S");
  verb->add_option("-o,--output", options->output, "table, json, jsonl, csv or md")
      ->type_name("FORMAT=table")
      ->check(CLI::IsMember({"table", "json", "jsonl", "csv", "md"}).description(""));
  verb->add_option("--write", options->write, "Save the synthetic model and measure nothing")
      ->type_name("FILE");
  verb->footer(
      "\nA LIST is numbers separated by commas; every combination is a test. SHAPE is\n"
      "EMBEDDINGxLAYERS:HEADS:KV:FFN:VOCABULARY:TYPE, with :tied behind it for a model\n"
      "without an output matrix. TYPE is one for all matrices (Q8_0) or a mixture\n"
      "(Q4_K_M), matrix by matrix what a quantizer chooses.\n\n"
      "The first token counts from before loading, with a context of 512; peak memory\n"
      "is what was resident until then (a synthetic model's file included, which is\n"
      "made in memory; --write it to see what a file takes).\n\n"
      "t/s is tokens over the median time; mad is the median distance from it. GB/s is\n"
      "weights and KV cache read. Share is how much of the read bandwidth (of a buffer\n"
      "as large as the weights, up to 512 MiB) or, for a prompt, of the int8 peak\n"
      "(AVX-512 only) measured in the same run: whichever limit is nearer.\n\n"
      "Examples:\n"
      "  prumo bench -t 1,2 -d 0,1024\n"
      "  prumo bench --synthetic 576x30:9:3:1536:49152:Q8_0 -o json\n"
      "  prumo bench -m model.gguf -p 0 -n 128 -o md");
  verb->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace prumo::cli
