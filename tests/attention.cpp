// Attention over one key range: by hand, every table against the oracle, and how far from the
// truth.
#include <gtest/gtest.h>

#include "support/attention_law.h"

namespace prumo::testing {
namespace {

TEST(Attention, ByHand) {
  // Scores 3 and 1 by q = (1, 1); a scale of 50 makes the second weigh e^-100, which is 0.
  Attention a;
  a.half = false;
  a.n_keys = 2;
  a.scale = 50;
  a.q = {1, 1};
  a.keys_f32 = {1, 2, 0, 1};
  a.values_f32 = {5, -7, 100, 100};
  for (const Kernels* table : tables()) {
    std::string fault;
    const Attended got = attend(*table, a, fault);
    EXPECT_EQ(fault, "");
    EXPECT_EQ(got.max[0], 3);
    EXPECT_EQ(got.sum[0], 1);
    std::vector<float> out(16, 0.0f);
    out[0] = 5;
    out[1] = -7;
    EXPECT_EQ(got.out, out) << table->name;
  }
}

TEST(Attention, EqualKeysGiveTheSumOfTheValues) {
  for (bool half : {false, true}) {
    Attention a;
    a.half = half;
    a.n_keys = 37;
    a.head_dim = 4;
    a.q = {1, 2, 3, 4};
    for (std::size_t k = 0; k < a.n_keys; ++k) {
      for (std::size_t d = 0; d < 4; ++d) {
        a.keys_f32.push_back(0.5f);
        a.keys_f16.push_back(0x3800);  // 0.5
        a.values_f32.push_back(d == 0 ? 1.0f : 0.0f);
        a.values_f16.push_back(static_cast<std::uint16_t>(d == 0 ? 0x3C00 : 0));  // 1
      }
    }
    for (const Kernels* table : tables()) {
      std::string fault;
      const Attended got = attend(*table, a, fault);
      EXPECT_EQ(got.max[0], 5);
      EXPECT_EQ(got.sum[0], 37);
      EXPECT_EQ(got.out[0], 37);
      EXPECT_EQ(got.out[1], 0);
    }
  }
}

TEST(Attention, OneKeyGivesItsValue) {
  Bits bits(1);
  for (bool half : {false, true}) {
    for (std::size_t head_dim : {2u, 16u, 64u, 80u}) {
      const Attention a = make_attention(half, 3, head_dim, 1, Values::kOrdinary, bits);
      for (const Kernels* table : tables()) {
        std::string fault;
        const Attended got = attend(*table, a, fault);
        for (std::size_t h = 0; h < 3; ++h) {
          EXPECT_EQ(got.sum[h], 1);
          for (std::size_t d = 0; d < head_dim; ++d) {
            EXPECT_EQ(got.out[h * a.value_stride + d], a.values()[d]) << table->name;
          }
        }
      }
    }
  }
}

TEST(Attention, EveryNumberOfKeys) {
  Bits bits(2);
  for (std::size_t n_keys = 1; n_keys <= kKeyRange; ++n_keys) {
    const bool half = n_keys % 2 == 0;
    const std::size_t heads = 1 + bits.below(5);
    ASSERT_EQ(attention_law(make_attention(half, heads, 2 * (1 + bits.below(20)), n_keys,
                                           Values::kOrdinary, bits)),
              "");
  }
}

TEST(Attention, EveryHeadSizeAndNumberOfHeads) {
  Bits bits(3);
  for (std::size_t head_dim = 2; head_dim <= 134; head_dim += 2) {
    for (bool half : {false, true}) {
      ASSERT_EQ(attention_law(make_attention(half, 1 + bits.below(9), head_dim, 1 + bits.below(70),
                                             Values::kOrdinary, bits)),
                "");
    }
  }
  for (std::size_t heads = 0; heads <= 17; ++heads) {
    for (bool half : {false, true}) {
      const Attention a = make_attention(half, heads, 32, 65, Values::kOrdinary, bits);
      ASSERT_EQ(attention_law(a), "");
      ASSERT_EQ(rows_law(a), "");
    }
  }
}

TEST(Attention, TokensInARowSeeOneKeyMoreEach) {
  Bits bits(6);
  for (std::size_t tokens = 1; tokens <= 26; ++tokens) {
    for (std::size_t heads : {1u, 2u, 3u, 5u, 8u}) {
      for (bool half : {false, true}) {
        const std::size_t n_keys = 1 + bits.below(kKeyRange);
        const Attention a = make_attention(half, heads, 2 * (1 + bits.below(20)), n_keys,
                                           Values::kOrdinary, bits, tokens);
        ASSERT_EQ(attention_law(a), "");
        if (tokens % 5 == 1) {
          ASSERT_EQ(rows_law(a), "");
        }
      }
    }
  }
}

// What a token may not see may be anything.
TEST(Attention, LaterKeysDoNotCount) {
  Bits bits(7);
  for (bool half : {false, true}) {
    Attention a = make_attention(half, 3, 16, 20, Values::kOrdinary, bits, 4);
    for (auto* halves : {&a.keys_f16, &a.values_f16}) {
      if (half) std::fill(halves->begin() + 20 * 16, halves->end(), std::uint16_t{0x7C00});
    }
    for (auto* floats : {&a.keys_f32, &a.values_f32}) {
      if (half) continue;
      std::fill(floats->begin() + 20 * 16, floats->end(), std::numeric_limits<float>::infinity());
    }
    ASSERT_EQ(attention_law(a), "");
    for (const Kernels* table : tables()) {
      std::string fault;
      const Attended got = attend(*table, a, fault);
      for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(std::isfinite(got.sum[i])) << table->name;
      for (std::size_t i = 0; i < 3 * a.value_stride; ++i) EXPECT_TRUE(std::isfinite(got.out[i]));
    }
  }
}

TEST(Attention, EveryKindOfNumber) {
  Bits bits(4);
  for (Values values : kAllValues) {
    for (bool half : {false, true}) {
      for (int round = 0; round < 40; ++round) {
        const std::size_t heads = 1 + bits.below(4);
        ASSERT_EQ(attention_law(make_attention(half, heads, 2 * (1 + bits.below(17)),
                                               1 + bits.below(80), values, bits)),
                  "");
      }
    }
  }
}

// With u one rounding and S the sum of |k q| over a head: a score is off by head_dim u S, so a
// weight's argument by scale times twice the largest of those, plus 2 u |t|; exp multiplies by that
// and adds 2.4 u (tests/exp.cpp); the sum over keys adds n u of what it adds up.
TEST(Attention, IsNearTheTrueValue) {
  Bits bits(5);
  for (bool half : {false, true}) {
    const Attention a = make_attention(half, 2, 64, 256, Values::kOrdinary, bits);
    const std::vector<float> keys = a.keys();
    const std::vector<float> values = a.values();
    for (const Kernels* table : tables()) {
      std::string fault;
      const Attended got = attend(*table, a, fault);
      for (std::size_t h = 0; h < a.heads; ++h) {
        std::vector<double> score(a.n_keys);
        double max = -1e300;
        double score_bound = 0;
        for (std::size_t k = 0; k < a.n_keys; ++k) {
          double size = 0;
          for (std::size_t d = 0; d < a.head_dim; ++d) {
            const double term = static_cast<double>(keys[k * a.head_dim + d]) *
                                static_cast<double>(a.q[h * a.head_dim + d]);
            score[k] += term;
            size += std::fabs(term);
          }
          score_bound = std::max(score_bound, 64 * kUnitRoundoff * size);
          max = std::max(max, score[k]);
        }
        for (std::size_t d = 0; d < a.head_dim; ++d) {
          double exact = 0;
          double bound = 0;
          for (std::size_t k = 0; k < a.n_keys; ++k) {
            const double t = (score[k] - max) * static_cast<double>(a.scale);
            const double term = std::exp(t) * static_cast<double>(values[k * a.head_dim + d]);
            const double relative =
                2 * static_cast<double>(a.scale) * score_bound +
                kUnitRoundoff * (2 * std::fabs(t) + 2.4 + static_cast<double>(a.n_keys));
            exact += term;
            bound += 1.001 * relative * std::fabs(term);
          }
          const double out = static_cast<double>(got.out[h * a.value_stride + d]);
          ASSERT_LE(std::fabs(out - exact), bound) << table->name;
        }
      }
    }
  }
}

}  // namespace
}  // namespace prumo::testing
