// Any floats to binary16: every table gives the nearest, by their values.
#include "support/floats_of.h"
#include "support/narrow_law.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace prumo;
  fuzz::Input in(data, size);
  const std::string fault = testing::narrow_law(fuzz::take_rest(in, 600));
  CHECK(fault.empty(), fault);
  return 0;
}
