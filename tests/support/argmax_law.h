// What argmax and tile_max owe on any floats: the oracle's answer from every table.
#pragma once

#include <bit>
#include <limits>
#include <string>
#include <vector>

#include "support/argmax_oracle.h"
#include "support/ready_test.h"
#include "support/tables.h"

namespace prumo::testing {

/// Looks at `place`, where the same floats lie as in x: the caller chooses what is around them.
inline std::string argmax_law_at(const float* place, const std::vector<float>& x) {
  const ArgmaxResult wanted = argmax_oracle(x.data(), x.size());
  for (const Kernels* table : tables()) {
    const ArgmaxResult got = table->argmax(place, x.size());
    if (got == wanted) continue;
    const auto shown = [](const ArgmaxResult& r) {
      return std::to_string(r.index) + (r.has_nan ? " with NaN" : " without NaN");
    };
    return ready(std::string(table->name) + ", n " + std::to_string(x.size()) + ": index " +
                     shown(got) + " and should be " + shown(wanted),
                 "argmax_law", x);
  }
  return "";
}
inline std::string argmax_law(const std::vector<float>& x) {
  return argmax_law_at(x.data(), x);
}

/// The largest of a tile by the oracle; a zero of either sign is +0.
inline float expected_tile(const float* x, std::size_t n) {
  const std::size_t at = argmax_oracle(x, n).index;
  if (at == npos) return -std::numeric_limits<float>::infinity();
  return order_of(x[at]) == 0 ? 0.0f : x[at];
}

/// tiles has room for them all.
inline std::string tile_max_law_at(const float* place, const std::vector<float>& x, float* tiles) {
  const std::size_t n = round_up(x.size(), kTile) / kTile;
  for (const Kernels* table : tables()) {
    std::fill_n(tiles, n, 123.0f);
    table->tile_max(place, x.size(), tiles);
    for (std::size_t t = 0; t < n; ++t) {
      const float wanted = expected_tile(&x[t * kTile], std::min(kTile, x.size() - t * kTile));
      if (std::bit_cast<std::uint32_t>(tiles[t]) == std::bit_cast<std::uint32_t>(wanted)) continue;
      return ready(std::string(table->name) + ", n " + std::to_string(x.size()) + ": tile " +
                       std::to_string(t) + " is " + shown(tiles[t]) + " and should be " +
                       shown(wanted),
                   "tile_max_law", x);
    }
  }
  return "";
}
inline std::string tile_max_law(const std::vector<float>& x) {
  std::vector<float> tiles(round_up(x.size(), kTile) / kTile);
  return tile_max_law_at(x.data(), x, tiles.data());
}

}  // namespace prumo::testing
