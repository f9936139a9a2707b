// Any logits and any options that pass check(), against the sorting reference, on every table. The
// first byte says how logits are made: floats as they come, a byte each (ties abound), or a shape
// with bytes laid over it.
#include "support/check.h"
#include "support/sampler_law.h"

namespace {

using prumo::fuzz::Input;
using prumo::testing::Bits;
using prumo::testing::kAllShapes;

std::vector<float> take_logits(Input& input, std::uint8_t kind) {
  if (kind % 4 == 0) {
    std::vector<float> out(std::max<std::size_t>(1, std::min<std::size_t>(input.size() / 4, 1024)));
    for (float& x : out) x = input.take<float>();
    return out;
  }
  if (kind % 4 == 1) {
    std::vector<float> out(std::max<std::size_t>(1, std::min<std::size_t>(input.size(), 1024)));
    for (float& x : out) x = static_cast<float>(input.take<std::int8_t>()) / 4;
    return out;
  }
  const auto shape = kAllShapes[input.in_range(0, kAllShapes.size() - 1)];
  const std::size_t n = input.in_range(1, kind % 4 == 2 ? 700 : 5000);
  Bits bits(input.take<std::uint32_t>());
  std::vector<float> out = prumo::testing::make_logits(shape, n, bits);
  while (input.size() != 0) {
    float& x = out[input.take<std::uint16_t>() % n];
    x = input.take<float>();
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace prumo;
  Input input(data, size);
  const auto kind = input.take<std::uint8_t>();
  SamplerOptions options;
  options.temperature = input.take<float>();
  options.top_k = input.take<std::uint16_t>();
  options.top_p = input.take<float>();
  options.min_p = input.take<float>();
  options.seed = input.take<std::uint64_t>();
  const auto position = input.take<std::uint64_t>();
  // Options in their range by an oracle of their own: the comparisons that a NaN fails.
  const bool good = options.temperature >= 0 && options.temperature < INFINITY &&
                    options.top_p > 0 && options.top_p <= 1 && options.min_p >= 0 &&
                    options.min_p < 1;
  const Status status = check(options);
  CHECK(status.ok() == good, testing::shown(options));
  CHECK(status.ok() || status.error().code == ErrorCode::kBadArgument, "the code");
  if (!good) return 0;
  const std::vector<float> logits = take_logits(input, kind);
  const std::string fault = testing::sampler_law(logits, options, position, 1);
  CHECK(fault.empty(), fault);
  return 0;
}
