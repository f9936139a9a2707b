// Quantized activations of any bits: every table's blocks against blocks made in double.
#include "support/floats_of.h"
#include "support/quantize_law.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace prumo;
  fuzz::Input in(data, size);
  const std::size_t shift = in.take<std::uint8_t>() % 16;
  const bool near = in.take<std::uint8_t>() % 2 == 0;
  const auto exponent = static_cast<int>(in.take<std::uint8_t>()) - 128;
  std::vector<float> x;
  if (near) {
    // 16-bit integers times a power of two: quants of all sizes, ties often.
    while (in.size() >= 2 && x.size() < 512) {
      x.push_back(std::ldexp(static_cast<float>(in.take<std::int16_t>()), exponent));
    }
  } else {
    x = fuzz::take_rest(in, 256);
  }
  x.resize(x.size() / kBlock * kBlock);
  const std::string fault = testing::quantize_law(x.data(), x.size(), shift);
  CHECK(fault.empty(), fault);
  return 0;
}
