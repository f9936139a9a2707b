// Sums of any two vectors: every table against sums made in double.
#include "support/floats_of.h"
#include "support/vector_laws.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace prumo;
  fuzz::Input in(data, size);
  const std::size_t n = in.size() / 8 < 300 ? in.size() / 8 : 300;
  const auto x = fuzz::take_floats(in, n);
  const auto y = fuzz::take_floats(in, n);
  const std::string fault = testing::add_law(x, y);
  CHECK(fault.empty(), fault);
  return 0;
}
