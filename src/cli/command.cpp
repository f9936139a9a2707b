// A command line from the first word to the exit code: finds the verb, turns every fault into one
// sentence.
#include "cli/command.h"

#include <exception>
#include <new>
#include <string>

#include "cli/report.h"
#include "cli/verbs.h"

namespace prumo::cli {
namespace {

constexpr const char* kFooter = R"(
Examples:
  prumo generate -p "In the beginning" -n 60
  prumo bench -m model.gguf
  prumo verify

'prumo VERB --help' has each verb's options. Without -m the built-in model
serves.
PRUMO_ISA=scalar, avx2 or avx512 forces an instruction set; no bit of the output
changes with it.

Exit codes: 0 ok, 1 runtime error, 2 wrong usage, 3 bad model, 4 out of memory,
130 interrupted.)";

// What CLI11 has to say, as one sentence that names the verb.
int usage_error(const CLI::App& app, const CLI::ParseError& error) {
  std::string verb;
  for (const CLI::App* chosen : app.get_subcommands()) verb = chosen->get_name();
  std::string message = error.what();
  if (const auto end = message.find('\n'); end != std::string::npos) message.resize(end);
  while (message.ends_with('.') || message.ends_with(' ')) message.pop_back();
  if (verb.empty() && dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    message += "; the verbs are generate, bench, verify, tokenize, detokenize, info and perplexity";
  }
  const std::string command = "prumo " + verb + (verb.empty() ? "" : " ") + "--help";
  return fail(usage(verb, message + "; see '" + command + "'"));
}

int run(int argc, const char* const* argv) {
  CLI::App app(
      "Prumo generates text from GGUF language models on a CPU: the same file, tokens,\n"
      "options and seed give the same bits on every instruction set, at every thread\n"
      "count.\n",
      "prumo");
  app.set_version_flag("--version", "prumo " PRUMO_VERSION, "Print the version and end");
  app.set_help_flag("-h,--help", "Print this help and end");
  app.footer(kFooter);
  app.require_subcommand(0, 1);
  app.get_formatter()->column_width(26);
  app.get_formatter()->label("SUBCOMMAND", "VERB");
  app.get_formatter()->label("OPTIONS", "OPTIONS");

  Action action;
  add_generate(app, action);
  add_bench(app, action);
  add_verify(app, action);
  add_tokenize(app, action);
  add_detokenize(app, action);
  add_info(app, action);
  add_perplexity(app, action);
  for (CLI::App* verb : app.get_subcommands({})) {
    verb->group("Verbs");
    verb->get_formatter()->column_width(26);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return print(app.help());
  } catch (const CLI::CallForVersion& version) {
    return print(std::string(version.what()) + "\n");
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error);
  }
  if (!action) return fail(usage("", "No verb given; see 'prumo --help'"));
  return action();
}

}  // namespace

int run_command(int argc, const char* const* argv) {
  try {
    return run(argc, argv);
  } catch (const std::bad_alloc&) {
    return fail({ErrorCode::kOutOfMemory, "", "The machine has not enough memory for this."});
  } catch (const std::exception& error) {
    return fail({ErrorCode::kIo, "", error.what()});
  }
}

}  // namespace prumo::cli
