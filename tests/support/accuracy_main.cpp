// Prints the figures that scripts/accuracy puts into src/kernels/README.md, and writes the built-in
// model in other types.
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>

#include "support/accuracy_table.h"

namespace prumo::testing {
namespace {

constexpr const char* kUsage =
    "Usage: prumo_accuracy kernels          a row of Markdown for every kernel\n"
    "       prumo_accuracy head FILE        a row for every type: the first tokens of a text\n"
    "       prumo_accuracy cache-head FILE  the same for every type of KV cache\n"
    "       prumo_accuracy types            name, bits a weight and whether the built-in model "
    "has\n"
    "                                       to be made wider, for every type that can be written\n"
    "       prumo_accuracy write TYPE FILE  the built-in model with every matrix in that type\n";

int print_types() {
  for (const gguf::TensorType type : kTensorTypes) {
    const BlockFormat format = block_format(type);
    std::cout << format.name << ' '
              << 8 * static_cast<double>(format.bytes) / static_cast<double>(format.elements) << ' '
              << (remade_builtin(type).widened ? "widened" : "plain") << '\n';
  }
  return 0;
}

int write_model(const std::string& name, const std::string& path) {
  for (const gguf::TensorType type : kTensorTypes) {
    if (name != block_format(type).name) continue;
    const Remade remade = remade_builtin(type);
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(remade.file.data()),
               static_cast<std::streamsize>(remade.file.size()));
    if (file.flush()) return 0;
    std::cerr << "prumo_accuracy: " << path << " cannot be written.\n";
    return 1;
  }
  std::cerr << "prumo_accuracy: " << name << " is no type that can be written.\n";
  return 2;
}

int run(const std::vector<std::string>& words) {
  if (words.size() == 1 && words[0] == "kernels") {
    for (const Measured& kernel : measured_kernels()) std::cout << kernel_row(kernel) << '\n';
    return 0;
  }
  if (words.size() == 2 && (words[0] == "head" || words[0] == "cache-head")) {
    std::ifstream file(words[1], std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    if (!file || text.empty()) {
      std::cerr << "prumo_accuracy: " << words[1] << " cannot be read.\n";
      return 1;
    }
    const auto rows = words[0] == "head" ? head_rows(text) : cache_head_rows(text);
    for (const std::string& row : rows) std::cout << row << '\n';
    return 0;
  }
  if (words.size() == 1 && words[0] == "types") return print_types();
  if (words.size() == 3 && words[0] == "write") return write_model(words[1], words[2]);
  const bool help = words.size() == 1 && (words[0] == "-h" || words[0] == "--help");
  (help ? std::cout : std::cerr) << kUsage;
  return help ? 0 : 2;
}

}  // namespace
}  // namespace prumo::testing

int main(int argc, char** argv) {
  return prumo::testing::run({argv + 1, argv + argc});
}
