// What the kernels that walk along one vector owe on any input: the oracle's bits from every table,
// beside guard pages, in place too, and nothing written elsewhere.
#pragma once

#include <string>
#include <vector>

#include "kernels/exp.h"
#include "support/oracles.h"
#include "support/ready_test.h"
#include "support/stage.h"
#include "support/tables.h"
#include "support/values.h"

namespace prumo::testing {

/// Where a kernel's result goes: to memory of its own, or over its first or second input.
enum class Place { kApart, kOverFirst, kOverSecond };

inline std::string at(const Kernels& table, std::size_t n, Side side, const std::string& fault) {
  return std::string(table.name) + ", n " + std::to_string(n) +
         (side == Side::kLeft ? ", left: " : ", right: ") + fault;
}

/// Calls kernel(table, a, b, y) with every placement and compares y with `wanted`. b may be empty
/// for a kernel of one input; `over_second` says whether y may be b.
template <class Kernel>
std::string vector_law(const std::vector<float>& a, const std::vector<float>& b,
                       const std::vector<float>& wanted, bool over_second, Kernel&& kernel) {
  static Stage a_stage;
  static Stage b_stage;
  static Output y_stage;
  for (const Kernels* table : tables()) {
    for (Side side : kSides) {
      for (Place place : {Place::kApart, Place::kOverFirst, Place::kOverSecond}) {
        if (place == Place::kOverSecond && !over_second) continue;
        const std::size_t n = wanted.size();
        float* y = place == Place::kApart       ? y_stage.room<float>(n, side)
                   : place == Place::kOverFirst ? y_stage.put(a.data(), n, side)
                                                : y_stage.put(b.data(), n, side);
        const float* first = place == Place::kOverFirst ? y : a_stage.put(a.data(), a.size(), side);
        const float* second =
            place == Place::kOverSecond ? y : b_stage.put(b.data(), b.size(), side);
        std::string fault = kernel(*table, first, second, y);
        if (fault.empty()) fault = difference(y, wanted.data(), n);
        if (fault.empty() && !y_stage.intact()) fault = "it wrote beside y";
        if (!fault.empty()) return at(*table, n, side, fault);
      }
    }
  }
  return "";
}

inline std::vector<float> expected_rmsnorm(const std::vector<float>& x,
                                           const std::vector<float>& weight, float eps) {
  const float sum =
      sum_in_lanes(x.size(), [&](std::size_t i, float lane) { return std::fma(x[i], x[i], lane); });
  const float r = 1.0f / std::sqrt(sum / static_cast<float>(x.size()) + eps);
  std::vector<float> y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = (x[i] * r) * weight[i];
  return y;
}

inline std::string rmsnorm_fault(const std::vector<float>& x, const std::vector<float>& weight,
                                 float eps) {
  return vector_law(x, weight, expected_rmsnorm(x, weight, eps), false,
                    [&](const Kernels& table, const float* a, const float* b, float* y) {
                      table.rmsnorm(a, b, x.size(), eps, y);
                      return std::string();
                    });
}
/// The same, with a test to paste.
inline std::string rmsnorm_law(const std::vector<float>& x, const std::vector<float>& weight,
                               float eps) {
  return ready(rmsnorm_fault(x, weight, eps), "rmsnorm_law", x, weight, eps);
}

/// x and table have two floats a pair.
inline std::vector<float> expected_rope(const std::vector<float>& x,
                                        const std::vector<float>& table) {
  std::vector<float> y(x.size());
  for (std::size_t i = 0; i < x.size(); i += 2) {
    const float a = x[i], b = x[i + 1], c = table[i], s = table[i + 1];
    y[i] = std::fma(a, c, -(b * s));
    y[i + 1] = std::fma(a, s, b * c);
  }
  return y;
}

inline std::string rope_fault(const std::vector<float>& x, const std::vector<float>& angles) {
  static Stage angles_stage;
  static Output x_stage;
  const std::vector<float> wanted = expected_rope(x, angles);
  for (const Kernels* table : tables()) {
    for (Side side : kSides) {
      float* y = x_stage.put(x.data(), x.size(), side);
      table->rope(y, angles_stage.put(angles.data(), angles.size(), side), x.size() / 2);
      std::string fault = difference(y, wanted.data(), x.size());
      if (fault.empty() && !x_stage.intact()) fault = "it wrote beside x";
      if (!fault.empty()) return at(*table, x.size(), side, fault);
    }
  }
  return "";
}
/// The same, with a test to paste.
inline std::string rope_law(const std::vector<float>& x, const std::vector<float>& angles) {
  return ready(rope_fault(x, angles), "rope_law", x, angles);
}

struct ExpectedSoftmax {
  std::vector<float> y;
  float max = -std::numeric_limits<float>::infinity();
  float sum = 0;
};

inline ExpectedSoftmax expected_softmax(const float* x, std::size_t n, float scale) {
  ExpectedSoftmax out;
  for (std::size_t i = 0; i < n; ++i) {
    if (!is_nan(x[i])) out.max = std::fmax(out.max, x[i]);
  }
  if (out.max == 0.0f) out.max = 0.0f;
  out.y.resize(n);
  for (std::size_t i = 0; i < n; ++i) out.y[i] = scalar::exp((x[i] - out.max) * scale);
  out.sum = sum_in_lanes(n, [&](std::size_t i, float lane) { return lane + out.y[i]; });
  return out;
}

inline std::string softmax_fault(const std::vector<float>& x, float scale) {
  const ExpectedSoftmax wanted = expected_softmax(x.data(), x.size(), scale);
  return vector_law(x, {}, wanted.y, false,
                    [&](const Kernels& table, const float* a, const float*, float* y) {
                      const SoftmaxResult got = table.softmax(a, x.size(), scale, y);
                      if (!same_bits(got.max, wanted.max)) {
                        return "max is " + shown(got.max) + " and should be " + shown(wanted.max);
                      }
                      if (!same_bits(got.sum, wanted.sum)) {
                        return "sum is " + shown(got.sum) + " and should be " + shown(wanted.sum);
                      }
                      return std::string();
                    });
}
/// The same, with a test to paste.
inline std::string softmax_law(const std::vector<float>& x, float scale) {
  return ready(softmax_fault(x, scale), "softmax_law", x, scale);
}

inline std::string swiglu_fault(const std::vector<float>& gate, const std::vector<float>& up) {
  std::vector<float> wanted(gate.size());
  for (std::size_t i = 0; i < gate.size(); ++i) {
    wanted[i] = (gate[i] / (1.0f + scalar::exp(-gate[i]))) * up[i];
  }
  return vector_law(gate, up, wanted, true,
                    [&](const Kernels& table, const float* a, const float* b, float* y) {
                      table.swiglu(a, b, gate.size(), y);
                      return std::string();
                    });
}
/// The same, with a test to paste.
inline std::string swiglu_law(const std::vector<float>& gate, const std::vector<float>& up) {
  return ready(swiglu_fault(gate, up), "swiglu_law", gate, up);
}

/// y += x.
inline std::string add_fault(const std::vector<float>& x, const std::vector<float>& y) {
  static Stage x_stage;
  static Output y_stage;
  std::vector<float> wanted(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    // A sum of two floats rounded to double and then to float is the float sum: 53 >= 2 * 24 + 2.
    const double sum = static_cast<double>(x[i]) + static_cast<double>(y[i]);
    wanted[i] = static_cast<float>(sum);
  }
  for (const Kernels* table : tables()) {
    for (Side side : kSides) {
      float* out = y_stage.put(y.data(), y.size(), side);
      table->add(x_stage.put(x.data(), x.size(), side), x.size(), out);
      std::string fault = difference(out, wanted.data(), x.size());
      if (fault.empty() && !y_stage.intact()) fault = "it wrote beside y";
      if (!fault.empty()) return at(*table, x.size(), side, fault);
    }
  }
  return "";
}
/// The same, with a test to paste.
inline std::string add_law(const std::vector<float>& x, const std::vector<float>& y) {
  return ready(add_fault(x, y), "add_law", x, y);
}

}  // namespace prumo::testing
