// Any floats at any alignment between forbidden pages: every instruction set against the two-pass
// oracle.
//
// Input: one byte, its low two bits the mode, the others an offset in floats; then
//   mode 0, 1  the bytes as floats
//   mode 2     two bytes that draw four of the twelve special floats, then two bits a float
//   mode 3     runs of (u8 which special float, u16 count: its low 12 bits, or 16 times the low 13
//              when the top three are set)
// An input of even size ends on the page after it, one of odd size begins on the page before it.
#include <algorithm>
#include <vector>

#include "support/argmax_law.h"
#include "support/check.h"
#include "support/guarded.h"

namespace {

using prumo::fuzz::Input;
using prumo::testing::Guarded;
using prumo::testing::kSpecialFloats;

constexpr std::size_t kMaxFloats = 8192;   // 16 of the spans that the kernels work in
constexpr std::size_t kMaxShifted = 1024;  // longer ones are looked at once

std::vector<float> raw(Input& in) {
  std::vector<float> x(std::min(in.size() / sizeof(float), kMaxFloats));
  for (float& value : x) value = in.take<float>();
  return x;
}

std::vector<float> of_four(Input& in) {
  const auto draw = in.take<std::uint16_t>();
  std::vector<float> x;
  while (in.size() != 0 && x.size() < kMaxFloats) {
    const auto four = in.take<std::uint8_t>();
    for (unsigned shift = 0; shift < 8; shift += 2) {
      const unsigned which = (four >> shift) & 3u;
      x.push_back(kSpecialFloats[((draw >> (4 * which)) & 15u) % kSpecialFloats.size()]);
    }
  }
  return x;
}

std::vector<float> runs(Input& in) {
  std::vector<float> x;
  while (in.size() != 0 && x.size() < kMaxFloats) {
    const float value = kSpecialFloats[in.take<std::uint8_t>() % kSpecialFloats.size()];
    const auto count = in.take<std::uint16_t>();
    const std::size_t n = count >= 0xE000u ? (count & 0x1FFFu) * std::size_t{16} : count & 0xFFFu;
    x.insert(x.end(), std::min(n, kMaxFloats - x.size()), value);
  }
  return x;
}

void check_all(const float* place, const std::vector<float>& x) {
  const std::string fault = prumo::testing::argmax_law_at(place, x);
  CHECK(fault.empty(), fault);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input in(data, size);
  const bool at_end = size % 2 == 0;
  const auto header = in.take<std::uint8_t>();
  const std::size_t offset = header >> 2;
  const unsigned mode = header & 3u;
  const std::vector<float> x = mode == 3 ? runs(in) : mode == 2 ? of_four(in) : raw(in);

  // Between the pages, the floats and `offset` others that must not be seen.
  static Guarded<float> pages(kMaxFloats + 64, Guarded<float>::Side::kRight);
  static Guarded<float> pages_before(kMaxFloats + 64, Guarded<float>::Side::kLeft);
  float* place = at_end ? pages.data() + pages.size() - x.size() : pages_before.data();
  std::copy(x.begin(), x.end(), place);
  check_all(place, x);
  if (x.size() > kMaxShifted) return 0;

  std::unique_ptr<float[]> shifted(new float[offset + x.size()]);
  for (std::size_t i = 0; i < offset; ++i) shifted[i] = kSpecialFloats[7 + i % 2];  // +inf, NaN
  std::copy(x.begin(), x.end(), shifted.get() + offset);
  check_all(shifted.get() + offset, x);
  return 0;
}
