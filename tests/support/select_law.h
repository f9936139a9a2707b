// What tile_weight and collect owe on any input: the oracle's numbers from every table, beside
// guard pages, and nothing written elsewhere.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "kernels/exp.h"
#include "support/ready_test.h"
#include "support/stage.h"
#include "support/tables.h"

namespace prumo::testing {

/// The weight of one logit, by the words of kernels.h; the scaling by 2^32 done in double.
inline std::uint64_t expected_weight(float x, float max, float scale) {
  return static_cast<std::uint64_t>(static_cast<double>(scalar::exp((x - max) * scale)) * 0x1p32);
}

inline std::string where(const Kernels& table, std::size_t n, Side side) {
  return std::string(table.name) + ", n " + std::to_string(n) +
         (side == Side::kLeft ? ", left: " : ", right: ");
}

/// x has no NaN and nothing above max.
inline std::string tile_weight_fault(const std::vector<float>& x, float max, float scale) {
  static Stage x_stage;
  static Output tiles_stage;
  std::vector<std::uint64_t> wanted(round_up(x.size(), kTile) / kTile);
  for (std::size_t i = 0; i < x.size(); ++i) wanted[i / kTile] += expected_weight(x[i], max, scale);
  for (const Kernels* table : tables()) {
    for (Side side : kSides) {
      auto* tiles = tiles_stage.room<std::uint64_t>(wanted.size(), side);
      table->tile_weight(x_stage.put(x.data(), x.size(), side), x.size(), max, scale, tiles);
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (tiles[i] == wanted[i]) continue;
        return where(*table, x.size(), side) + "tile " + std::to_string(i) + " weighs " +
               std::to_string(tiles[i]) + " and should weigh " + std::to_string(wanted[i]);
      }
      if (!tiles_stage.intact()) return where(*table, x.size(), side) + "it wrote beside tiles";
    }
  }
  return "";
}
/// The same, with a test to paste.
inline std::string tile_weight_law(const std::vector<float>& x, float max, float scale) {
  return ready(tile_weight_fault(x, max, scale), "tile_weight_law", x, max, scale);
}

inline std::string collect_fault(const std::vector<float>& x, float least, std::uint32_t first) {
  static Stage x_stage;
  static Output ids_stage;
  std::vector<std::uint32_t> wanted;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (x[i] >= least) wanted.push_back(first + static_cast<std::uint32_t>(i));
  }
  for (const Kernels* table : tables()) {
    for (Side side : kSides) {
      auto* ids = ids_stage.room<std::uint32_t>(x.size(), side);
      const std::size_t count =
          table->collect(x_stage.put(x.data(), x.size(), side), x.size(), least, first, ids);
      if (count != wanted.size()) {
        return where(*table, x.size(), side) + std::to_string(count) + " kept and not " +
               std::to_string(wanted.size());
      }
      for (std::size_t i = 0; i < count; ++i) {
        if (ids[i] == wanted[i]) continue;
        return where(*table, x.size(), side) + "id " + std::to_string(i) + " is " +
               std::to_string(ids[i]) + " and should be " + std::to_string(wanted[i]);
      }
      if (!ids_stage.intact()) return where(*table, x.size(), side) + "it wrote beside ids";
    }
  }
  return "";
}
/// The same, with a test to paste.
inline std::string collect_law(const std::vector<float>& x, float least, std::uint32_t first) {
  return ready(collect_fault(x, least, first), "collect_law", x, least, first);
}

}  // namespace prumo::testing
