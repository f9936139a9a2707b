// prumo info: what a file holds, what running it takes, and whether Prumo runs it. Works on every
// readable GGUF file.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <unordered_set>
#include <utility>

#include "base/memory.h"
#include "base/threads.h"
#include "cli/report.h"
#include "cli/source.h"
#include "cli/verbs.h"
#include "kernels/kernels.h"
#include "model/config.h"
#include "model/forward.h"
#include "model/weights.h"
#include "tokenizer/tokenizer.h"

namespace prumo::cli {
namespace {

struct Options {
  std::string model;
  bool json = false;
};

// Memory that running takes, in bytes, at the model's full context and the defaults of `generate`.
struct Needs {
  std::size_t weights = 0;
  std::size_t cache = 0;
  std::size_t scratch = 0;
  std::size_t context = 0;
  std::size_t threads = 0;
};

// Either what running takes, or the first reason why this file does not run.
Result<Needs> needs_of(const gguf::File& file) {
  const auto config = Config::from(file);
  if (!config) return config.error();
  const auto tokenizer = Tokenizer::from(file);
  if (!tokenizer) return tokenizer.error();
  const auto weights = weights_bytes(file, *config);
  if (!weights) return weights.error();
  Needs needs;
  needs.weights = *weights;
  needs.context = config->context_length;
  needs.threads = usable_cores();
  needs.cache = KvCache::bytes(*config, needs.context, CacheType::kF16);
  needs.scratch = SessionState::bytes(*config, {}, needs.threads) - needs.cache;
  return needs;
}

struct IsaChoice {
  std::string name;  // or the error
  std::string why;
  std::string supported;
};

Result<IsaChoice> isa_choice() {
  const auto chosen = choose_kernels();
  if (!chosen) return chosen.error();
  IsaChoice out;
  out.name = (*chosen)->name;
  for (const Kernels* table : supported_kernels()) {
    out.supported += (out.supported.empty() ? "" : ", ") + std::string(table->name);
  }
  const char* forced = std::getenv("PRUMO_ISA");
  out.why = forced != nullptr && *forced != '\0'
                ? "PRUMO_ISA asks for it"
                : "the best that this processor and this build have";
  return out;
}

std::string shape_of(const gguf::Tensor& tensor) {
  std::string out;
  for (std::uint32_t i = 0; i < tensor.n_dims; ++i) {
    out += (i == 0 ? "" : " x ") + std::to_string(tensor.dims[i]);
  }
  return out;
}

std::string_view type_of(const gguf::Tensor& tensor) {
  return gguf::type_traits(tensor.type)->name;
}

struct Totals {
  std::uint64_t parameters = 0;
  std::uint64_t bytes = 0;
};

Totals totals_of(const gguf::File& file) {
  Totals totals;
  for (const gguf::Tensor& tensor : file.tensors()) {
    totals.parameters += tensor.elements();
    totals.bytes += tensor.data.size();
  }
  return totals;
}

std::string sentence(const Error& error) {
  return (error.place.empty() ? "" : error.place + ": ") + error.message;
}

std::string as_text(const std::string& name, const gguf::File& file, const Result<Needs>& needs,
                    const IsaChoice& isa) {
  const Totals totals = totals_of(file);
  std::string out =
      fmt::format("file        {}\nformat      GGUF {}, tensors aligned to {} bytes\n",
                  gguf::printable(name, 4096), file.version(), file.alignment());
  out += fmt::format("weights     {} parameters in {} tensors, {}\n", totals.parameters,
                     file.tensors().size(), human_bytes(totals.bytes));
  if (needs) {
    out += "runs here   yes\n";
    out += fmt::format("memory      {} = weights {} + KV cache {} + scratch {}\n",
                       human_bytes(needs->weights + needs->cache + needs->scratch),
                       human_bytes(needs->weights), human_bytes(needs->cache),
                       human_bytes(needs->scratch));
    out += fmt::format("            for {} tokens in f16 with {} thread{}; {} free\n",
                       needs->context, needs->threads, needs->threads == 1 ? "" : "s",
                       human_bytes(available_memory()));
  } else {
    out += "runs here   no: " + sentence(needs.error()) + "\n";
  }
  out += fmt::format("isa         {}: {} ({})\n", isa.name, isa.why, isa.supported);

  out += "\n";
  Table keys{{"key", "value"}, {}, {false, false}};
  for (const gguf::KeyValue& entry : file.keys()) {
    keys.rows.push_back({gguf::printable(entry.key), gguf::to_text(entry.value, 4, 48)});
  }
  out += keys.to_text();
  if (file.tensors().empty()) return out;
  out += "\n";
  Table tensors{{"tensor", "type", "shape", "bytes"}, {}, {false, false, true, true}};
  for (const gguf::Tensor& tensor : file.tensors()) {
    tensors.rows.push_back({gguf::printable(tensor.name), std::string(type_of(tensor)),
                            shape_of(tensor), std::to_string(tensor.data.size())});
  }
  return out + tensors.to_text();
}

Json as_json(const std::string& name, const gguf::File& file, const Result<Needs>& needs,
             const IsaChoice& isa) {
  const Totals totals = totals_of(file);
  Json json;
  json["file"] = name;
  json["version"] = file.version();
  json["alignment"] = file.alignment();
  json["parameters"] = totals.parameters;
  json["tensor_bytes"] = totals.bytes;
  json["runs"] = needs.ok();
  if (needs) {
    json["memory"] = {{"weights_bytes", needs->weights}, {"kv_cache_bytes", needs->cache},
                      {"scratch_bytes", needs->scratch}, {"context", needs->context},
                      {"threads", needs->threads},       {"available_bytes", available_memory()}};
  } else {
    json["why_not"] = sentence(needs.error());
  }
  json["isa"] = {{"name", isa.name}, {"why", isa.why}, {"supported", isa.supported}};
  // Appended past the object's own look-up, which goes through all keys for each.
  Json keys = Json::object();
  std::vector<Json::object_t::value_type>& members = keys.get_ref<Json::object_t&>();
  std::unordered_set<std::string> seen;  // long keys may be cut to the same
  for (const gguf::KeyValue& entry : file.keys()) {
    const std::string key = gguf::printable(entry.key, 256);
    if (!seen.insert(key).second) continue;
    members.emplace_back(key, Json{{"type", gguf::type_name(entry.value.type())},
                                   {"value", gguf::to_text(entry.value)}});
  }
  json["keys"] = std::move(keys);
  json["tensors"] = Json::array();
  for (const gguf::Tensor& tensor : file.tensors()) {
    json["tensors"].push_back({{"name", gguf::printable(tensor.name)},
                               {"type", type_of(tensor)},
                               {"shape", std::span(tensor.dims).first(tensor.n_dims)},
                               {"bytes", tensor.data.size()}});
  }
  return json;
}

int run(const Options& options) {
  const auto isa = isa_choice();
  if (!isa) return fail(isa.error());
  const auto source = Source::open(options.model);
  if (!source) return fail(source.error());
  const auto needs = needs_of(source->file);
  const std::string name = options.model.empty() ? "the built-in model" : options.model;
  const int printed = print(options.json ? to_line(as_json(name, source->file, needs, *isa))
                                         : as_text(name, source->file, needs, *isa));
  // What Prumo does not run may be a good model; what contradicts itself is none.
  const bool broken = !needs && needs.error().code == ErrorCode::kBadModel;
  return printed == kOk && broken ? fail(in_model(options.model, needs.error())) : printed;
}

}  // namespace

void add_info(CLI::App& app, Action& action) {
  auto* verb = app.add_subcommand("info", "Show what a model file holds and what running it takes");
  auto options = std::make_shared<Options>();
  add_model_option(*verb, options->model);
  verb->add_flag("--json", options->json, "Print one JSON object instead");
  verb->footer(
      "\nWorks on every readable GGUF file, whether Prumo can run it or not, and says why\n"
      "not; the exit code is 3 if the file contradicts itself or lacks what a model\n"
      "needs. Shapes have the contiguous dimension first; sizes are in decimal units.\n\n"
      "Examples:\n"
      "  prumo info\n"
      "  prumo info -m model.gguf --json");
  verb->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace prumo::cli
