// Attention of any shape and bits: every table against the contract's sums, one step at a time.
#include "support/attention_law.h"
#include "support/check.h"

namespace {

template <class T>
void replace_all(prumo::fuzz::Input& in, std::vector<T>& values) {
  for (T& v : values) {
    if (in.size() < sizeof(T)) return;
    v = in.take<T>();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace prumo;
  constexpr std::size_t kMostProducts = 8192;  // what an execution may cost
  fuzz::Input in(data, size);
  const auto below = [&in](std::size_t n) { return in.take<std::uint8_t>() % n; };
  const bool half = below(2) == 0;
  const std::size_t heads = 1 + below(6);
  const std::size_t head_dim = 2 * (1 + below(34));
  const std::size_t tokens = 1 + below(3) * below(3);
  const std::size_t most_keys = kMostProducts / (heads * head_dim * tokens) + 1;
  const std::size_t n_keys = 1 + below(most_keys < kKeyRange ? most_keys : kKeyRange);
  const auto kind = static_cast<testing::Values>(below(4));
  const std::size_t raw = below(8);
  const float scale = std::fabs(in.take<float>());
  testing::Bits bits(in.take<std::uint32_t>());

  testing::Attention a = testing::make_attention(half, heads, head_dim, n_keys, kind, bits, tokens);
  if (scale > 0 && std::isfinite(scale) && raw % 2 == 1) a.scale = scale;
  if ((raw & 2) != 0) replace_all(in, a.q);
  if ((raw & 4) != 0) {
    replace_all(in, a.keys_f16);  // of the other kind there are none
    replace_all(in, a.keys_f32);
    replace_all(in, a.values_f16);
    replace_all(in, a.values_f32);
  }
  const std::string fault = testing::attention_law(a);
  CHECK(fault.empty(), fault);
  return 0;
}
