// What the conversion to binary16 owes on any floats: the nearest half from every table, found by
// the halves' values and not by base/half.h, which is all that the scalar one is.
#pragma once

#include <string>
#include <vector>

#include "support/oracles.h"
#include "support/ready_test.h"
#include "support/stage.h"
#include "support/tables.h"

namespace prumo::testing {

/// The same half, or both NaN.
inline bool same_half(std::uint16_t a, std::uint16_t b) {
  return a == b || ((a & 0x7FFF) > 0x7C00 && (b & 0x7FFF) > 0x7C00);
}

inline std::string narrow_fault(const std::vector<float>& x) {
  static Stage x_stage;
  static Output y_stage;
  for (const Kernels* table : tables()) {
    for (Side side : kSides) {
      auto* y = y_stage.room<std::uint16_t>(x.size(), side);
      table->narrow(x_stage.put(x.data(), x.size(), side), x.size(), y);
      for (std::size_t i = 0; i < x.size(); ++i) {
        if (is_nearest_half(y[i], x[i])) continue;
        return std::string(table->name) + ": element " + std::to_string(i) + " of " +
               std::to_string(x.size()) + ", " + shown(x[i]) + ", became " + std::to_string(y[i]);
      }
      if (!y_stage.intact()) return std::string(table->name) + ": it wrote beside y";
    }
  }
  return "";
}
/// The same, with a test to paste.
inline std::string narrow_law(const std::vector<float>& x) {
  return ready(narrow_fault(x), "narrow_law", x);
}

}  // namespace prumo::testing
