// Which type each matrix of a Llama gets in the mixed files that the field passes around
// ("Q4_K_M"): most in one type, those that errors hurt most in a wider one, and another where rows
// do not fit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "gguf/format.h"

namespace prumo {

/// Mixtures by the names that files carry. kNone: one type for all, as the name of a type says.
enum class Mixture : std::uint8_t {
  kNone,
  kQ3KS,
  kQ3KM,
  kQ3KL,
  kQ4KS,
  kQ4KM,
  kQ5KS,
  kQ5KM,
};

/// "Q4_K_M" as a mixture; nothing for a name that is none.
std::optional<Mixture> mixture_named(std::string_view name);

/// The type that most of a mixture is in; not for kNone.
gguf::TensorType main_type(Mixture mixture);

enum class Role : std::uint8_t {
  kEmbeddings,
  kOutput,  ///< also the embeddings of a model without an output matrix
  kAttnQ,
  kAttnK,
  kAttnV,
  kAttnOutput,
  kFfnGate,
  kFfnUp,
  kFfnDown,
};

/// The type of a matrix with rows of `columns`, in layer `layer` of `layers` (both without meaning
/// for embeddings and output), as llama.cpp's quantizer chooses it for a Llama without experts.
/// Nothing when that is a type without a place in gguf::TensorType (rows of a Q3_K mixture that are
/// no multiple of 256). Not for kNone.
std::optional<gguf::TensorType> mixed_type(Mixture mixture, Role role, std::size_t layer,
                                           std::size_t layers, std::size_t columns);

}  // namespace prumo
