// Laws of attention over one key range of a Q8_0 cache.
#include <gtest/gtest.h>

#include "support/accuracy.h"
#include "support/attention_q8_0_law.h"
#include "support/gen.h"

namespace prumo::testing {

namespace {
prumo::testing::QuantizedAttention draw_case(Values kind, std::size_t most_tokens) {
  const auto draw = [](std::size_t from, std::size_t to) {
    return *rc::gen::inRange<std::size_t>(from, to + 1);
  };
  Bits bits(*rc::gen::arbitrary<std::uint64_t>());
  const std::size_t n_keys = *rc::gen::oneOf(rc::gen::inRange<std::size_t>(1, 40),
                                             rc::gen::inRange<std::size_t>(1, kKeyRange + 1));
  auto a = make_quantized_attention(draw(1, 6), 32 * draw(1, 4), n_keys, kind, bits,
                                    draw(1, most_tokens));
  a.scale *= *rc::gen::element(0.25f, 1.0f, 4.0f);
  return a;
}
Values draw_kind() {
  return *rc::gen::elementOf(std::vector<Values>(kAllValues.begin(), kAllValues.end()));
}
}  // namespace

RC_GTEST_PROP(QuantizedAttentionLaw, EveryTableGivesTheOraclesBits, ()) {
  obeys(quantized_attention_law(draw_case(draw_kind(), 6)));
}

// Heads and tokens that share their keys give what each gives alone.
RC_GTEST_PROP(QuantizedAttentionLaw, RowsThatShareKeysGiveWhatEachGivesAlone, ()) {
  const auto a = draw_case(Values::kOrdinary, 6);
  for (const Kernels* table : tables()) {
    std::string fault;
    const Attended whole = attend(*table, a, fault);
    for (std::size_t r = 0; r < a.rows(); ++r) {
      auto one = a;
      one.tokens = one.heads = 1;
      one.n_keys = a.keys_of(r / a.heads);
      const auto first = a.q.begin() + static_cast<std::ptrdiff_t>(r * a.blocks());
      one.q.assign(first, first + static_cast<std::ptrdiff_t>(a.blocks()));
      const Attended alone = attend(*table, one, fault);
      const auto out = whole.out.begin() + static_cast<std::ptrdiff_t>(r * a.head_dim);
      RC_ASSERT(difference(alone, {{whole.max[r]},
                                   {whole.sum[r]},
                                   {out, out + static_cast<std::ptrdiff_t>(a.head_dim)}}) == "");
    }
    RC_ASSERT(fault == "");
  }
}

// A power of two in the values' scales goes through every rounding.
RC_GTEST_PROP(QuantizedAttentionLaw, DoublingTheValuesDoublesTheResult, ()) {
  const auto a = draw_case(Values::kOrdinary, 3);
  auto twice = a;
  for (std::uint16_t& h : twice.value_scales) h = static_cast<std::uint16_t>(h + 0x0400);
  for (const Kernels* table : tables()) {
    std::string fault;
    Attended wanted = attend(*table, a, fault);
    for (float& v : wanted.out) v *= 2;
    RC_ASSERT(difference(attend(*table, twice, fault), wanted) == "");
  }
}

RC_GTEST_PROP(QuantizedAttentionLaw, TheErrorIsBounded, ()) {
  RC_ASSERT(attention_accuracy(draw_case(Values::kOrdinary, 1)).fault() == "");
}

}  // namespace prumo::testing
