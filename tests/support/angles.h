// Tables of (cos, sin) pairs for the rotary embedding.
#pragma once

#include <cmath>
#include <vector>

namespace prumo::testing {

/// (cos, sin) of position * 10000^(-i / pairs), each rounded once from double.
inline std::vector<float> make_angles(std::size_t pairs, double position) {
  std::vector<float> out;
  for (std::size_t i = 0; i < pairs; ++i) {
    const double angle =
        position * std::pow(10000.0, -static_cast<double>(i) / static_cast<double>(pairs));
    out.push_back(static_cast<float>(std::cos(angle)));
    out.push_back(static_cast<float>(std::sin(angle)));
  }
  return out;
}

}  // namespace prumo::testing
