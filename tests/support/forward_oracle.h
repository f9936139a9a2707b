// A Llama's forward pass a second time, from the file's bytes and the model's formulas: in double,
// token by token, one plain loop an operation, attention over all keys at once. It shares no code
// with the library but the reader of the file.
//
// It can do three things with rounding:
//  - nothing at all: the true value of the model that the file describes;
//  - what the contract says must be rounded (activations to int8 blocks or BF16, keys and values to
//    F16, or these and queries to int8 blocks), from its own values rounded to float: the true
//    value of what the engine computes;
//  - the same, with every result moved at random by as much as its kernel's roundings are likely to
//    move it: where support/accuracy.h counts n roundings at worst, sqrt(n) of them, since their
//    signs differ (N. Higham, T. Mary, "A new approach to probabilistic rounding error analysis",
//    2019). Runs that differ so show what such errors do to the logits, and where a rounding of the
//    contract stands on an edge.
#pragma once

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "base/half.h"
#include "gguf/reader.h"
#include "prumo.h"
#include "support/accuracy.h"
#include "support/quantize_law.h"

namespace prumo::testing {

struct Rounding {
  bool contract = true;
  CacheType cache = CacheType::kF16;
  std::uint64_t seed = 0;  ///< 0: nothing is moved
};

/// Logits and, of each position, every rounded number of the contract.
struct OracleRun {
  std::vector<std::vector<double>> logits;
  std::vector<std::vector<std::uint32_t>> rounded;
};

class ForwardOracle {
 public:
  /// A file that the library loads, which must outlive this.
  explicit ForwardOracle(const gguf::File& file) {
    const auto number = [&](const std::string& key, double otherwise) {
      return file.find("llama." + key) == nullptr ? otherwise : *file.real("llama." + key);
    };
    const auto size = [&](const std::string& key, std::size_t otherwise) {
      return static_cast<std::size_t>(number(key, static_cast<double>(otherwise)));
    };
    embedding_ = size("embedding_length", 0);
    layers_ = size("block_count", 0);
    heads_ = size("attention.head_count", 0);
    kv_heads_ = size("attention.head_count_kv", heads_);
    head_dim_ = size("attention.key_length", embedding_ / heads_);
    eps_ = number("attention.layer_norm_rms_epsilon", 0);
    base_ = number("rope.freq_base", 10000);
    position_scale_ = 1 / number("rope.scaling.factor", 1);
    for (const gguf::Tensor& tensor : file.tensors()) {
      Weights w{static_cast<gguf::TensorType>(tensor.type), tensor.dims[0], tensor.dims[1], {}, {}};
      const std::size_t row = tensor.data.size() / w.rows;
      for (std::size_t r = 0; r < w.rows; ++r) {
        for (std::size_t k = 0; k < w.columns; ++k) {
          const Parts parts = parts_of(w.type, tensor.data.data() + r * row, k);
          w.values.push_back(static_cast<float>(parts.multiple));
          w.minimums.push_back(static_cast<float>(parts.minimum));
        }
      }
      weights_.emplace(tensor.name, std::move(w));
    }
  }

  OracleRun run(std::span<const TokenId> ids, const Rounding& rounding) {
    rounding_ = rounding;
    bits_ = Bits(rounding.seed);
    keys_.assign(layers_, {});
    values_.assign(layers_, {});
    OracleRun out;
    for (std::size_t t = 0; t < ids.size(); ++t) {
      rounded_.clear();
      out.logits.push_back(token(static_cast<std::size_t>(ids[t]), t));
      out.rounded.push_back(rounded_);
    }
    return out;
  }

 private:
  using Vector = std::vector<double>;
  struct Weights {
    gguf::TensorType type;
    std::size_t columns, rows;
    std::vector<float> values, minimums;  // a weight is the sum of both
  };

  Vector token(std::size_t id, std::size_t position) {
    const Weights& table = weights_.at("token_embd.weight");
    Vector x(embedding_);
    for (std::size_t i = 0; i < embedding_; ++i) {
      x[i] = static_cast<double>(table.values[id * embedding_ + i] +
                                 table.minimums[id * embedding_ + i]);
    }
    for (std::size_t layer = 0; layer < layers_; ++layer) {
      const std::string name = "blk." + std::to_string(layer) + ".";
      const Vector in = norm(x, name + "attn_norm.weight");
      Vector q = times(name + "attn_q.weight", in);
      Vector k = times(name + "attn_k.weight", in);
      rotate(q, position);
      rotate(k, position);
      keys_[layer].push_back(stored(k));
      values_[layer].push_back(stored(times(name + "attn_v.weight", in)));
      add(x, times(name + "attn_output.weight", attention(q, layer)));

      const Vector ffn_in = norm(x, name + "ffn_norm.weight");
      Vector hidden = times(name + "ffn_gate.weight", ffn_in);
      const Vector up = times(name + "ffn_up.weight", ffn_in);
      for (std::size_t i = 0; i < hidden.size(); ++i) {
        const double y = hidden[i] / (1 + std::exp(-hidden[i])) * up[i];
        hidden[i] = moved(y, kSwigluSteps, std::fabs(y));
      }
      add(x, times(name + "ffn_down.weight", hidden));
    }
    const bool tied = !weights_.contains("output.weight");
    return times(tied ? "token_embd.weight" : "output.weight", norm(x, "output_norm.weight"));
  }

  // y moved either way by up to sqrt(steps) roundings of a number of this size.
  double moved(double y, double steps, double size) {
    if (rounding_.seed == 0) return y;
    return y + static_cast<double>(bits_.unit()) * std::sqrt(steps) * kUnitRoundoff * size;
  }

  void add(Vector& x, const Vector& y) {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = moved(x[i] + y[i], 1, std::fabs(x[i] + y[i]));
  }

  Vector norm(const Vector& x, const std::string& weight) {
    double sum = 0;
    for (const double v : x) sum += v * v;
    const double r = 1 / std::sqrt(sum / static_cast<double>(x.size()) + eps_);
    const Weights& w = weights_.at(weight);
    Vector y(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      y[i] = x[i] * r * static_cast<double>(w.values[i]);
      y[i] = moved(y[i], rmsnorm_steps(x.size()), std::fabs(y[i]));
    }
    return y;
  }

  void rotate(Vector& x, std::size_t position) {
    const std::size_t pairs = head_dim_ / 2;
    const auto divisors = weights_.find("rope_freqs.weight");
    for (std::size_t i = 0; i < x.size(); i += 2) {
      const std::size_t pair = i / 2 % pairs;
      double angle = static_cast<double>(position) * position_scale_ *
                     std::pow(base_, -static_cast<double>(pair) / static_cast<double>(pairs));
      if (divisors != weights_.end()) {
        angle /= static_cast<double>(divisors->second.values[pair]);
      }
      const double c = std::cos(angle), s = std::sin(angle), a = x[i], b = x[i + 1];
      // The kernel's own error, and half a unit of each of its table's two numbers.
      const double table = 0.5 * (std::fabs(a) + std::fabs(b));
      x[i] = moved(a * c - b * s, 1, std::fabs(b * s) + std::fabs(a * c - b * s) + table);
      x[i + 1] = moved(a * s + b * c, 1, std::fabs(b * c) + std::fabs(a * s + b * c) + table);
    }
  }

  // As the KV cache holds it.
  Vector stored(Vector x) {
    if (!rounding_.contract || rounding_.cache == CacheType::kF32) return x;
    if (rounding_.cache == CacheType::kQ8_0) return in_blocks(x);
    for (double& v : x) {
      const std::uint16_t half = float_to_half(static_cast<float>(v));
      rounded_.push_back(half);
      v = half_value(half);
    }
    return x;
  }

  // Activations as a product with a matrix of this type sees them.
  Vector seen(gguf::TensorType type, const Vector& x) {
    if (!rounding_.contract) return x;
    Vector y = x;
    if (type == gguf::TensorType::kBF16) {
      for (double& v : y) {
        const float f = round_to_bits(static_cast<float>(v), 8);
        rounded_.push_back(std::bit_cast<std::uint32_t>(f));
        v = static_cast<double>(f);
      }
    } else if (is_quantized(type)) {
      return in_blocks(x);
    }
    return y;
  }

  // Rounded to int8 blocks.
  Vector in_blocks(const Vector& x) {
    Vector y(x.size());
    for (std::size_t b = 0; b < x.size(); b += kBlock) {
      float block[kBlock];
      for (std::size_t i = 0; i < kBlock; ++i) block[i] = static_cast<float>(x[b + i]);
      const QuantizedBlock q = quantized(block);
      rounded_.push_back(std::bit_cast<std::uint32_t>(q.scale));
      for (std::size_t i = 0; i < kBlock; ++i) {
        rounded_.push_back(static_cast<std::uint8_t>(q.q[i]));
        y[b + i] = static_cast<double>(q.scale) * q.q[i];
      }
    }
    return y;
  }

  Vector times(const std::string& name, const Vector& activations) {
    const Weights& w = weights_.at(name);
    const Vector x = seen(w.type, activations);
    const double steps = product_steps(w.type, w.columns);
    const std::size_t part = exact_part(w.type);
    Vector y(w.rows);
    for (std::size_t r = 0; r < w.rows; ++r) {
      const float* row = w.values.data() + r * w.columns;
      const float* low = w.minimums.data() + r * w.columns;
      double sum = 0;
      double size = 0;
      for (std::size_t k = 0; k < w.columns; k += part) {
        double multiples = 0, minimums = 0;
        for (std::size_t i = k; i < k + part; ++i) {
          multiples += static_cast<double>(row[i]) * x[i];
          minimums += static_cast<double>(low[i]) * x[i];
        }
        sum += multiples + minimums;
        size += std::fabs(multiples) + std::fabs(minimums);
      }
      y[r] = moved(sum, steps, size);
    }
    return y;
  }

  Vector attention(const Vector& queries, std::size_t layer) {
    const bool rounded = rounding_.contract && rounding_.cache == CacheType::kQ8_0;
    const Vector q = rounded ? in_blocks(queries) : queries;
    const double scale = 1 / std::sqrt(static_cast<double>(head_dim_));
    const std::size_t n = keys_[layer].size();
    const double ranges = std::ceil(static_cast<double>(n) / static_cast<double>(kKeyRange));
    const double in_range = static_cast<double>(std::min(n, kKeyRange));
    Vector y(q.size());
    Vector score(n), size(n);
    for (std::size_t h = 0; h < heads_; ++h) {
      const std::size_t at = h / (heads_ / kv_heads_) * head_dim_;
      double max = -INFINITY;
      for (std::size_t k = 0; k < n; ++k) {
        score[k] = size[k] = 0;
        for (std::size_t d = 0; d < head_dim_; ++d) {
          const double term = q[h * head_dim_ + d] * keys_[layer][k][at + d] * scale;
          score[k] += term;
          size[k] += std::fabs(term);
        }
        max = std::max(max, score[k]);
      }
      double sum = 0, sum_error = 0;
      for (std::size_t k = 0; k < n; ++k) {
        const double a = std::fabs(score[k] - max);
        score[k] = std::exp(score[k] - max);
        // Of the range's kernel and the rounded scale; of the merge of the ranges and its division.
        size[k] = attended_steps(a, size[k], static_cast<double>(head_dim_), in_range) + 2 * a;
        size[k] = std::sqrt(size[k] + merged_steps(a, ranges) + 1);
        sum += score[k];
        sum_error += score[k] * size[k];
      }
      for (std::size_t d = 0; d < head_dim_; ++d) {
        double out = 0, error = 0;
        for (std::size_t k = 0; k < n; ++k) {
          const double value = values_[layer][k][at + d];
          out += score[k] * value;
          error += score[k] * std::fabs(value) * size[k];
        }
        out /= sum;
        y[h * head_dim_ + d] = moved(out, 1, (error + std::fabs(out) * sum_error) / sum);
      }
    }
    return y;
  }

  std::size_t embedding_ = 0, layers_ = 0, heads_ = 0, kv_heads_ = 0, head_dim_ = 0;
  double eps_ = 0, base_ = 0, position_scale_ = 1;
  std::map<std::string, Weights, std::less<>> weights_;
  std::vector<std::vector<Vector>> keys_, values_;  // [layer][position][kv_heads * head_dim]
  std::vector<std::uint32_t> rounded_;
  Rounding rounding_;
  Bits bits_{0};
};

}  // namespace prumo::testing
