// Rotations of any pairs by any table: every instruction set against the formula.
#include "support/floats_of.h"
#include "support/vector_laws.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace prumo;
  fuzz::Input in(data, size);
  const std::size_t pairs = in.size() / 16 < 150 ? in.size() / 16 : 150;
  const auto x = fuzz::take_floats(in, 2 * pairs);
  const auto angles = fuzz::take_floats(in, 2 * pairs);
  const std::string fault = testing::rope_law(x, angles);
  CHECK(fault.empty(), fault);
  return 0;
}
