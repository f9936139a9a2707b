#include "model/weights.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <string>
#include <string_view>

#include "base/half.h"
#include "kernels/dequantize.h"
#include "kernels/pack.h"
#include "model/rope_table.h"

namespace prumo {
namespace {

constexpr std::size_t kLine = 64;

std::string shape_text(const gguf::Tensor& tensor) {
  std::string out = "[";
  for (std::uint32_t i = 0; i < tensor.n_dims; ++i) {
    out += (i == 0 ? "" : ", ") + std::to_string(tensor.dims[i]);
  }
  return out + "]";
}

Error bad(std::string_view name, const std::string& message) {
  return {ErrorCode::kBadModel, gguf::printable(name), message};
}

Status check_computable(const gguf::Tensor& tensor) {
  const gguf::TypeTraits& traits = *gguf::type_traits(tensor.type);
  if (traits.computable) return success();
  return Error{ErrorCode::kUnsupported, gguf::printable(tensor.name),
               "Type " + std::string(traits.name) +
                   " is not supported; Prumo computes with F32, F16, BF16 and Q2_K to Q8_0."};
}

// One tensor that the model needs and where it goes. A matrix has its panels at `offset` of the
// memory, a norm its floats.
struct Item {
  const gguf::Tensor* tensor;
  Matrix* matrix;      // or
  const float** norm;  // one of the two is null
  std::size_t offset;
};

// The list of everything that is loaded, in the order of the memory. Names, shapes and types are
// checked as it is made; the first error is kept.
class Plan {
 public:
  Plan(const gguf::File& file, const Config& config, Weights& weights) : file_(file) {
    const std::size_t e = config.embedding;
    embeddings(weights, config);
    weights.layers.resize(config.layers);
    for (std::size_t i = 0; i < config.layers && !failed_; ++i) {
      Layer& layer = weights.layers[i];
      const std::string prefix = "blk." + std::to_string(i) + ".";
      norm(prefix + "attn_norm.weight", e, layer.attn_norm);
      matrix(prefix + "attn_q.weight", config.q_dim(), e, layer.attn_q);
      matrix(prefix + "attn_k.weight", config.kv_dim(), e, layer.attn_k);
      matrix(prefix + "attn_v.weight", config.kv_dim(), e, layer.attn_v);
      matrix(prefix + "attn_output.weight", e, config.q_dim(), layer.attn_output);
      norm(prefix + "ffn_norm.weight", e, layer.ffn_norm);
      matrix(prefix + "ffn_gate.weight", config.ffn, e, layer.ffn_gate);
      matrix(prefix + "ffn_up.weight", config.ffn, e, layer.ffn_up);
      matrix(prefix + "ffn_down.weight", e, config.ffn, layer.ffn_down);
    }
    norm("output_norm.weight", e, weights.output_norm);
    weights.tied = file.tensor("output.weight") == nullptr;
    matrix(weights.tied ? "token_embd.weight" : "output.weight", config.vocab, e, weights.output);
    rope_divisors(weights, config);
    nothing_left();
  }

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] const Error& error() const { return error_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] const std::vector<Item>& items() const { return items_; }

 private:
  void fail(Error error) {
    if (!failed_) error_ = std::move(error);
    failed_ = true;
  }

  // The tensor of that name if it has exactly that shape and a type to compute with.
  const gguf::Tensor* find(const std::string& name, std::uint32_t n_dims, std::size_t d0,
                           std::size_t d1) {
    if (failed_) return nullptr;
    const gguf::Tensor* tensor = file_.tensor(name);
    if (tensor == nullptr) {
      fail(bad(name, "This tensor is missing; the file is no complete Llama model."));
      return nullptr;
    }
    // Dimensions that the file does not name are 1, and so may be those that it does.
    if (tensor->dims != std::array<std::uint64_t, gguf::kMaxDimensions>{d0, d1, 1, 1}) {
      fail(bad(name, "Its shape is " + shape_text(*tensor) + " where the model's keys ask for [" +
                         std::to_string(d0) + (n_dims == 1 ? "" : ", " + std::to_string(d1)) +
                         "]."));
      return nullptr;
    }
    if (const Status status = check_computable(*tensor); !status) {
      fail(status.error());
      return nullptr;
    }
    used_.insert(tensor->name);
    return tensor;
  }

  void matrix(const std::string& name, std::size_t rows, std::size_t columns, Matrix& out) {
    const gguf::Tensor* tensor = find(name, 2, columns, rows);
    if (tensor == nullptr) return;
    out = {static_cast<gguf::TensorType>(tensor->type), rows, columns, nullptr};
    place({tensor, &out, nullptr, 0}, packed_bytes(out.type, rows, columns));
  }

  void norm(const std::string& name, std::size_t n, const float*& out) {
    const gguf::Tensor* tensor = find(name, 1, n, 1);
    if (tensor == nullptr) return;
    if (is_quantized(static_cast<gguf::TensorType>(tensor->type))) {
      fail(bad(name, "A norm must be F32, F16 or BF16."));
      return;
    }
    place({tensor, nullptr, &out, 0}, n * sizeof(float));
  }

  void embeddings(Weights& weights, const Config& config) {
    const gguf::Tensor* tensor = find("token_embd.weight", 2, config.embedding, config.vocab);
    if (tensor == nullptr) return;
    weights.embedding_type = static_cast<gguf::TensorType>(tensor->type);
    weights.embeddings = tensor->data.data();
  }

  void rope_divisors(Weights& weights, const Config& config) {
    if (file_.tensor("rope_freqs.weight") == nullptr) return;
    const gguf::Tensor* tensor = find("rope_freqs.weight", 1, config.head_dim / 2, 1);
    if (tensor == nullptr) return;
    if (tensor->type != static_cast<std::uint32_t>(gguf::TensorType::kF32)) {
      fail(bad(tensor->name, "RoPE divisors must be F32."));
      return;
    }
    weights.rope_divisors.resize(config.head_dim / 2);
    std::memcpy(weights.rope_divisors.data(), tensor->data.data(), tensor->data.size());
    for (float divisor : weights.rope_divisors) {
      if (!(divisor > 0) || divisor > 1e30f)
        fail(bad(tensor->name, "RoPE divisors must be positive numbers."));
      const double angle = static_cast<double>(config.context_length) * config.rope_scale;
      if (!failed_ && angle / static_cast<double>(divisor) > kMaxRopeAngle)
        fail(bad(tensor->name, "A RoPE divisor is too small for the context's last position."));
    }
  }

  // A tensor that the graph would ignore means another model than the one that would run.
  void nothing_left() {
    for (const gguf::Tensor& tensor : file_.tensors()) {
      if (failed_ || used_.contains(tensor.name)) continue;
      fail({ErrorCode::kUnsupported, gguf::printable(tensor.name),
            "This tensor has no place in the Llama that Prumo runs (no biases, no adapters)."});
    }
  }

  void place(Item item, std::size_t bytes) {
    item.offset = bytes_;
    bytes_ += round_up(bytes, kLine);
    items_.push_back(item);
  }

  const gguf::File& file_;
  std::set<std::string_view> used_;
  std::vector<Item> items_;
  std::size_t bytes_ = 0;
  Error error_;
  bool failed_ = false;
};

// Part by part, so that no more than one part a thread is in memory twice.
void pack_share(const Item& item, Share share, std::byte* out,
                void (*packed)(void*, std::span<const std::byte>), void* context) {
  constexpr std::size_t kPart = std::size_t{2} << 20;
  const Matrix& m = *item.matrix;
  const std::span<const std::byte> file = item.tensor->data;
  const std::size_t panel_bytes = kPanelRows * row_bytes(m.type, m.columns);
  const std::size_t step = kPart / panel_bytes + 1;
  for (std::size_t begin = share.begin; begin < share.end; begin += step) {
    const std::size_t end = std::min(begin + step, share.end);
    pack_panels(m.type, file.data(), m.rows, m.columns, begin, end, out);
    if (packed == nullptr) continue;
    const std::size_t last = std::min(end * panel_bytes, file.size());  // the last may lack rows
    packed(context, file.subspan(begin * panel_bytes, last - begin * panel_bytes));
  }
}

void widen_norm(const gguf::Tensor& tensor, float* out) {
  dequantize(static_cast<gguf::TensorType>(tensor.type), tensor.data.data(),
             static_cast<std::size_t>(tensor.dims[0]), out);
}

}  // namespace

Result<Weights> Weights::load(const gguf::File& file, const Config& config, ThreadTeam& team,
                              void (*packed)(void*, std::span<const std::byte>), void* context) {
  Weights weights;
  const Plan plan(file, config, weights);
  if (plan.failed()) return plan.error();
  auto memory = Block::allocate(plan.bytes(), "model weights");
  if (!memory) return memory.error();
  weights.memory = std::move(*memory);
  std::byte* const base = weights.memory.data();

  team.run([&](std::size_t index) {
    for (const Item& item : plan.items()) {
      if (item.matrix != nullptr) {
        const Matrix& m = *item.matrix;
        const Share share = share_of(m.n_panels(), index, team.size());
        pack_share(item, share, base + item.offset, packed, context);
      } else if (index == 0) {
        widen_norm(*item.tensor, reinterpret_cast<float*>(base + item.offset));
      }
    }
  });
  for (const Item& item : plan.items()) {
    if (item.matrix != nullptr) item.matrix->panels = base + item.offset;
    if (item.norm != nullptr) *item.norm = reinterpret_cast<const float*>(base + item.offset);
  }
  for (const gguf::Tensor& tensor : file.tensors()) weights.file_bytes += tensor.data.size();
  return weights;
}

Result<std::size_t> weights_bytes(const gguf::File& file, const Config& config) {
  Weights weights;
  const Plan plan(file, config, weights);
  if (plan.failed()) return plan.error();
  return plan.bytes();
}

}  // namespace prumo
