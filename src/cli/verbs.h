// The verbs of the command, one file each.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

namespace prumo::cli {

/// What the command line asked for; it returns the exit code.
using Action = std::function<int()>;

// Each adds its verb and options to `app`, and sets `action` when the verb is the one chosen.
void add_generate(CLI::App& app, Action& action);
void add_bench(CLI::App& app, Action& action);
void add_verify(CLI::App& app, Action& action);
void add_tokenize(CLI::App& app, Action& action);
void add_detokenize(CLI::App& app, Action& action);
void add_info(CLI::App& app, Action& action);
void add_perplexity(CLI::App& app, Action& action);

/// Digits and nothing else: CLI11 reads "-1" as a very large number.
inline const CLI::Validator kWhole(
    [](std::string& text) {
      const bool digits = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
      return digits ? std::string() : "'" + text + "' is no whole number of 0 or more";
    },
    "");

/// -m FILE, for the verbs that take a model.
inline CLI::Option* add_model_option(CLI::App& verb, std::string& path) {
  return verb
      .add_option("-m,--model", path, "GGUF file of the model; without it, the built-in one")
      ->type_name("FILE");
}

}  // namespace prumo::cli
