// Everything that a model in memory is made of.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "base/mapped_file.h"
#include "gguf/reader.h"
#include "kernels/kernels.h"
#include "model/config.h"
#include "model/weights.h"
#include "tokenizer/tokenizer.h"

namespace prumo {

struct LoadedModel {
  std::optional<MappedFile> mapping;  // empty when the bytes belong to the caller
  std::span<const std::byte> bytes;
  const Kernels* kernels;
  Config config;
  Tokenizer tokenizer;
  Weights weights;

  /// Of `bytes`, which must outlive it; `mapping`, if any, holds them.
  static Result<std::unique_ptr<LoadedModel>> load(std::span<const std::byte> bytes,
                                                   std::optional<MappedFile> mapping,
                                                   std::size_t threads);
};

/// `threads`, or one a usable core for 0; kBadArgument beyond ThreadTeam::kMaxThreads.
Result<std::size_t> resolve_threads(std::size_t threads);

}  // namespace prumo
