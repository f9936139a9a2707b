// Key ranges of any shape and bits joined: every table against the contract's sums.
#include "support/floats_of.h"
#include "support/merge_law.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace prumo;
  fuzz::Input in(data, size);
  const auto below = [&in](std::size_t n) { return in.take<std::uint8_t>() % n; };
  const std::size_t ranges = 1 + below(20);
  const std::size_t head_dim = 1 + below(100);
  const auto kind = static_cast<testing::Values>(below(4));
  const std::size_t raw = below(8);
  const float scale = std::fabs(in.take<float>());
  testing::Bits bits(in.take<std::uint32_t>());
  testing::Merge m = testing::make_merge(ranges, head_dim, kind, bits);
  m.scale = scale > 0 && std::isfinite(scale) ? scale : 1.0f;
  if ((raw & 1) != 0) m.max = fuzz::take_floats(in, m.max.size());
  if ((raw & 2) != 0) m.sum = fuzz::take_floats(in, m.sum.size());
  if ((raw & 4) != 0) m.out = fuzz::take_floats(in, m.out.size());
  const std::string fault = testing::merge_law(m);
  CHECK(fault.empty(), fault);
  return 0;
}
