// Laws of tile_max, for vectors of any length made of a few floats of any kind.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "support/argmax_law.h"
#include "support/gen.h"
#include "support/tables.h"

namespace prumo::testing {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

// Up to `longest` floats of few kinds, often of one, and up to two strangers among them.
std::vector<float> any_vector(std::size_t longest) {
  const auto n = *rc::gen::inRange<std::size_t>(0, longest + 1);
  const auto palette = *vector_of(*rc::gen::element<std::size_t>(1, 1, 2, 3, 12), any_float());
  const auto strangers = *vector_of(*rc::gen::inRange<std::size_t>(0, 3), any_float());
  Bits bits(*rc::gen::arbitrary<std::uint64_t>());
  std::vector<float> x(n);
  for (float& value : x) value = palette[bits.below(palette.size())];
  for (float stranger : strangers) {
    if (n != 0) x[bits.below(n)] = stranger;
  }
  return x;
}

// What every instruction set answers, bit for bit, as bits.
std::vector<std::uint32_t> tile_max(const std::vector<float>& x) {
  std::vector<std::uint32_t> first;
  for (const Kernels* table : tables()) {
    std::vector<float> tiles((x.size() + kTile - 1) / kTile, 123.0f);
    table->tile_max(x.data(), x.size(), tiles.data());
    std::vector<std::uint32_t> bits;
    for (float value : tiles) bits.push_back(std::bit_cast<std::uint32_t>(value));
    if (table == tables().front()) first = bits;
    RC_ASSERT(bits == first);
  }
  return first;
}

RC_GTEST_PROP(TileMaxLaws, EveryTableGivesTheOraclesBits, ()) {
  obeys(tile_max_law(any_vector(1000)));
}

RC_GTEST_PROP(TileMaxLaws, EachTileIsItsArgmaxWithoutAZerosSign, ()) {
  const auto x = any_vector(1000);
  const auto tiles = tile_max(x);
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    const float* tile = x.data() + i * kTile;
    const std::size_t at = argmax_oracle(tile, std::min(kTile, x.size() - i * kTile)).index;
    const float max = at == npos ? -kInf : order_of(tile[at]) == 0 ? 0.0f : tile[at];
    RC_ASSERT(tiles[i] == std::bit_cast<std::uint32_t>(max));
  }
}

RC_GTEST_PROP(TileMaxLaws, TheLargestTileHoldsTheArgmax, ()) {
  const auto x = any_vector(1000);
  std::vector<float> tiles;
  for (std::uint32_t bits : tile_max(x)) tiles.push_back(std::bit_cast<float>(bits));
  const ArgmaxResult of_tiles = tables().back()->argmax(tiles.data(), tiles.size());
  const ArgmaxResult of_all = tables().back()->argmax(x.data(), x.size());
  RC_ASSERT(!of_tiles.has_nan);
  RC_PRE(of_all.index != npos);
  RC_PRE(x[of_all.index] != -kInf);
  RC_ASSERT(of_tiles.index == of_all.index / kTile);
}

RC_GTEST_PROP(TileMaxLaws, OrderWithinATileDoesNotMatter, ()) {
  auto x = any_vector(1000);
  const auto before = tile_max(x);
  Bits bits(*rc::gen::arbitrary<std::uint64_t>());
  for (std::size_t begin = 0; begin < x.size(); begin += kTile) {
    for (std::size_t i = std::min(kTile, x.size() - begin); i > 1; --i) {
      std::swap(x[begin + i - 1], x[begin + bits.below(i)]);
    }
  }
  RC_ASSERT(tile_max(x) == before);
}

RC_GTEST_PROP(TileMaxLaws, TilesKnowNothingOfEachOther, ()) {
  auto x = any_vector(10 * kTile);
  const auto y = any_vector(300);
  x.resize(x.size() / kTile * kTile);
  auto wanted = tile_max(x);
  const auto of_y = tile_max(y);
  wanted.insert(wanted.end(), of_y.begin(), of_y.end());
  x.insert(x.end(), y.begin(), y.end());
  RC_ASSERT(tile_max(x) == wanted);
}

}  // namespace
}  // namespace prumo::testing
