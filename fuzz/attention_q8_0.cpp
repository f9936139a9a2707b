// Attention over a Q8_0 cache of any shape and bits: every table against the contract's sums, one
// step at a time.
#include "support/attention_q8_0_law.h"
#include "support/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace prumo;
  constexpr std::size_t kMostProducts = 8192;  // what an execution may cost
  fuzz::Input in(data, size);
  const auto below = [&in](std::size_t n) { return in.take<std::uint8_t>() % n; };
  const std::size_t heads = 1 + below(6);
  const std::size_t head_dim = kBlock * (1 + below(4));
  const std::size_t tokens = 1 + below(3) * below(3);
  const std::size_t most_keys = kMostProducts / (heads * head_dim * tokens) + 1;
  const std::size_t n_keys = 1 + below(most_keys < kKeyRange ? most_keys : kKeyRange);
  const auto kind = static_cast<testing::Values>(below(4));
  const std::size_t raw = below(8);
  const float scale = std::fabs(in.take<float>());
  testing::Bits bits(in.take<std::uint32_t>());

  auto a = testing::make_quantized_attention(heads, head_dim, n_keys, kind, bits, tokens);
  if (scale > 0 && std::isfinite(scale) && raw % 2 == 1) a.scale = scale;
  const auto replace = [&](auto& values) {
    for (auto& v : values) {
      if (in.size() < sizeof v) return;
      v = in.take<std::decay_t<decltype(v)>>();
    }
  };
  if ((raw & 2) != 0) {
    replace(a.key_scales);
    replace(a.value_scales);
  }
  if ((raw & 4) != 0) {
    for (QuantizedBlock& block : a.q) {
      if (in.size() < kBlock) break;
      for (std::int8_t& q : block.q) {
        const auto byte = in.take<std::int8_t>();
        q = byte == -128 ? std::int8_t{-127} : byte;
      }
      testing::complete(block);
    }
    replace(a.values);
    replace(a.keys);
  }
  const std::string fault = testing::quantized_attention_law(a);
  CHECK(fault.empty(), fault);
  return 0;
}
