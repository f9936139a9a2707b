// The model that comes with the program.
#pragma once

#include <cstddef>
#include <span>

namespace prumo {

/// The GGUF file of the built-in model, for the life of the program.
std::span<const std::byte> builtin_model();

}  // namespace prumo
