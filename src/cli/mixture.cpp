// The rules of the mixtures, first by role and layer, then by the length of a row.
#include "cli/mixture.h"

#include <array>
#include <cassert>
#include <utility>

namespace prumo {
namespace {

using gguf::TensorType;

constexpr std::array<std::pair<std::string_view, Mixture>, 7> kNames = {{
    {"Q3_K_S", Mixture::kQ3KS},
    {"Q3_K_M", Mixture::kQ3KM},
    {"Q3_K_L", Mixture::kQ3KL},
    {"Q4_K_S", Mixture::kQ4KS},
    {"Q4_K_M", Mixture::kQ4KM},
    {"Q5_K_S", Mixture::kQ5KS},
    {"Q5_K_M", Mixture::kQ5KM},
}};

// The first and the last eighth of the layers, and every third between them.
bool has_more_bits(std::size_t layer, std::size_t layers) {
  const std::size_t eighth = layers / 8;
  return layer < eighth || layer >= 7 * layers / 8 || (layer - eighth) % 3 == 2;
}

TensorType of_attn_v(Mixture mixture, std::size_t layer, std::size_t layers) {
  using enum TensorType;
  TensorType type = main_type(mixture);
  if (mixture == Mixture::kQ3KM) type = layer < 2 ? kQ5_K : kQ4_K;
  if (mixture == Mixture::kQ3KL) type = kQ5_K;
  if (mixture == Mixture::kQ4KS && layer < 4) type = kQ5_K;
  const bool medium = mixture == Mixture::kQ4KM || mixture == Mixture::kQ5KM;
  if (medium && has_more_bits(layer, layers)) type = kQ6_K;
  // A model of 80 layers is taken for the one whose heads share these matrices by eight.
  if (layers == 80 && (type == kQ3_K || type == kQ4_K)) type = kQ5_K;
  return type;
}

TensorType of_ffn_down(Mixture mixture, std::size_t layer, std::size_t layers) {
  using enum TensorType;
  switch (mixture) {
    case Mixture::kQ3KM:
      return layer < layers / 16 ? kQ5_K : kQ4_K;
    case Mixture::kQ3KL:
      return kQ5_K;
    case Mixture::kQ4KS:
      return layer < layers / 8 ? kQ5_K : kQ4_K;
    case Mixture::kQ4KM:
    case Mixture::kQ5KM:
      return has_more_bits(layer, layers) ? kQ6_K : main_type(mixture);
    default:
      return main_type(mixture);
  }
}

TensorType of_attn_output(Mixture mixture) {
  if (mixture == Mixture::kQ3KM) return TensorType::kQ4_K;
  if (mixture == Mixture::kQ3KL) return TensorType::kQ5_K;
  return main_type(mixture);
}

// What stands in for a type whose blocks do not fill a row.
std::optional<TensorType> fallback(TensorType type, std::size_t columns) {
  using enum TensorType;
  if (columns % gguf::type_traits(type).elements == 0) return type;
  if (columns % 32 != 0) return kF16;
  if (type == kQ4_K) return kQ5_0;
  if (type == kQ5_K) return kQ5_1;
  if (type == kQ6_K) return kQ8_0;
  return std::nullopt;  // IQ4_NL for Q3_K
}

}  // namespace

std::optional<Mixture> mixture_named(std::string_view name) {
  for (const auto& [known, mixture] : kNames) {
    if (known == name) return mixture;
  }
  return std::nullopt;
}

TensorType main_type(Mixture mixture) {
  assert(mixture != Mixture::kNone);
  if (mixture <= Mixture::kQ3KL) return TensorType::kQ3_K;
  return mixture <= Mixture::kQ4KM ? TensorType::kQ4_K : TensorType::kQ5_K;
}

std::optional<TensorType> mixed_type(Mixture mixture, Role role, std::size_t layer,
                                     std::size_t layers, std::size_t columns) {
  switch (role) {
    case Role::kOutput:
      return fallback(TensorType::kQ6_K, columns);
    case Role::kAttnV:
      return fallback(of_attn_v(mixture, layer, layers), columns);
    case Role::kAttnOutput:
      return fallback(of_attn_output(mixture), columns);
    case Role::kFfnDown:
      return fallback(of_ffn_down(mixture, layer, layers), columns);
    case Role::kEmbeddings:
    case Role::kAttnQ:
    case Role::kAttnK:
    case Role::kFfnGate:
    case Role::kFfnUp:
      break;
  }
  return fallback(main_type(mixture), columns);
}

}  // namespace prumo
