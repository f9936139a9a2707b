// Attention over one key range of a Q8_0 cache: by hand, every table against the oracle, and how
// far from the truth.
#include <gtest/gtest.h>

#include "support/accuracy.h"
#include "support/attention_q8_0_law.h"

namespace prumo::testing {
namespace {

// Scores 254 and 127; by a scale of 1 the second weighs e^-127, which is 0. The value is -2 * 3.
TEST(QuantizedAttention, ByHand) {
  QuantizedAttention a;
  a.n_keys = 2;
  QuantizedBlock q{};
  q.q[5] = 127;
  q.scale = 1;
  complete(q);
  a.q = {q};
  a.keys.assign(64, std::byte{0});
  a.keys[5] = std::byte{2};
  a.keys[32 + 5] = std::byte{1};
  a.key_scales = {0x3C00, 0x3C00};  // 1
  a.values.assign(64, std::byte{static_cast<unsigned char>(-2)});
  a.value_scales = {0x4200, 0x3C00};  // 3, 1
  for (const Kernels* table : tables()) {
    std::string fault;
    const Attended got = attend(*table, a, fault);
    EXPECT_EQ(fault, "");
    EXPECT_EQ(got.max[0], 254);
    EXPECT_EQ(got.sum[0], 1);
    EXPECT_EQ(got.out, std::vector<float>(32, -6.0f)) << table->name;
  }
}

TEST(QuantizedAttention, EveryNumberOfKeys) {
  Bits bits(2);
  for (std::size_t n_keys = 1; n_keys <= kKeyRange; ++n_keys) {
    ASSERT_EQ(quantized_attention_law(make_quantized_attention(
                  1 + bits.below(5), 32 * (1 + bits.below(2)), n_keys, Values::kOrdinary, bits)),
              "");
  }
}

TEST(QuantizedAttention, EveryHeadSizeNumberOfHeadsAndTokens) {
  Bits bits(3);
  for (std::size_t head_dim = 32; head_dim <= 256; head_dim += 32) {
    ASSERT_EQ(quantized_attention_law(make_quantized_attention(
                  1 + bits.below(9), head_dim, 1 + bits.below(70), Values::kOrdinary, bits)),
              "");
  }
  for (std::size_t heads = 0; heads <= 17; ++heads) {
    ASSERT_EQ(
        quantized_attention_law(make_quantized_attention(heads, 64, 37, Values::kOrdinary, bits)),
        "");
  }
  for (std::size_t tokens = 1; tokens <= 26; ++tokens) {
    for (std::size_t heads : {1u, 3u, 8u}) {
      const std::size_t n_keys = tokens % 3 == 0 ? 230 + bits.below(27) : 1 + bits.below(40);
      ASSERT_EQ(quantized_attention_law(make_quantized_attention(
                    heads, 32 * (1 + bits.below(3)), n_keys, Values::kOrdinary, bits, tokens)),
                "");
    }
  }
}

// What a token may not see may be anything.
TEST(QuantizedAttention, LaterKeysDoNotCount) {
  Bits bits(7);
  QuantizedAttention a = make_quantized_attention(3, 32, 20, Values::kOrdinary, bits, 4);
  for (auto* scales : {&a.key_scales, &a.value_scales}) {
    std::fill(scales->begin() + 20, scales->end(), std::uint16_t{0x7C00});
  }
  ASSERT_EQ(quantized_attention_law(a), "");
  for (const Kernels* table : tables()) {
    std::string fault;
    const Attended got = attend(*table, a, fault);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(std::isfinite(got.sum[i])) << table->name;
    for (std::size_t i = 0; i < 3 * 32; ++i) EXPECT_TRUE(std::isfinite(got.out[i]));
  }
}

TEST(QuantizedAttention, EveryKindOfNumber) {
  Bits bits(4);
  for (Values values : kAllValues) {
    for (int round = 0; round < 40; ++round) {
      ASSERT_EQ(quantized_attention_law(
                    make_quantized_attention(1 + bits.below(4), 32 * (1 + bits.below(2)),
                                             1 + bits.below(80), values, bits, 1 + bits.below(3))),
                "");
    }
  }
}

TEST(QuantizedAttention, IsNearTheTrueValue) {
  Bits bits(5);
  EXPECT_EQ(
      attention_accuracy(make_quantized_attention(2, 64, 256, Values::kOrdinary, bits)).fault(),
      "");
}

}  // namespace
}  // namespace prumo::testing
