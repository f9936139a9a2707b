// The law of Weights: the tensors of a small Llama with changes made to them load exactly if the
// list of tensors written down here says so, and a refusal names a tensor that breaks it. What
// loads takes the memory that was foretold, and runs.
//
// Input: u8 type, u8 whether there is an output of its own, u8 seed; then changes, each u8 what
// (see change), u8 tensor and two bytes.
#pragma once

#include <cmath>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "model/loaded_model.h"
#include "model/weights.h"
#include "prumo.h"
#include "support/input.h"
#include "support/tiny_llama.h"

namespace prumo::testing {

struct StoredType {
  std::uint32_t type;
  std::uint64_t elements, bytes;
};
// Types that can be computed with, quantized or not, then some that cannot.
inline constexpr StoredType kStoredTypes[] = {
    {0, 1, 4},      {1, 1, 2},   {30, 1, 2},    {8, 32, 34},    {2, 32, 18},    {3, 32, 20},
    {6, 32, 22},    {7, 32, 24}, {10, 256, 84}, {11, 256, 110}, {12, 256, 144}, {13, 256, 176},
    {14, 256, 210}, {24, 1, 1},  {26, 1, 4},    {28, 1, 8},     {9, 32, 36}};
inline constexpr std::size_t kFloatTypes = 3, kComputableTypes = 13;

inline constexpr const char* kTensorNames[] = {"output.weight",
                                               "rope_freqs.weight",
                                               "blk.0.attn_q.bias",
                                               "blk.1.attn_norm.weight",
                                               "blk.2.ffn_up.weight",
                                               "token_embd.weight",
                                               "x",
                                               "output_norm.weight",
                                               "blk.00.attn_q.weight"};
inline constexpr float kDivisors[] = {1,      8,      1e30f, 2e30f,    0, -1,
                                      1e-38f, 0.001f, NAN,   INFINITY, 1, 2};

inline const StoredType* stored_as(std::uint32_t type) {
  for (const StoredType& each : kStoredTypes) {
    if (each.type == type) return &each;
  }
  return nullptr;
}

/// As many bytes as the type and the sizes ask for, the old ones first.
inline void fit(GgufTensor& tensor) {
  const StoredType& stored = *stored_as(tensor.type);
  std::uint64_t elements = 1;
  for (const std::uint64_t dim : tensor.dims) elements *= dim;
  tensor.data.resize(static_cast<std::size_t>(elements / stored.elements * stored.bytes));
}

inline void change(Input& in, GgufBuilder& file, const TinyShape& shape) {
  const auto what = in.take<std::uint8_t>();
  const std::size_t at = in.take<std::uint8_t>() % file.tensors.size();
  const std::size_t a = in.take<std::uint8_t>();
  const std::size_t b = in.take<std::uint8_t>();
  GgufTensor& tensor = file.tensors[at];
  switch (what % 8) {
    case 0:
      if (file.tensors.size() > 1) file.tensors.erase(file.tensors.begin() + static_cast<int>(at));
      break;
    case 1:
      tensor.name = kTensorNames[a % std::size(kTensorNames)];
      break;
    case 2: {
      GgufTensor more = tensor;
      more.name = kTensorNames[a % std::size(kTensorNames)];
      file.tensors.insert(file.tensors.begin() + static_cast<int>(b % (file.tensors.size() + 1)),
                          more);
      break;
    }
    case 3: {  // another size: near, or one of the shape's
      const std::size_t sizes[] = {1,   2,  shape.embedding, shape.ffn, shape.vocab, shape.head_dim,
                                   256, 512};
      std::uint64_t& dim = tensor.dims[b % tensor.dims.size()];
      dim = a < 128 ? sizes[a % std::size(sizes)] : dim + a % 3 == 0 ? 1 : dim + a % 3;
      fit(tensor);
      break;
    }
    case 4:
      if (a % 2 == 0 && tensor.dims.size() < 4) tensor.dims.push_back(1 + b % 2);
      if (a % 2 == 1 && tensor.dims.size() > 1) tensor.dims.pop_back();
      fit(tensor);
      break;
    case 5:
      tensor.type = kStoredTypes[a % std::size(kStoredTypes)].type;
      fit(tensor);
      break;
    case 6:
      std::swap(tensor, file.tensors[a % file.tensors.size()]);
      break;
    default: {
      std::vector<float> divisors(b % 8 == 0 ? 1 + b % 5 : shape.head_dim / 2, 1.0f);
      divisors[b % divisors.size()] = kDivisors[a % std::size(kDivisors)];
      file.add_f32("rope_freqs.weight", {divisors.size()}, divisors);
    }
  }
}

/// A shape without the ones at its end.
inline std::vector<std::uint64_t> trimmed(std::vector<std::uint64_t> dims) {
  while (!dims.empty() && dims.back() == 1) dims.pop_back();
  return dims;
}

/// The names that break a rule.
inline std::set<std::string> broken_of(const GgufBuilder& file, const TinyShape& s) {
  struct Wanted {
    std::vector<std::uint64_t> dims;
    bool norm;
  };
  std::map<std::string, Wanted> wanted;
  const auto matrix = [&](const std::string& name, std::uint64_t rows, std::uint64_t columns) {
    wanted[name] = {{columns, rows}, false};
  };
  const std::uint64_t q = s.heads * s.head_dim, kv = s.kv_heads * s.head_dim, e = s.embedding;
  matrix("token_embd.weight", s.vocab, e);
  wanted["output_norm.weight"] = {{e}, true};
  for (std::size_t i = 0; i < s.layers; ++i) {
    const std::string blk = "blk." + std::to_string(i) + ".";
    wanted[blk + "attn_norm.weight"] = wanted[blk + "ffn_norm.weight"] = {{e}, true};
    matrix(blk + "attn_q.weight", q, e);
    matrix(blk + "attn_k.weight", kv, e);
    matrix(blk + "attn_v.weight", kv, e);
    matrix(blk + "attn_output.weight", e, q);
    matrix(blk + "ffn_gate.weight", s.ffn, e);
    matrix(blk + "ffn_up.weight", s.ffn, e);
    matrix(blk + "ffn_down.weight", e, s.ffn);
  }
  std::set<std::string> broken, seen;
  for (const GgufTensor& tensor : file.tensors) {
    seen.insert(tensor.name);
    const auto type = static_cast<std::size_t>(stored_as(tensor.type) - kStoredTypes);
    if (tensor.name == "rope_freqs.weight") {
      bool good = type == 0 && trimmed(tensor.dims) == trimmed({s.head_dim / 2});
      for (std::size_t i = 0; good && i < tensor.data.size(); i += 4) {
        float divisor = 0;
        std::memcpy(&divisor, &tensor.data[i], 4);
        good = divisor > 0 && divisor <= 1e30f &&
               static_cast<double>(s.context) / static_cast<double>(divisor) <= 0x1p20;
      }
      if (!good) broken.insert(tensor.name);
      continue;
    }
    const bool output = tensor.name == "output.weight";
    const auto found = wanted.find(output ? "token_embd.weight" : tensor.name);
    if (found == wanted.end() || trimmed(found->second.dims) != trimmed(tensor.dims) ||
        type >= (found->second.norm ? kFloatTypes : kComputableTypes)) {
      broken.insert(tensor.name);
    }
  }
  for (const auto& [name, shape] : wanted) {
    if (!seen.contains(name)) broken.insert(name);
  }
  return broken;
}

inline TinyShape shape_of(Input& in) {
  TinyShape s;
  const std::size_t type = in.take<std::uint8_t>() % 9u;
  s.type = static_cast<gguf::TensorType>(kStoredTypes[type].type);
  s.output_type = s.type;
  s.tied = in.take<std::uint8_t>() % 2 == 0;
  s.seed = in.take<std::uint8_t>();
  s.layers = 1 + s.seed % 2;
  s.context = 20;
  s.heads = 2;
  s.kv_heads = 1;
  s.vocab = 12;
  const std::size_t block = kStoredTypes[type].elements;
  s.embedding = s.ffn = block == 1 ? 8 : block;
  s.head_dim = s.embedding / 2;
  return s;
}

/// A model that loads takes the memory foretold, and runs.
inline std::string loaded_fault(const Model& model, std::size_t foretold, bool tied,
                                std::size_t vocab) {
  const Weights& weights = model.internals().weights;
  if (weights.memory.size() != foretold) return "bytes";
  if (weights.tied != tied) return "tied";
  auto session = Session::create(model, {.batch = 2, .threads = 1});
  if (!session) return session.error().message;
  const TokenId ids[] = {0, static_cast<TokenId>(vocab) - 1};
  if (!session->prefill(ids).ok() || session->position() != 2) return "it does not run";
  return session->logits().size() == vocab ? "" : "logits";
}

/// The law: "" or what is wrong.
inline std::string weights_law(std::span<const std::byte> input) {
  Input in(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  const TinyShape s = shape_of(in);
  GgufBuilder builder = tiny_llama(s);
  std::vector<std::string> tokens = {"<unk>", "<s>", "</s>"};
  std::vector<std::int32_t> types = {2, 3, 3};
  for (; tokens.size() < s.vocab; types.push_back(1)) tokens.emplace_back(tokens.size(), 'a');
  add_vocabulary(builder, tokens, types);
  for (std::size_t i = 0; in.size() != 0 && i < 8; ++i) change(in, builder, s);

  const Bytes bytes = builder.build();
  const auto copy = exact_copy<std::byte>(bytes.data(), bytes.size());
  const std::span<const std::byte> image(copy.get(), bytes.size());
  const auto file = gguf::File::parse(image);
  if (!file) return "";  // two of a name, or rows that are no whole blocks: the reader's own law
  const auto config = Config::from(*file);
  if (!config) return "the keys are good: " + config.error().message;
  const auto foretold = weights_bytes(*file, *config);
  const auto model = Model::load(image, 1);
  const std::set<std::string> broken = broken_of(builder, s);
  std::string wrong;
  for (const std::string& name : broken) wrong += " " + name;
  if (model.ok() != foretold.ok()) return "load and info disagree";
  if (!model) {
    const Error& error = model.error();
    if (!broken.contains(error.place)) return error.place + " is not among" + wrong;
    if (error.message.empty()) return error.place + " is refused without a sentence";
    return error.place == foretold.error().place ? "" : "load and info name different tensors";
  }
  if (!broken.empty()) return "loaded in spite of" + wrong;
  return loaded_fault(*model, *foretold, file->tensor("output.weight") == nullptr, s.vocab);
}

}  // namespace prumo::testing
