// exp of any floats: one set of bits, NaN for NaN alone, order kept, and near the true value.
#include "support/exp_law.h"
#include "support/floats_of.h"

namespace {

/// Against the C library's in double: 1.2 ulps between the limits, whose reasons tests/exp.cpp
/// gives.
bool is_near(float x) {
  const float y = prumo::scalar::exp(x);
  if (std::isnan(x)) return std::isnan(y);
  if (x < -87.33f) return y == 0.0f && !std::signbit(y);
  if (x > 88.37f) return std::isinf(y) && y > 0;
  const double exact = std::exp(static_cast<double>(x));
  const double ulp = std::ldexp(1.0, std::ilogb(exact) - 23);
  return std::fabs(static_cast<double>(y) - exact) <= 1.2 * ulp;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace prumo;
  fuzz::Input in(data, size);
  while (in.size() >= 4) {
    const auto x = fuzz::take_floats(in, 16);
    const std::string fault = testing::exp_law(x.data());
    CHECK(fault.empty(), fault);
    for (float v : x) {
      CHECK(is_near(v), testing::shown(v));
      const float next = std::nextafter(v, std::numeric_limits<float>::infinity());
      CHECK(std::isnan(v) || scalar::exp(v) <= scalar::exp(next), testing::shown(v));
    }
  }
  return 0;
}
