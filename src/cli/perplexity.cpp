// prumo perplexity: how well a model foretells a text, and how far it is from another model of the
// same vocabulary. Every figure but the time is the same on every machine.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <vector>

#include "cli/report.h"
#include "cli/source.h"
#include "cli/verbs.h"
#include "generate/scoring.h"
#include "gguf/value.h"
#include "model/loaded_model.h"
#include "model/rope_table.h"
#include "prumo.h"

namespace prumo::cli {
namespace {

constexpr std::size_t kUsualContext = 512;
// Tokens whose logits of the reference are kept until the model's come: memory, and nothing else.
constexpr std::size_t kKept = 64;
// Whatever the model's: a file as its own reference then shows what its cache alone costs.
constexpr CacheType kReferenceCache = CacheType::kF16;

struct Options {
  std::string model;
  std::string file = "-";
  std::string reference;
  bool has_reference = false;
  std::size_t threads = 0;
  std::size_t batch = 512;
  std::size_t context = 0;
  std::string cache = "f16";
  bool json = false;
};

// What a text came to, token by token.
struct Scores {
  double nats = 0;                 // of all scored tokens
  std::size_t scored = 0;          // tokens
  std::size_t evaluated = 0;       // tokens that went through the model
  std::vector<double> divergence;  // one a scored token, when there is a reference
  std::size_t agreed = 0;          // scored tokens whose likeliest token is the reference's
  std::uint64_t ns = 0;
};

Error not_finite(const std::string& whose) {
  return {ErrorCode::kNonFiniteLogits, whose,
          "A logit is infinite or NaN, so nothing can be said of this model and text"};
}

// The least index of the largest logit; all are finite.
std::size_t likeliest(std::span<const float> logits) {
  return static_cast<std::size_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

bool all_finite(std::span<const float> logits) {
  return std::all_of(logits.begin(), logits.end(), [](float x) { return std::isfinite(x); });
}

// Both models, when there are two, go through each window side by side.
class Scorer {
 public:
  Scorer(const Model& model, Session& session, Session* reference, std::vector<TokenId> text)
      : session_(session), reference_(reference), text_(std::move(text)) {
    const Tokenizer& tokenizer = model.internals().tokenizer;
    bos_ = tokenizer.adds_bos() ? std::optional(tokenizer.bos()) : std::nullopt;
  }

  Status score(const Window& window) {
    const std::uint64_t start = now_ns();
    session_.rewind(0);
    if (reference_ != nullptr) reference_->rewind(0);
    std::vector<TokenId> inputs;
    if (bos_) inputs.push_back(*bos_);
    const auto first = text_.begin() + static_cast<std::ptrdiff_t>(window.begin);
    inputs.insert(inputs.end(), first,
                  first + static_cast<std::ptrdiff_t>(window.inputs - inputs.size()));
    const std::span<const TokenId> all = inputs;

    const auto known = all.first(window.scored_from);
    if (auto status = session_.prefill(known, &interrupted); !status) return status;
    if (reference_ != nullptr) {
      if (auto status = reference_->prefill(known, &interrupted); !status) return status;
    }
    for (std::size_t at = known.size(); at < all.size(); at += kKept) {
      const auto part = all.subspan(at, std::min(kKept, all.size() - at));
      if (auto status = score(part, window.begin + at + (bos_ ? 0 : 1)); !status) return status;
    }
    scores_.evaluated += window.inputs;
    scores_.ns += now_ns() - start;
    return success();
  }

  [[nodiscard]] const Scores& scores() const { return scores_; }

 private:
  // Tokens whose predictions count; the first of them foretells token `target` of the text.
  Status score(std::span<const TokenId> part, std::size_t target) {
    std::vector<float> kept;  // the reference's logits, a row a token
    bool finite = true;
    if (reference_ != nullptr) {
      const auto keep = [&](std::span<const float> logits) {
        finite = finite && all_finite(logits);
        kept.insert(kept.end(), logits.begin(), logits.end());
      };
      if (auto status = reference_->evaluate(part, keep, &interrupted); !status) return status;
      if (!finite) return not_finite("reference");
    }
    std::size_t row = 0;
    const auto look = [&](std::span<const float> logits) {
      finite = finite && all_finite(logits);
      if (!finite) return;
      const auto answer = static_cast<std::size_t>(text_[target + row]);
      scores_.nats += log_sum_exp(logits) - static_cast<double>(logits[answer]);
      ++scores_.scored;
      if (reference_ != nullptr) {
        const auto theirs =
            std::span<const float>(kept).subspan(row * logits.size(), logits.size());
        scores_.divergence.push_back(divergence(theirs, logits));
        if (likeliest(theirs) == likeliest(logits)) ++scores_.agreed;
      }
      ++row;
    };
    if (auto status = session_.evaluate(part, look, &interrupted); !status) return status;
    return finite ? success() : Status(not_finite("model"));
  }

  Session& session_;
  Session* reference_;
  std::vector<TokenId> text_;
  std::optional<TokenId> bos_;
  Scores scores_;
};

std::optional<Error> different_vocabulary(const Model& a, const Model& b) {
  const Tokenizer& x = a.internals().tokenizer;
  const Tokenizer& y = b.internals().tokenizer;
  bool same = a.vocab_size() == b.vocab_size() && x.size() == y.size() && x.bos() == y.bos() &&
              x.adds_bos() == y.adds_bos();
  for (std::size_t i = 0; same && i < x.size(); ++i) {
    same = x.piece(static_cast<TokenId>(i)) == y.piece(static_cast<TokenId>(i));
  }
  if (same) return std::nullopt;
  return usage("--reference",
               "The two models have different vocabularies, so their predictions cannot be "
               "compared; give two files made of one model");
}

Result<std::size_t> context_for(const Options& options, const Model& model,
                                const Model* reference) {
  const std::size_t most = reference == nullptr
                               ? model.context_length()
                               : std::min(model.context_length(), reference->context_length());
  if (options.context == 0) return std::min(kUsualContext, most);
  if (options.context < 2 || options.context > most) {
    return usage("--context", fmt::format("A window has 2 to {} tokens here, and {} were asked for",
                                          most, options.context));
  }
  return options.context;
}

struct Report {
  std::string name;
  std::size_t bytes;
  std::size_t context;
  std::size_t windows;
  double nats_per_token;
  double bits_per_byte;
  double tok_s;
};

Json object_of(const Options& options, const Report& r, Scores& s, const Model& model,
               const Session& session) {
  Json json;
  json["model"] = r.name;
  json["type_kv"] = options.cache;
  json["bytes"] = r.bytes;
  json["tokens"] = s.scored;
  json["context"] = r.context;
  json["stride"] = r.context / 2;
  json["windows"] = r.windows;
  json["nats_per_token"] = r.nats_per_token;
  json["perplexity"] = exact::exp(r.nats_per_token);
  json["bits_per_byte"] = r.bits_per_byte;
  if (!s.divergence.empty()) {
    double sum = 0;
    for (const double d : s.divergence) sum += d;
    std::sort(s.divergence.begin(), s.divergence.end());
    json["kl_mean"] = sum / static_cast<double>(s.scored);
    json["kl_median"] = percentile(s.divergence, 0.5);
    json["kl_p99"] = percentile(s.divergence, 0.99);
    json["kl_max"] = s.divergence.back();
    json["top_agreement"] = static_cast<double>(s.agreed) / static_cast<double>(s.scored);
  }
  json["tok_s"] = r.tok_s;
  json["isa"] = model.isa();
  json["threads"] = session.threads();
  return json;
}

std::string text_of(const Json& j) {
  const auto number = [&](const char* key) { return j[key].get<double>(); };
  const auto count = [&](const char* key) { return j[key].get<std::size_t>(); };
  std::string out = fmt::format(
      "text        {} bytes, {} tokens scored, in {} windows of {}, {} tokens apart\n"
      "nats/token  {:.6f}\nperplexity  {:.4f}\nbits/byte   {:.6f}\n",
      count("bytes"), count("tokens"), count("windows"), count("context"), count("stride"),
      number("nats_per_token"), number("perplexity"), number("bits_per_byte"));
  if (j.contains("kl_mean")) {
    out += fmt::format(
        "KL          mean {:.3e}, median {:.3e}, 99% {:.3e}, max {:.3e} nats from the reference\n"
        "top token   {:.3f} % the same as the reference's\n",
        number("kl_mean"), number("kl_median"), number("kl_p99"), number("kl_max"),
        100 * number("top_agreement"));
  }
  return out + fmt::format("speed       {:.0f} tokens/s, {}, {} thread{}\n", number("tok_s"),
                           j["isa"].get<std::string>(), count("threads"),
                           count("threads") == 1 ? "" : "s");
}

Result<Session> session_for(const Options& options, const Model& model, std::size_t context,
                            CacheType cache) {
  return Session::create(
      model,
      {.context = context, .batch = options.batch, .threads = options.threads, .cache = cache});
}

// Everything once the models are there.
Result<std::string> evaluate(const Options& options, const Model& model, const Model* reference,
                             Progress& progress) {
  if (reference != nullptr) {
    if (const auto different = different_vocabulary(model, *reference)) return *different;
  }
  const auto context = context_for(options, model, reference);
  if (!context) return context.error();
  const auto text = read_text(options.file);
  if (!text) return text.error();
  std::vector<TokenId> ids = model.tokenize(*text, false);
  const auto all = windows(ids.size(), *context, model.internals().tokenizer.adds_bos());
  if (all.empty()) {
    return usage("--file", fmt::format("The text has {} tokens, and none of them has one before it "
                                       "to be foretold from; give a longer text",
                                       ids.size()));
  }
  auto session = session_for(options, model, *context, cache_type(options.cache));
  if (!session) return session.error();
  std::optional<Session> second;
  if (reference != nullptr) {
    auto created = session_for(options, *reference, *context, kReferenceCache);
    if (!created) return created.error();
    second = std::move(*created);
  }

  Scorer scorer(model, *session, second ? &*second : nullptr, std::move(ids));
  for (std::size_t i = 0; i < all.size(); ++i) {
    progress.set(fmt::format("prumo: window {} of {}", i + 1, all.size()));
    if (auto status = scorer.score(all[i]); !status) return status.error();
  }
  Scores scores = scorer.scores();
  const Report report{
      .name = gguf::printable(model.internals().config.name),
      .bytes = text->size(),
      .context = *context,
      .windows = all.size(),
      .nats_per_token = scores.nats / static_cast<double>(scores.scored),
      .bits_per_byte = scores.nats / exact::log(2) / static_cast<double>(text->size()),
      .tok_s = static_cast<double>(scores.evaluated) * 1e9 /
               static_cast<double>(std::max<std::uint64_t>(scores.ns, 1))};
  const Json json = object_of(options, report, scores, model, *session);
  return options.json ? to_line(json) : text_of(json);
}

int run(const Options& options) {
  watch_for_interrupt();
  Progress progress("prumo: loading " + gguf::printable(options.model, 4096));
  const auto model = load_model(options.model, options.threads);
  if (!model) return (progress.stop(), fail(model.error()));
  std::optional<Model> reference;
  if (options.has_reference) {
    auto loaded = load_model(options.reference, options.threads);
    if (!loaded) return (progress.stop(), fail(loaded.error()));
    reference = std::move(*loaded);
  }
  const auto text = evaluate(options, *model, reference ? &*reference : nullptr, progress);
  progress.stop();
  return text ? print(*text) : fail(text.error());
}

}  // namespace

void add_perplexity(CLI::App& app, Action& action) {
  auto* verb = app.add_subcommand("perplexity", "Score how well a model foretells a text");
  auto options = std::make_shared<Options>();
  add_model_option(*verb, options->model);
  verb->add_option("-f,--file", options->file, "Score the text of FILE; '-' is standard input")
      ->type_name("FILE")
      ->capture_default_str();
  auto* reference = verb->add_option("--reference", options->reference,
                                     "Also measure how far the model is from that of FILE")
                        ->type_name("FILE");
  add_whole(*verb, "-t,--threads", options->threads, "Threads, at most 256; 0: one a core");
  add_whole(*verb, "--batch", options->batch, "Tokens computed at once");
  add_whole(*verb, "-c,--context", options->context, "Tokens of a window; 0: 512, or the model's");
  add_cache_option(*verb, options->cache);
  verb->add_flag("--json", options->json, "Print one JSON object");
  verb->footer(
      "\nThe text is read in windows of the context, half a context apart, each from an\n"
      "empty context on; a beginning-of-text token goes first if the model asks for\n"
      "one. Every token is scored once, with at least half a context before it but in\n"
      "the first window. bits/byte counts all bytes of the text.\n"
      "The reference is a model of the same vocabulary, such as the file that this one\n"
      "was quantized from: KL is D(reference || model) in nats a token. Its KV cache is\n"
      "F16 whatever --cache says, so a file that is its own reference shows what the\n"
      "cache alone costs.\n"
      "No figure but the speed depends on threads, batch or machine.\n\n"
      "Examples:\n"
      "  prumo perplexity -f text.txt\n"
      "  prumo perplexity -m q4.gguf --reference f32.gguf -f text.txt --json\n"
      "  prumo perplexity -m q4.gguf --reference q4.gguf --cache q8_0 -f text.txt");
  verb->callback([options, reference, &action] {
    options->has_reference = reference->count() > 0;
    action = [options] { return run(*options); };
  });
}

}  // namespace prumo::cli
