// The command: verbs, and what all of them share.
#include <CLI/CLI.hpp>

int main(int argc, char** argv) {
  CLI::App app("Exact text generation from GGUF models on a CPU.", "prumo");
  app.set_version_flag("--version", "prumo 0.1.0");
  CLI11_PARSE(app, argc, argv);
  return 0;
}
