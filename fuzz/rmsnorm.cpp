// RMS normalization of any vector: every table against the lanes of the contract.
#include "support/floats_of.h"
#include "support/vector_laws.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace prumo;
  fuzz::Input in(data, size);
  const float eps = in.take<std::uint8_t>() % 4 == 0 ? in.take<float>() : 1e-5f;
  const std::size_t n = 1 + (in.size() / 8 < 300 ? in.size() / 8 : 300);
  const auto x = fuzz::take_floats(in, n);
  const auto weight = fuzz::take_floats(in, n);
  const std::string fault = testing::rmsnorm_law(x, weight, eps);
  CHECK(fault.empty(), fault);
  return 0;
}
