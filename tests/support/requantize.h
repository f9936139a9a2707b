// A model written again with its matrices in another type.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "gguf/reader.h"
#include "gguf/writer.h"
#include "support/encode.h"

namespace prumo::testing {

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
