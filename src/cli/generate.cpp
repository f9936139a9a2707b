// prumo generate: a prompt in, text or one JSON object out.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "cli/report.h"
#include "cli/source.h"
#include "cli/verbs.h"
#include "gguf/value.h"
#include "model/loaded_model.h"
#include "prumo.h"

namespace prumo::cli {
namespace {

struct Options {
  std::string model;
  std::string prompt;
  std::string prompt_file;
  std::string prompt_ids;
  int prompts = 0;  // how many of the three were given
  bool has_file = false;
  bool has_ids = false;
  std::uint64_t tokens = 128;
  SamplerOptions sampler;
  std::vector<std::string> stop;
  bool ignore_eos = false;
  std::size_t threads = 0;
  std::size_t batch = 512;
  std::size_t context = 0;
  std::string cache = "f16";
  bool lookup = false;
  bool json = false;
  bool logits = false;
};

// The bits of every step's logits, in order.
class LogitsHash {
 public:
  LogitsHash() { XXH3_64bits_reset(&state_); }
  void add(std::span<const float> logits) {
    XXH3_64bits_update(&state_, logits.data(), logits.size_bytes());
  }
  [[nodiscard]] std::string hex() const {
    return fmt::format("{:016x}", static_cast<std::uint64_t>(XXH3_64bits_digest(&state_)));
  }

 private:
  XXH3_state_t state_{};
};

double per_second(std::size_t n, std::uint64_t ns) {
  return ns == 0 ? 0 : static_cast<double>(n) * 1e9 / static_cast<double>(ns);
}

Result<std::vector<TokenId>> prompt_of(const Options& options, const Model& model) {
  if (options.has_ids) {
    const auto numbers = parse_list("--prompt-ids", options.prompt_ids, 0, model.vocab_size() - 1);
    if (!numbers) return numbers.error();
    return std::vector<TokenId>(numbers->begin(), numbers->end());
  }
  auto text = options.has_file ? read_text(options.prompt_file) : Result(options.prompt);
  if (!text) return text.error();
  if (text->empty()) {
    return usage(options.has_file ? "--file" : "--prompt",
                 "The prompt is empty; give at least one character to go on from");
  }
  auto ids = model.tokenize(*text);
  if (ids.empty()) {
    return in_model(options.model,
                    {ErrorCode::kBadModel, "tokenizer.ggml.tokens",
                     "No token, byte or unknown token stands for any of the prompt; use a model "
                     "whose vocabulary has bytes."});
  }
  return ids;
}

// Room for all that will be run: the prompt and every new token but the last, within the model's
// context.
Result<std::size_t> context_for(const Options& options, const Model& model, std::size_t prompt) {
  const std::size_t most = options.context == 0 ? model.context_length() : options.context;
  if (prompt > most) {
    return Error{
        ErrorCode::kContextFull, "prompt",
        fmt::format("It has {} tokens and the context holds {}; shorten the prompt{}", prompt, most,
                    most < model.context_length() ? " or raise --context" : "")};
  }
  if (options.context != 0) return options.context;
  return prompt + std::min<std::uint64_t>(options.tokens - 1, most - prompt);
}

// Text as it comes, and what goes wrong with it: a reader that has gone also ends the generation.
struct Screen {
  std::optional<Error> error;
  char last = '\n';

  void show(std::string_view text) {
    if (text.empty() || error) return;
    last = text.back();
    if (const Status written = write_out(text); !written) {
      error = written.error();
      interrupted = true;
    }
  }
};

Json object_of(const Options& options, const Model& model, const Session& session,
               std::span<const TokenId> prompt, const Generation& made, const LogitsHash& hash,
               std::uint64_t load_ns) {
  Json json;
  json["model"] = gguf::printable(model.internals().config.name);
  json["prompt_ids"] = prompt;
  json["ids"] = made.ids;
  json["text"] = made.text;
  json["finish"] = finish_name(made.finish);
  json["logits_hash"] = hash.hex();
  json["seed"] = options.sampler.seed;
  json["load_ns"] = load_ns;
  json["prefill_ns"] = made.prefill_ns;
  json["decode_ns"] = made.decode_ns;
  json["sample_ns"] = made.sample_ns;
  json["prefill_tok_s"] = per_second(prompt.size(), made.prefill_ns);
  json["decode_tok_s"] = per_second(made.decode_steps, made.decode_ns);
  json["drafted"] = made.drafted;
  json["accepted"] = made.accepted;
  json["isa"] = model.isa();
  json["threads"] = session.threads();
  return json;
}

// The object on one line. Floats are added by hand: the fewest digits that read back as the same
// float.
std::string with_logits(const Json& json, std::span<const float> logits) {
  std::string out = to_line(json);
  out.resize(out.size() - 2);  // "}\n"
  out += ",\"logits\":[";
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (i > 0) out += ',';
    out += std::isfinite(logits[i]) ? fmt::format("{}", logits[i]) : "null";
  }
  return out + "]}\n";
}

void report_speed(const Model& model, const Session& session, std::size_t prompt,
                  const Generation& made, std::uint64_t load_ns) {
  if (::isatty(STDERR_FILENO) == 0) return;
  fmt::print(stderr,
             "[load {:.0f} ms; prompt {} tokens, {:.0f}/s; text {} tokens, {:.1f}/s; {}, "
             "{} thread{}; {}]\n",
             static_cast<double>(load_ns) / 1e6, prompt, per_second(prompt, made.prefill_ns),
             made.ids.size(), per_second(made.decode_steps, made.decode_ns), model.isa(),
             session.threads(), session.threads() == 1 ? "" : "s", finish_name(made.finish));
}

std::optional<Error> check(const Options& options) {
  if (options.prompts != 1) {
    return usage("generate", options.prompts == 0
                                 ? "Give a prompt with one of --prompt, --file and --prompt-ids"
                                 : "Give one prompt only: --prompt, --file or --prompt-ids");
  }
  if (options.tokens == 0) {
    return usage("--tokens", "0 tokens are nothing to generate; give at least 1");
  }
  if (options.logits && !options.json) {
    return usage("--logits", "Logits are part of the JSON output; add --json");
  }
  return std::nullopt;
}

int run(const Options& options) {
  if (const auto wrong = check(options)) return fail(*wrong);
  watch_for_interrupt();
  const std::uint64_t start = now_ns();
  Progress progress("prumo: loading " + gguf::printable(options.model, 4096));
  const auto model = load_model(options.model, options.threads);
  if (!model) return (progress.stop(), fail(model.error()));
  std::uint64_t load_ns = now_ns() - start;
  const auto prompt = prompt_of(options, *model);
  if (!prompt) return (progress.stop(), fail(prompt.error()));
  const auto context = context_for(options, *model, prompt->size());
  if (!context) return (progress.stop(), fail(context.error()));
  const std::uint64_t resumed = now_ns();
  auto session = Session::create(*model, {.context = std::max<std::size_t>(*context, 1),
                                          .batch = options.batch,
                                          .threads = options.threads,
                                          .cache = cache_type(options.cache),
                                          .draft = options.lookup ? kUsualDraft : 0});
  if (!session) return (progress.stop(), fail(session.error()));
  load_ns += now_ns() - resumed;

  Screen screen;
  LogitsHash hash;
  std::vector<float> first;
  GenerateOptions how{.max_tokens = static_cast<std::size_t>(options.tokens),
                      .sampler = options.sampler,
                      .stop = options.stop,
                      .ignore_eos = options.ignore_eos,
                      .cancel = &interrupted,
                      .on_text = {},
                      .on_logits = {}};
  if (options.json) {
    how.on_logits = [&](std::span<const float> logits) {
      progress.stop();
      if (options.logits && first.empty()) first.assign(logits.begin(), logits.end());
      hash.add(logits);
    };
  } else {
    how.on_text = [&](std::string_view text) {
      progress.stop();
      if (screen.last == '\0') screen.show(model->detokenize(*prompt));
      screen.show(text);
    };
    screen.last = '\0';  // the prompt goes first
  }
  progress.set(fmt::format("prumo: reading a prompt of {} tokens", prompt->size()));
  const auto made = generate(*session, *prompt, how);
  progress.stop();
  if (!options.json && made && screen.last == '\0') screen.show(model->detokenize(*prompt));
  if (!options.json && screen.last != '\0' && screen.last != '\n') screen.show("\n");
  if (screen.error) return fail(*screen.error);
  if (!made) return fail(in_model(options.model, made.error()));

  if (options.json) {
    const Json json = object_of(options, *model, *session, *prompt, *made, hash, load_ns);
    const int printed = print(options.logits ? with_logits(json, first) : to_line(json));
    if (printed != kOk) return printed;
  } else {
    report_speed(*model, *session, prompt->size(), *made, load_ns);
  }
  return made->finish == Finish::kCancelled ? kCancelled : kOk;
}

void add_prompt(CLI::App& verb, const std::shared_ptr<Options>& options, Action& action) {
  auto* text =
      verb.add_option("-p,--prompt", options->prompt, "Go on from TEXT")->type_name("TEXT");
  auto* file = verb.add_option("-f,--file", options->prompt_file,
                               "Go on from all of FILE; '-' is standard input")
                   ->type_name("FILE");
  auto* ids = verb.add_option("--prompt-ids", options->prompt_ids,
                              "Go on from token ids, separated by commas")
                  ->type_name("IDS");
  verb.callback([options, text, file, ids, &action] {
    options->has_file = file->count() > 0;
    options->has_ids = ids->count() > 0;
    options->prompts =
        (text->count() > 0 ? 1 : 0) + (options->has_file ? 1 : 0) + (options->has_ids ? 1 : 0);
    action = [options] { return run(*options); };
  });
}

void add_choice(CLI::App& verb, Options& options) {
  verb.add_option("--temp", options.sampler.temperature,
                  "Temperature; 0 always takes the most likely token")
      ->type_name("T")
      ->capture_default_str();
  add_whole(verb, "--top-k", options.sampler.top_k, "Choose among the K most likely; 0: all", "K");
  verb.add_option("--top-p", options.sampler.top_p,
                  "Choose among the likeliest, until they sum to P")
      ->type_name("P")
      ->capture_default_str();
  verb.add_option("--min-p", options.sampler.min_p,
                  "Leave out what is less than P times the likeliest")
      ->type_name("P")
      ->capture_default_str();
  add_whole(verb, "--seed", options.sampler.seed, "Same seed, same text", "S");
}

}  // namespace

void add_generate(CLI::App& app, Action& action) {
  auto* verb = app.add_subcommand("generate", "Write text that goes on from a prompt");
  auto options = std::make_shared<Options>();
  add_model_option(*verb, options->model);
  add_prompt(*verb, options, action);
  add_whole(*verb, "-n,--tokens", options->tokens, "Make at most N tokens, at least 1");
  add_choice(*verb, *options);
  verb->add_option("--stop", options->stop, "End before TEXT appears; may be given again")
      ->type_name("TEXT")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
  verb->add_flag("--ignore-eos", options->ignore_eos, "Go on past the model's end tokens");
  add_whole(*verb, "-t,--threads", options->threads, "Threads, at most 256; 0: one a core");
  add_whole(*verb, "--batch", options->batch, "Tokens of the prompt computed at once");
  add_cache_option(*verb, options->cache);
  verb->add_flag("--lookup", options->lookup, "Guess from what stood before; same text, sooner");
  add_whole(*verb, "-c,--context", options->context,
            "Tokens to make room for; 0: what prompt and -n need");
  verb->add_flag("--json", options->json, "Print one JSON object instead of the text");
  verb->add_flag("--logits", options->logits, "With --json: the logits after the prompt, too");
  verb->footer(
      "\nGive the prompt with one of -p, -f and --prompt-ids. Standard output gets the\n"
      "prompt and then the text as it is made; with --json only the object, whose times\n"
      "are in nanoseconds. Threads and batch change the speed, never the text.\n\n"
      "Examples:\n"
      "  prumo generate -p \"In the beginning\" -n 60\n"
      "  prumo generate -m model.gguf -f prompt.txt --temp 0.8 --top-k 40 --top-p 0.9\n"
      "  prumo generate --prompt-ids 1,345 -n 1 --json --logits");
}

}  // namespace prumo::cli
