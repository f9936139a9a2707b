// The figures of src/kernels/README.md, for the program that writes them there and for the test
// that finds them true.
#pragma once

#include <cstdio>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "cli/builtin.h"
#include "generate/scoring.h"
#include "model/loaded_model.h"
#include "prumo.h"
#include "support/lone_law.h"
#include "support/requantize.h"

namespace prumo::testing {

inline constexpr std::size_t kAccuracyInputs = 100;

/// One kernel and inputs of one shape.
struct Measured {
  std::string kernel;
  std::string shape;
  std::string unit;
  std::function<Accuracy(Bits&)> measure;
};

inline std::vector<Measured> measured_kernels() {
  std::vector<Measured> out = {
      {"exp", "16 in [-87, 87]", "u e^x",
       [](Bits& bits) {
         float x[16];
         for (float& v : x) v = bits.unit() * 87;
         return exp_accuracy(x);
       }},
      {"rmsnorm", "n 4096", "u \\|y\\|",
       [](Bits& bits) {
         const auto first = spread(4096, 4, bits);
         return rmsnorm_accuracy(first, spread(4096, 4, bits), 1e-5f);
       }},
      {"rope", "64 pairs", "u (\\|a c\\| + \\|b s\\|)",
       [](Bits& bits) {
         std::vector<float> table;
         for (int i = 0; i < 64; ++i) {
           const double angle = static_cast<double>(bits.unit()) * 1000;
           table.push_back(static_cast<float>(std::cos(angle)));
           table.push_back(static_cast<float>(std::sin(angle)));
         }
         return rope_accuracy(spread(128, 4, bits), table);
       }},
      {"softmax", "n 4096", "u Σ (1 + \\|a\\|) e^a",
       [](Bits& bits) { return softmax_accuracy(spread(4096, 4, bits), 1.0f); }},
      {"tile_weight", "64 tiles of 64", "u Σ (1 + \\|a\\|) e^a",
       [](Bits& bits) { return tile_weight_accuracy(spread(4096, 4, bits), 1.0f); }},
      {"swiglu", "n 4096", "u \\|y\\|",
       [](Bits& bits) {
         const auto first = spread(4096, 5, bits);
         return swiglu_accuracy(first, spread(4096, 5, bits));
       }},
      {"add", "n 4096", "u \\|y\\|",
       [](Bits& bits) {
         const auto first = spread(4096, 8, bits);
         return add_accuracy(first, spread(4096, 8, bits));
       }},
      {"narrow", "n 4096", "2^-11 \\|x\\|",
       [](Bits& bits) { return narrow_accuracy(spread(4096, 14, bits)); }},
      {"quantize", "n 4096", "max\\|x\\| / 127",
       [](Bits& bits) { return quantize_accuracy(spread(4096, 4, bits)); }},
      {"merge", "16 ranges of 64",
       "u (Σ w \\|o\\| (1 + \\|a\\|) + \\|y\\| Σ w s (1 + \\|a\\|)) / Σ w s",
       [](Bits& bits) { return merge_accuracy(make_merge(16, 64, Values::kOrdinary, bits)); }},
  };
  for (const bool half : {true, false}) {
    out.push_back({half ? "attention_f16" : "attention_f32", "256 keys of 64, 3 heads",
                   "u Σ p \\|v\\| (1 + \\|a\\| + Σ \\|q k\\|)", [half](Bits& bits) {
                     return attention_accuracy(
                         make_attention(half, 3, 64, 256, Values::kOrdinary, bits));
                   }});
  }
  out.push_back({"attention_q8_0", "256 keys of 64, 3 heads",
                 "u Σ p \\|v\\| (1 + \\|a\\| + Σ \\|q k\\|)", [](Bits& bits) {
                   return attention_accuracy(
                       make_quantized_attention(3, 64, 256, Values::kOrdinary, bits));
                 }});
  for (const gguf::TensorType type : kTensorTypes) {
    std::string name = block_format(type).name;
    for (char& c : name) c = static_cast<char>(std::tolower(c));
    out.push_back({"matmul_" + name, "16 rows of 4096",
                   is_quantized(type) ? "u Σ \\|half block\\|" : "u Σ \\|w x\\|",
                   [type](Bits& bits) {
                     return product_accuracy(ordinary_product(type, 16, 4096, 1, bits));
                   }});
  }
  return out;
}

/// A row of the table: largest error and largest bound over kAccuracyInputs inputs.
inline std::string kernel_row(const Measured& kernel) {
  Bits bits(1);
  Accuracy all;
  for (std::size_t i = 0; i < kAccuracyInputs; ++i) all.add(kernel.measure(bits));
  char figures[64];
  std::snprintf(figures, sizeof figures, "%.3g | %.4g", all.units, all.allowed);
  return "| `" + kernel.kernel + "` | " + kernel.shape + " | " + kernel.unit + " | " + figures +
         " |";
}

/// The built-in model in one type, made wider where the type's block asks for it.
struct Remade {
  bool widened = false;
  std::vector<std::byte> file;
};

inline Remade remade_builtin(gguf::TensorType type) {
  auto file = gguf::File::parse(builtin_model());
  Numerical model(*file);
  const std::size_t block = block_format(type).elements;
  const bool widened = !model.fits(block);
  if (widened) model.widen(block);
  return {widened, *model.written(type)};
}

/// Loss and divergence over the first tokens of a text, to the last bit.
struct Figures {
  double nats = 0;
  double divergence = 0;
};

using AllLogits = std::vector<std::vector<float>>;

/// The logits that foretell each of `ids`.
inline AllLogits logits_before(const Model& model, std::span<const TokenId> ids,
                               CacheType cache = CacheType::kF16) {
  AllLogits out;
  auto session = Session::create(model, {.context = ids.size(), .threads = 1, .cache = cache});
  std::vector<TokenId> inputs = {model.internals().tokenizer.bos()};
  inputs.insert(inputs.end(), ids.begin(), ids.end() - 1);
  const auto keep = [&](std::span<const float> logits) {
    out.emplace_back(logits.begin(), logits.end());
  };
  if (!session->evaluate(inputs, keep).ok()) out.clear();
  return out;
}

inline Figures figures_of(const AllLogits& logits, const AllLogits& reference,
                          std::span<const TokenId> ids) {
  Figures out;
  for (std::size_t t = 0; t < ids.size(); ++t) {
    out.nats +=
        log_sum_exp(logits[t]) - static_cast<double>(logits[t][static_cast<std::size_t>(ids[t])]);
    out.divergence += divergence(reference[t], logits[t]);
  }
  out.nats /= static_cast<double>(ids.size());
  out.divergence /= static_cast<double>(ids.size());
  return out;
}

inline constexpr std::size_t kHeadTokens = 96;

inline std::string head_row(const std::string& name, const Figures& figures) {
  char row[128];
  std::snprintf(row, sizeof row, "| %s | %.17g | %.17g |", name.c_str(), figures.nats,
                figures.divergence);
  return row;
}

/// A row for every type: the first tokens of `text`, with all digits.
inline std::vector<std::string> head_rows(const std::string& text) {
  std::vector<std::string> rows;
  AllLogits reference;
  for (const gguf::TensorType type : kTensorTypes) {
    const Remade remade = remade_builtin(type);
    auto model = Model::load(remade.file, 1);
    if (!model) continue;
    std::vector<TokenId> ids = model->tokenize(text, false);
    ids.resize(kHeadTokens);
    const AllLogits logits = logits_before(*model, ids);
    if (type == gguf::TensorType::kF32) reference = logits;
    rows.push_back(head_row(block_format(type).name, figures_of(logits, reference, ids)));
  }
  return rows;
}

/// A row for every type of KV cache, from the F16 one, on weights that products take in F32 and on
/// those that they take in int8.
inline std::vector<std::string> cache_head_rows(const std::string& text) {
  std::vector<std::string> rows;
  for (const gguf::TensorType type : {gguf::TensorType::kQ8_0, gguf::TensorType::kF32}) {
    const Remade remade = remade_builtin(type);
    auto model = Model::load(remade.file, 1);
    if (!model) continue;
    std::vector<TokenId> ids = model->tokenize(text, false);
    ids.resize(kHeadTokens);
    const AllLogits reference = logits_before(*model, ids, CacheType::kF16);
    for (const auto& [name, cache] : {std::pair("F32", CacheType::kF32),
                                      {"F16", CacheType::kF16},
                                      {"Q8_0", CacheType::kQ8_0}}) {
      const Figures figures = figures_of(logits_before(*model, ids, cache), reference, ids);
      rows.push_back(head_row(std::string(block_format(type).name) + " | " + name, figures));
    }
  }
  return rows;
}

}  // namespace prumo::testing
