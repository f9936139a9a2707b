// Input bytes as vectors of floats: their bits as they come.
#pragma once

#include <vector>

#include "support/check.h"

namespace prumo::fuzz {

/// The next n floats, as far as the input goes; then the values come round again.
inline std::vector<float> take_floats(Input& in, std::size_t n) {
  std::vector<float> out(n);
  const std::size_t own = in.size() / sizeof(float) < n ? in.size() / sizeof(float) : n;
  for (std::size_t i = 0; i < n; ++i)
    out[i] = i < own || own == 0 ? in.take<float>() : out[i - own];
  return out;
}

/// All that is left, but no more than `most`.
inline std::vector<float> take_rest(Input& in, std::size_t most) {
  const std::size_t n = in.size() / sizeof(float);
  return take_floats(in, n < most ? n : most);
}

}  // namespace prumo::fuzz
