// prumo detokenize: ids to text. The tokenizer is all that is loaded.
#include <fmt/format.h>

#include <memory>
#include <vector>

#include "cli/report.h"
#include "cli/source.h"
#include "cli/verbs.h"
#include "tokenizer/tokenizer.h"

namespace prumo::cli {
namespace {

struct Options {
  std::string model;
  std::string ids = "-";
};

int run(const Options& options) {
  const auto source = Source::open(options.model);
  if (!source) return fail(source.error());
  const auto tokenizer = Tokenizer::from(source->file);
  if (!tokenizer) return fail(in_model(options.model, tokenizer.error()));
  auto text = options.ids == "-" ? read_text("-") : Result<std::string>(options.ids);
  if (!text) return fail(text.error());
  // No tokens are no text; `prumo tokenize` prints an empty line for them.
  if (text->find_first_not_of(" \t\r\n") == std::string::npos) return kOk;
  const auto numbers = parse_list("--ids", *text, 0, tokenizer->size() - 1);
  if (!numbers) return fail(numbers.error());
  const std::vector<TokenId> ids(numbers->begin(), numbers->end());
  return print(tokenizer->decode(ids));
}

}  // namespace

void add_detokenize(CLI::App& app, Action& action) {
  auto* verb = app.add_subcommand("detokenize", "Turn token ids into text, byte for byte");
  auto options = std::make_shared<Options>();
  add_model_option(*verb, options->model);
  verb->add_option("--ids", options->ids, "Token ids, separated by commas; '-' is standard input")
      ->type_name("IDS")
      ->capture_default_str();
  verb->footer(
      "\nNo newline is added: what comes out are the bytes of the tokens.\n\n"
      "Examples:\n"
      "  prumo detokenize --ids 1,345,287\n"
      "  prumo tokenize -f story.txt | prumo detokenize | cmp - story.txt");
  verb->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace prumo::cli
