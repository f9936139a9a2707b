// prumo tokenize: text to ids. The tokenizer is all that is loaded.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>

#include "cli/report.h"
#include "cli/source.h"
#include "cli/verbs.h"
#include "tokenizer/tokenizer.h"

namespace prumo::cli {
namespace {

struct Options {
  std::string model;
  std::string file = "-";
  std::string text;
  bool has_text = false;
  bool no_bos = false;
};

int run(const Options& options) {
  const auto source = Source::open(options.model);
  if (!source) return fail(source.error());
  const auto tokenizer = Tokenizer::from(source->file);
  if (!tokenizer) return fail(in_model(options.model, tokenizer.error()));
  auto text = options.has_text ? Result<std::string>(options.text) : read_text(options.file);
  if (!text) return fail(text.error());
  const auto ids = tokenizer->encode(*text, !options.no_bos);
  return print(fmt::format("{}\n", fmt::join(ids, ",")));
}

}  // namespace

void add_tokenize(CLI::App& app, Action& action) {
  auto* verb = app.add_subcommand("tokenize", "Turn text into token ids, on one line");
  auto options = std::make_shared<Options>();
  add_model_option(*verb, options->model);
  auto* file =
      verb->add_option("-f,--file", options->file, "Read the text from FILE, every byte of it")
          ->type_name("FILE")
          ->capture_default_str();
  auto* text = verb->add_option("-p,--prompt", options->text, "Take TEXT")
                   ->type_name("TEXT")
                   ->excludes(file);
  verb->add_flag("--no-bos", options->no_bos, "Leave out the beginning-of-text token");
  verb->footer(
      "\n'-' is standard input. The output is ids separated by commas.\n\n"
      "Examples:\n"
      "  prumo tokenize -p \"In the beginning\"\n"
      "  prumo tokenize -m model.gguf -f story.txt | prumo detokenize -m model.gguf");
  verb->callback([options, text, &action] {
    options->has_text = text->count() > 0;
    action = [options] { return run(*options); };
  });
}

}  // namespace prumo::cli
