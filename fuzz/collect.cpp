// Any floats and threshold, against a loop that keeps one at a time.
#include "support/check.h"
#include "support/select_law.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace prumo;
  fuzz::Input input(data, size);
  const auto least = input.take<float>();
  const std::uint32_t first = input.take<std::uint32_t>() >> 1;
  std::vector<float> x(input.size() / sizeof(float));
  for (float& v : x) v = input.take<float>();
  const std::string fault = testing::collect_law(x, least, first);
  CHECK(fault.empty(), fault);
  return 0;
}
