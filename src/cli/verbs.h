// The verbs of the command, one file each.
#pragma once

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <system_error>

#include "prumo.h"

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

/// Digits and nothing else, read as decimal, as large as 64 bits hold. CLI11 by itself takes "-1"
/// for a very large number, "010" for eight, and what is too large for the largest.
inline const CLI::Validator kWhole(
    [](std::string& text) {
      std::uint64_t number = 0;
      const std::errc error = std::from_chars(text.data(), text.data() + text.size(), number).ec;
      const bool digits = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
      if (!digits) return "'" + text + "' is no whole number of 0 or more";
      if (error != std::errc()) return "'" + text + "' is too large";
      text = std::to_string(number);
      return std::string();
    },
    "");

/// A whole number, in a place that holds as many as may be written: none is cut short.
inline CLI::Option* add_whole(CLI::App& verb, const char* names, std::uint64_t& value,
                              const char* text, const char* type = "N") {
  return verb.add_option(names, value, text)
      ->type_name(type)
      ->transform(kWhole)
      ->capture_default_str();
}

/// -m FILE, for the verbs that take a model.
inline CLI::Option* add_model_option(CLI::App& verb, std::string& path) {
  return verb
      .add_option("-m,--model", path, "GGUF file of the model; without it, the built-in one")
      ->type_name("FILE");
}

/// How the KV cache stores its elements, as text that cache_type() reads.
inline void add_cache_option(CLI::App& verb, std::string& type) {
  verb.add_option("--cache", type, "Elements of the KV cache: f16, f32 or q8_0")
      ->type_name("TYPE")
      ->check(CLI::IsMember({"f16", "f32", "q8_0"}))
      ->capture_default_str();
}

inline CacheType cache_type(std::string_view text) {
  return text == "q8_0" ? CacheType::kQ8_0 : text == "f32" ? CacheType::kF32 : CacheType::kF16;
}

}  // namespace prumo::cli
