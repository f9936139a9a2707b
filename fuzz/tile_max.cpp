// Any floats between forbidden pages: every instruction set's tiles against the oracle, bit for
// bit.
//
// Input: one byte: bit 0 the mode (0 the bytes as floats, 1 two special floats a byte); then data.
// An input of even size ends on the page after it, one of odd size begins on the page before it;
// the tiles always end on a page.
#include <algorithm>
#include <vector>

#include "support/argmax_law.h"
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
  const std::string fault = prumo::testing::tile_max_law_at(place, x, tiles);
  CHECK(fault.empty(), fault);
  return 0;
}
