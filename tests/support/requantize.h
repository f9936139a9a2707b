// A model written again with its matrices in another type. Encoders are plain ones with sensible
// rounding: what is compared is the types, not the art of choosing scales.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "base/half.h"
#include "gguf/reader.h"
#include "gguf/writer.h"
#include "support/quant_oracle.h"

namespace prumo::testing {

using Row = std::vector<float>;

inline float store_scale(std::byte* at, float scale) {
  const std::uint16_t half = float_to_half(scale);
  store_u16(at, half);
  return static_cast<float>(half_value(half));
}

inline int quant(float x, float scale, int least, int most) {
  if (scale == 0.0f) return 0;
  const double q = nearest_even(static_cast<double>(x) / static_cast<double>(scale));
  return static_cast<int>(std::clamp(q, static_cast<double>(least), static_cast<double>(most)));
}

/// The element of n that is largest in magnitude, with its sign.
inline float extreme(const float* x, std::size_t n) {
  return *std::max_element(x, x + n, [](float a, float b) { return std::fabs(a) < std::fabs(b); });
}

/// 32 elements: the largest becomes 127.
inline void encode_q8_0(const float* x, std::byte* out) {
  const float scale = store_scale(out, std::fabs(extreme(x, 32)) / 127);
  for (std::size_t i = 0; i < 32; ++i) {
    out[2 + i] = static_cast<std::byte>(quant(x[i], scale, -127, 127));
  }
}

/// 32 elements: the largest becomes -8, whatever its sign, since quants go from -8 to 7.
inline void encode_q4_0(const float* x, std::byte* out) {
  const float scale = store_scale(out, extreme(x, 32) / -8);
  for (std::size_t i = 0; i < 16; ++i) {
    const int low = quant(x[i], scale, -8, 7) + 8;
    const int high = quant(x[i + 16], scale, -8, 7) + 8;
    out[2 + i] = static_cast<std::byte>(low | high << 4);
  }
}

/// Of 19 scales around the one that makes the largest of 16 elements -32, the one with the least
/// squared error.
inline float best_scale(const float* x) {
  const float largest = extreme(x, 16);
  float best = 0;
  double least = INFINITY;
  for (int step = -9; step <= 9; ++step) {
    const float scale = largest / (-32 + 0.1f * static_cast<float>(step));
    double error = 0;
    for (std::size_t i = 0; i < 16; ++i) {
      const double d =
          static_cast<double>(x[i]) - static_cast<double>(scale) * quant(x[i], scale, -32, 31);
      error += d * d;
    }
    if (error < least) least = error, best = scale;
  }
  return best;
}

/// 256 elements: 16 scales in units of the largest's 128th part; layout as in column_of.
inline void encode_q6_k(const float* x, std::byte* out) {
  float scales[16];
  for (std::size_t j = 0; j < 16; ++j) scales[j] = best_scale(x + 16 * j);
  const float scale = store_scale(out + 208, extreme(scales, 16) / -128);
  std::fill(out, out + 192, std::byte{0});
  for (std::size_t j = 0; j < 16; ++j) {
    out[192 + j] = static_cast<std::byte>(quant(scales[j], scale, -128, 127));
  }
  for (std::size_t k = 0; k < 256; ++k) {
    const auto sub = static_cast<float>(static_cast<std::int8_t>(out[192 + k / 16]));
    const int q = quant(x[k], scale * sub, -32, 31) + 32;
    const std::size_t half = k / 128, run = k % 128 / 32;
    out[64 * half + k % 64] |= static_cast<std::byte>((q & 15) << (run < 2 ? 0 : 4));
    out[128 + 32 * half + k % 32] |= static_cast<std::byte>((q >> 4) << (2 * run));
  }
}

/// Whether encode() knows the type.
inline bool can_encode(gguf::TensorType type) {
  using enum gguf::TensorType;
  return type == kF32 || type == kF16 || type == kBF16 || type == kQ8_0 || type == kQ4_0 ||
         type == kQ6_K;
}

/// A row in the file's layout; its length is a multiple of the block.
inline void encode(gguf::TensorType type, const Row& x, std::byte* out) {
  const BlockFormat format = block_format(type);
  for (std::size_t k = 0; k < x.size(); k += format.elements, out += format.bytes) {
    switch (type) {
      case gguf::TensorType::kF32:
        std::memcpy(out, &x[k], sizeof(float));
        break;
      case gguf::TensorType::kF16:
        store_u16(out, float_to_half(x[k]));
        break;
      case gguf::TensorType::kBF16:
        store_u16(out, float_to_bf16(x[k]));
        break;
      case gguf::TensorType::kQ8_0:
        encode_q8_0(&x[k], out);
        break;
      case gguf::TensorType::kQ4_0:
        encode_q4_0(&x[k], out);
        break;
      case gguf::TensorType::kQ6_K:
        encode_q6_k(&x[k], out);
        break;
      default:
        return;
    }
  }
}

/// A tensor as numbers.
struct Numbers {
  std::string name;
  std::size_t columns = 0, rows = 0;  ///< a norm has one row
  bool matrix = false;
  std::vector<float> values;
};

/// A Llama as numbers, to be written in any type.
class Numerical {
 public:
  explicit Numerical(const gguf::File& file) : file_(file) {
    for (const gguf::Tensor& tensor : file.tensors()) {
      Numbers n{std::string(tensor.name), tensor.dims[0], tensor.dims[1], tensor.n_dims > 1, {}};
      const auto type = static_cast<gguf::TensorType>(tensor.type);
      const std::size_t row = tensor.data.size() / n.rows;
      for (std::size_t r = 0; r < n.rows; ++r) {
        for (std::size_t k = 0; k < n.columns; ++k) {
          n.values.push_back(static_cast<float>(weight_value(type, &tensor.data[r * row], k)));
        }
      }
      tensors_.push_back(std::move(n));
    }
    embedding_ = *file.uint("llama.embedding_length");
    heads_ = *file.uint("llama.attention.head_count");
    kv_heads_ = *file.uint("llama.attention.head_count_kv");
    head_dim_ = embedding_ / heads_;
    eps_ = static_cast<float>(*file.real("llama.attention.layer_norm_rms_epsilon"));
  }

  /// Whether every matrix can be cut into blocks of this many columns.
  [[nodiscard]] bool fits(std::size_t block) const {
    return std::all_of(tensors_.begin(), tensors_.end(),
                       [&](const Numbers& n) { return !n.matrix || n.columns % block == 0; });
  }

  /// Makes the same model wider, so that it fits: the embedding gets elements that are always zero,
  /// each group of query heads gets heads whose output has no weight. A norm then divides by the
  /// larger width, which its weights and eps make good: with w' = w sqrt(s) and eps' = eps s, s =
  /// old / new, x w' / sqrt(sum / new + eps') is x w / sqrt(sum / old + eps). Heads keep their
  /// size.
  void widen(std::size_t block) {
    const std::size_t old = embedding_;
    const std::size_t group = heads_ / kv_heads_;
    std::size_t wide_group = group;
    while (wide_group * kv_heads_ * head_dim_ % block != 0) ++wide_group;
    embedding_ = (embedding_ + block - 1) / block * block;
    heads_ = wide_group * kv_heads_;
    const double part = static_cast<double>(old) / static_cast<double>(embedding_);
    eps_ = static_cast<float>(static_cast<double>(eps_) * part);
    const auto stay = [](std::size_t i) { return i; };
    const auto head = [&](std::size_t i) {
      const std::size_t h = i / head_dim_;
      return (h / group * wide_group + h % group) * head_dim_ + i % head_dim_;
    };
    for (Numbers& n : tensors_) {
      if (!n.matrix) {
        for (float& w : n.values) w = static_cast<float>(static_cast<double>(w) * std::sqrt(part));
        place(n, embedding_, n.rows, stay, stay);
      } else if (n.name.ends_with("attn_q.weight")) {
        place(n, embedding_, heads_ * head_dim_, stay, head);
      } else if (n.name.ends_with("attn_output.weight")) {
        place(n, heads_ * head_dim_, embedding_, head, stay);
      } else if (n.name.ends_with("ffn_down.weight")) {
        place(n, n.columns, embedding_, stay, stay);
      } else {
        place(n, embedding_, n.rows, stay, stay);
      }
    }
  }

  /// The file with every matrix in this type, which must fit. Norms stay F32.
  [[nodiscard]] Result<std::vector<std::byte>> written(gguf::TensorType type) const {
    gguf::Writer writer;
    for (const gguf::KeyValue& entry : file_.keys()) {
      if (entry.key == "llama.embedding_length") {
        writer.add(entry.key, static_cast<std::uint32_t>(embedding_));
      } else if (entry.key == "llama.attention.head_count") {
        writer.add(entry.key, static_cast<std::uint32_t>(heads_));
      } else if (entry.key == "llama.attention.layer_norm_rms_epsilon") {
        writer.add(entry.key, eps_);
      } else if (entry.key != "general.file_type") {  // which says the type
        writer.add_value(entry.key, entry.value);
      }
    }
    std::vector<std::vector<std::byte>> data;
    for (const Numbers& n : tensors_) {
      const gguf::TensorType as = n.matrix ? type : gguf::TensorType::kF32;
      const BlockFormat format = block_format(as);
      const std::size_t row = n.columns / format.elements * format.bytes;
      data.emplace_back(n.rows * row);
      for (std::size_t r = 0; r < n.rows; ++r) {
        const float* from = n.values.data() + r * n.columns;
        encode(as, Row(from, from + n.columns), data.back().data() + r * row);
      }
    }
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      const Numbers& n = tensors_[i];
      std::vector<std::uint64_t> dims = {n.columns};
      if (n.matrix) dims.push_back(n.rows);
      const auto as = static_cast<std::uint32_t>(n.matrix ? type : gguf::TensorType::kF32);
      writer.add_tensor(n.name, as, dims, data[i]);
    }
    return writer.to_bytes();
  }

  [[nodiscard]] const std::vector<Numbers>& tensors() const { return tensors_; }

 private:
  // Into a larger matrix of zeros: column k to column_of(k), row r to row_of(r).
  template <class Column, class RowOf>
  static void place(Numbers& n, std::size_t columns, std::size_t rows, Column&& column_of,
                    RowOf&& row_of) {
    std::vector<float> wide(columns * rows);
    for (std::size_t r = 0; r < n.rows; ++r) {
      for (std::size_t k = 0; k < n.columns; ++k) {
        wide[row_of(r) * columns + column_of(k)] = n.values[r * n.columns + k];
      }
    }
    n.values = std::move(wide);
    n.columns = columns;
    n.rows = rows;
  }

  const gguf::File& file_;
  std::vector<Numbers> tensors_;
  std::size_t embedding_ = 0, heads_ = 0, kv_heads_ = 0, head_dim_ = 0;
  float eps_ = 0;
};

}  // namespace prumo::testing
