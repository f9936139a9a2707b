// Laws of attention over one key range.
#include <gtest/gtest.h>

#include "support/accuracy.h"
#include "support/attention_law.h"
#include "support/gen.h"

namespace prumo::testing {

namespace {
Attention draw_attention(Values kind, std::size_t most_tokens = 1) {
  const auto draw = [](std::size_t from, std::size_t to) {
    return *rc::gen::inRange<std::size_t>(from, to + 1);
  };
  Bits bits(*rc::gen::arbitrary<std::uint64_t>());
  const std::size_t n_keys = *rc::gen::oneOf(rc::gen::inRange<std::size_t>(1, 40),
                                             rc::gen::inRange<std::size_t>(1, kKeyRange + 1));
  Attention a = make_attention(*rc::gen::arbitrary<bool>(), draw(1, 6), 2 * draw(1, 36), n_keys,
                               kind, bits, draw(1, most_tokens));
  a.scale = *rc::gen::element(a.scale, 1.0f, 0.25f);
  return a;
}
Values draw_kind() {
  return *rc::gen::elementOf(std::vector<Values>(kAllValues.begin(), kAllValues.end()));
}
}  // namespace

RC_GTEST_PROP(Attention, EveryTableGivesTheOraclesBits, ()) {
  obeys(attention_law(draw_attention(draw_kind(), 6)));
}

RC_GTEST_PROP(Attention, RowsThatShareKeysGiveWhatEachGivesAlone, ()) {
  obeys(rows_law(draw_attention(draw_kind(), 6)));
}

// The first dimensions are shared; then keys have one dimension more in which q is 0: scores stay.
RC_GTEST_PROP(Attention, DimensionsThatQIgnoresChangeNoWeight, ()) {
  Attention a = draw_attention(Values::kOrdinary);
  for (std::size_t h = 0; h < a.heads; ++h) a.q[h * a.head_dim + a.head_dim - 1] = 0;
  Attention b = a;
  for (std::size_t k = 0; k < a.n_keys; ++k) {
    const std::size_t last = k * a.head_dim + a.head_dim - 1;
    if (a.half) b.keys_f16[last] = 0x4900;
    if (!a.half) b.keys_f32[last] = 10;
  }
  for (const Kernels* table : tables()) {
    std::string fault;
    const Attended first = attend(*table, a, fault);
    RC_ASSERT(difference(attend(*table, b, fault), first) == "");
    RC_ASSERT(fault == "");
  }
}

// A weighted sum lies between sum * least and sum * greatest value. In roundings u, of the sum of
// |p v|: both sums add n keys, one rounding each, so they are apart by at most 2 n u of it.
RC_GTEST_PROP(Attention, ResultsLieWithinTheValues, ()) {
  const Attention a = draw_attention(Values::kOrdinary);
  const std::vector<float> values = a.values();
  for (const Kernels* table : tables()) {
    std::string fault;
    const Attended got = attend(*table, a, fault);
    for (std::size_t h = 0; h < a.heads; ++h) {
      for (std::size_t d = 0; d < a.head_dim; ++d) {
        double least = 1e300;
        double greatest = -1e300;
        for (std::size_t k = 0; k < a.n_keys; ++k) {
          const double v = static_cast<double>(values[k * a.head_dim + d]);
          least = std::min(least, v);
          greatest = std::max(greatest, v);
        }
        const double sum = static_cast<double>(got.sum[h]);
        const double out = static_cast<double>(got.out[h * a.value_stride + d]);
        const double largest = std::max(std::fabs(least), std::fabs(greatest));
        const double slack =
            1.001 * 2 * static_cast<double>(a.n_keys) * kUnitRoundoff * sum * largest;
        RC_ASSERT(out >= sum * least - slack && out <= sum * greatest + slack);
      }
    }
  }
}

RC_GTEST_PROP(Attention, DoublingTheValuesDoublesTheResult, ()) {
  Attention a = draw_attention(Values::kOrdinary);
  a.half = false;
  Bits bits(*rc::gen::arbitrary<std::uint64_t>());
  a.keys_f32 = make_floats(a.n_keys * a.head_dim, Values::kOrdinary, bits);
  a.values_f32 = make_floats(a.n_keys * a.head_dim, Values::kOrdinary, bits);
  Attention twice = a;
  for (float& v : twice.values_f32) v *= 2;
  for (const Kernels* table : tables()) {
    std::string fault;
    Attended wanted = attend(*table, a, fault);
    for (float& v : wanted.out) v *= 2;
    RC_ASSERT(difference(attend(*table, twice, fault), wanted) == "");
  }
}

RC_GTEST_PROP(Attention, TheErrorIsBounded, ()) {
  Bits bits(*rc::gen::arbitrary<std::uint64_t>());
  const bool half = *rc::gen::arbitrary<bool>();
  const auto heads = *rc::gen::inRange<std::size_t>(1, 5);
  const auto head_dim = 2 * *rc::gen::inRange<std::size_t>(1, 40);
  const auto n_keys = *rc::gen::inRange<std::size_t>(1, kKeyRange + 1);
  prumo::testing::Attention a =
      make_attention(half, heads, head_dim, n_keys, Values::kOrdinary, bits);
  for (float& q : a.q) q *= static_cast<float>(1 + n_keys % 7);  // some keys stand out
  RC_ASSERT(attention_accuracy(a).fault() == "");
}

}  // namespace prumo::testing
