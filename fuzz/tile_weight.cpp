// Any logits, maximum and scale within the contract, against weights summed one by one.
#include "support/check.h"
#include "support/select_law.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace prumo;
  fuzz::Input input(data, size);
  float scale = std::fabs(input.take<float>());
  if (!(scale > 0) || !std::isfinite(scale)) scale = 1;
  const auto raise = input.take<std::uint8_t>();  // how far above the largest the maximum stands
  std::vector<float> x(input.size() / sizeof(float));
  float max = -std::numeric_limits<float>::infinity();
  for (float& v : x) {
    v = input.take<float>();
    if (testing::is_nan(v) || v == std::numeric_limits<float>::infinity()) v = 0;
    max = std::max(max, v);
  }
  if (max + static_cast<float>(raise) < std::numeric_limits<float>::infinity()) {
    max += static_cast<float>(raise);
  }
  if (!std::isfinite(max)) max = 0;  // nothing but -inf
  const std::string fault = testing::tile_weight_law(x, max, scale);
  CHECK(fault.empty(), fault);
  return 0;
}
