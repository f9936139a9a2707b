// A model's file as the verbs open it: to read it without its weights, or to run it.
#pragma once

#include <optional>
#include <string>

#include "base/mapped_file.h"
#include "base/result.h"
#include "gguf/reader.h"
#include "prumo.h"

namespace prumo::cli {

/// A parsed file and the bytes that it points into. Move-only.
struct Source {
  std::optional<MappedFile> mapping;  // empty for the built-in model
  gguf::File file;

  /// The file at `path`, the built-in model for an empty one. Errors name the path.
  static Result<Source> open(const std::string& path);
};

/// The model at `path`, ready to run; the built-in one for an empty path. Errors name the path.
Result<Model> load_model(const std::string& path, std::size_t threads);

}  // namespace prumo::cli
