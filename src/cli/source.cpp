#include "cli/source.h"

#include <utility>

#include "cli/builtin.h"
#include "cli/report.h"

namespace prumo::cli {

Result<Source> Source::open(const std::string& path) {
  std::optional<MappedFile> mapping;
  std::span<const std::byte> bytes = builtin_model();
  if (!path.empty()) {
    auto mapped = MappedFile::open(path);
    if (!mapped) return in_model(path, mapped.error());
    mapping = std::move(*mapped);
    bytes = mapping->bytes();
  }
  auto file = gguf::File::parse(bytes);
  if (!file) return in_model(path, file.error());
  return Source{std::move(mapping), std::move(*file)};
}

Result<Model> load_model(const std::string& path, std::size_t threads) {
  auto model = path.empty() ? Model::load(builtin_model(), threads) : Model::load(path, threads);
  if (!model) return in_model(path, model.error());
  return model;
}

}  // namespace prumo::cli
