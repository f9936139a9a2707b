// Softmax of any scores at any positive scale: numerators, maximum and sum against the contract.
#include "support/floats_of.h"
#include "support/vector_laws.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace prumo;
  fuzz::Input in(data, size);
  const float raw = std::fabs(in.take<float>());
  const float scale = raw > 0 && std::isfinite(raw) ? raw : 1.0f;
  // Any bits are rarely near one another, and then all weights but one are 0: half of the inputs
  // are 16-bit integers, in 1/256.
  const bool near = in.take<std::uint8_t>() % 2 == 0;
  std::vector<float> x;
  if (near) {
    while (in.size() >= 2 && x.size() < 600) {
      x.push_back(static_cast<float>(in.take<std::int16_t>()) / 256.0f);
    }
  } else {
    x = fuzz::take_rest(in, 300);
  }
  const std::string fault = testing::softmax_law(x, near ? 0.125f : scale);
  CHECK(fault.empty(), fault);
  return 0;
}
