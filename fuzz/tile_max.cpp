// Any floats between forbidden pages: every instruction set's tiles against the oracle, bit for
// bit.
//
// Input: one byte: bit 0 the mode (0 the bytes as floats, 1 two special floats a byte); then data.
// An input of even size ends on the page after it, one of odd size begins on the page before it;
// the tiles always end on a page.
#include <algorithm>
#include <vector>

#include "support/argmax_oracle.h"
#include "support/check.h"
#include "support/guarded.h"

namespace {

using prumo::kTile;
using prumo::fuzz::Input;
using prumo::testing::Guarded;
using prumo::testing::kSpecialFloats;

constexpr std::size_t kMaxFloats = 16384;

std::vector<float> floats(Input& in) {
  const bool special = (in.take<std::uint8_t>() & 1u) != 0;
  std::vector<float> x;
  while (in.size() != 0 && x.size() < kMaxFloats) {
    if (special) {
      const auto two = in.take<std::uint8_t>();
      x.push_back(kSpecialFloats[(two & 15u) % kSpecialFloats.size()]);
      x.push_back(kSpecialFloats[(two >> 4) % kSpecialFloats.size()]);
    } else {
      x.push_back(in.take<float>());
    }
  }
  return x;
}

float wanted_tile(const float* x, std::size_t n) {
  const std::size_t at = prumo::testing::argmax_oracle(x, n).index;
  if (at == prumo::npos) return -std::numeric_limits<float>::infinity();
  return prumo::testing::order_of(x[at]) == 0 ? 0.0f : x[at];
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input in(data, size);
  const std::vector<float> x = floats(in);
  const std::size_t n = x.size();
  const std::size_t n_tiles = (n + kTile - 1) / kTile;

  static Guarded<float> pages(kMaxFloats + 2, Guarded<float>::Side::kRight);
  static Guarded<float> pages_before(kMaxFloats + 2, Guarded<float>::Side::kLeft);
  static Guarded<float> out(kMaxFloats / kTile + 1, Guarded<float>::Side::kRight);
  float* place = size % 2 == 0 ? pages.data() + pages.size() - n : pages_before.data();
  std::copy(x.begin(), x.end(), place);
  float* tiles = out.data() + out.size() - n_tiles;
  for (const prumo::Kernels* table : prumo::testing::tables()) {
    std::fill_n(tiles, n_tiles, 123.0f);
    table->tile_max(place, n, tiles);
    for (std::size_t t = 0; t < n_tiles; ++t) {
      const float wanted = wanted_tile(&x[t * kTile], std::min(kTile, n - t * kTile));
      CHECK(std::bit_cast<std::uint32_t>(tiles[t]) == std::bit_cast<std::uint32_t>(wanted),
            std::string(table->name) + " n " + std::to_string(n) + " tile " + std::to_string(t) +
                " is " + std::to_string(tiles[t]) + ", not " + std::to_string(wanted));
    }
  }
  return 0;
}
