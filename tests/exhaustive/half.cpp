// Every float to 16 bits and every 16-bit float back, as functions and inside of each kernel that
// converts on its way.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/half.h"
#include "support/attention_law.h"
#include "support/every.h"
#include "support/matmul_law.h"
#include "support/narrow_law.h"

namespace prumo::testing {
namespace {

using gguf::TensorType;

constexpr std::size_t kAtOnce = 4096;

// 2^32 floats: the portable code, and what each instruction set makes of them. The NaNs of the
// conversions are quiet and have no promised payload.
TEST(HalfWhole, EveryFloatNarrowsAlikeOnEveryIsa) {
  Strides strides(2000);
  std::array<float, kAtOnce> x{};
  std::array<std::uint16_t, kAtOnce> wanted{};
  std::array<std::uint16_t, kAtOnce> y{};
  for (std::uint64_t b = 0; b < std::uint64_t{1} << 32; b += kAtOnce * strides.next()) {
    for (std::size_t i = 0; i < kAtOnce; ++i) {
      x[i] = std::bit_cast<float>(static_cast<std::uint32_t>(b + i));
      wanted[i] = float_to_half(x[i]);
    }
    for (const Kernels* table : tables()) {
      // The scalar one is the portable code itself, so every eighth call will do.
      if (table->isa == Isa::kScalar && b / kAtOnce % 8 != 0) continue;
      table->narrow(x.data(), kAtOnce, y.data());
      if (y == wanted) continue;
      for (std::size_t i = 0; i < kAtOnce; ++i) {
        ASSERT_TRUE(same_half(y[i], wanted[i])) << table->name << ": " << shown(x[i]);
      }
    }
  }
}

// tests/half.cpp looks at both neighbours of every half and at every middle; since the conversion
// never falls, those decide what every float becomes.
TEST(HalfWhole, TheConversionNeverFalls) {
  Strides strides(200000);
  for (const std::uint32_t sign : {0u, 0x80000000u}) {
    std::uint16_t last = 0;
    for (std::uint64_t b = 0; b <= 0x7F800000u; b += strides.next()) {
      const auto x = std::bit_cast<float>(static_cast<std::uint32_t>(b) | sign);
      const auto h = static_cast<std::uint16_t>(float_to_half(x) & 0x7FFF);
      ASSERT_GE(h, last) << shown(x);
      last = h;
    }
  }
}

// Of a float's lower 16 bits only their order to the middle counts, and whether the upper are even.
TEST(Bf16Whole, EveryUpperHalfWithEveryKindOfLowerHalf) {
  for (std::uint32_t upper = 0; upper < 65536; ++upper) {
    const bool infinite_or_nan = (upper & 0x7F80u) == 0x7F80u;
    for (const std::uint32_t lower : {0u, 1u, 0x7FFFu, 0x8000u, 0x8001u, 0xFFFFu}) {
      const std::uint16_t h = float_to_bf16(std::bit_cast<float>(upper << 16 | lower));
      const bool nan = infinite_or_nan && ((upper & 0x7Fu) | lower) != 0;
      if (nan) {
        ASSERT_EQ(h, upper | 0x40u);
      } else {
        const bool up = lower > 0x8000u || (lower == 0x8000u && upper % 2 == 1);
        ASSERT_EQ(h, upper + (up ? 1u : 0u)) << upper << " " << lower;
      }
    }
  }
}

// A matrix of one column whose rows are all 65536 values, times numbers of every kind.
void every_weight(TensorType type) {
  const std::vector<float> numbers = {1.0f,  -1.0f, 0.5f,     3.0f,     0.0f,
                                      -0.0f, 1e30f, 0x1p-30f, 0x1p-149f};
  for (const std::size_t tokens : {std::size_t{1}, std::size_t{4}, numbers.size()}) {
    Product p{.type = type, .rows = 65536, .columns = 1, .tokens = tokens};
    p.panel_end = p.panels();
    p.y_stride = p.rows;
    p.x.assign(numbers.begin(), numbers.begin() + static_cast<std::ptrdiff_t>(tokens));
    p.file.resize(2 * p.rows);
    for (std::size_t h = 0; h < 65536; ++h) {
      store_u16(p.file.data() + 2 * h, static_cast<std::uint16_t>(h));
    }
    ASSERT_EQ(product_law(p), "");
  }
}

TEST(HalfWhole, EveryWeightOfAMatrix) {
  every_weight(TensorType::kF16);
}
TEST(Bf16Whole, EveryWeightOfAMatrix) {
  every_weight(TensorType::kBF16);
}

// The activations of a BF16 matrix are rounded on the way in: every upper half with the lower
// halves that decide, each alone in its token. Infinities and NaN make every row NaN.
TEST(Bf16Whole, EveryActivationOfAMatrix) {
  Every every(50);
  constexpr std::size_t kTokens = 512;
  Product p{.type = TensorType::kBF16, .rows = 2, .columns = 2, .tokens = kTokens};
  p.panel_end = 1;
  p.y_stride = kPanelRows;
  p.file.resize(8);
  for (std::size_t i = 0; i < 4; ++i)
    store_u16(p.file.data() + 2 * i, i == 0 || i == 3 ? 0x3F80 : 0);
  for (const std::uint32_t lower : {0u, 1u, 0x7FFFu, 0x8000u, 0x8001u, 0xFFFFu}) {
    for (std::uint32_t upper = 0; upper < 65536; upper += kTokens) {
      if (!every()) continue;
      p.x.assign(2 * kTokens, 0.0f);
      for (std::uint32_t t = 0; t < kTokens; ++t) {
        p.x[2 * t + t % 2] = std::bit_cast<float>((upper + t) << 16 | lower);
      }
      ASSERT_EQ(product_law(p), "") << upper << " " << lower;
    }
  }
}

// As a key each value is a score, as a value it is an output: alone, and in each of 16 lanes.
TEST(HalfWhole, EveryKeyAndValueOfAttention) {
  Every every(200);
  Attention a;
  a.head_dim = 64;
  a.value_stride = 64;
  a.q.assign(a.head_dim, 0.0f);
  a.q[0] = 1.0f;
  for (std::uint32_t first = 0; first < 65536; first += 64) {
    if (!every()) continue;
    a.n_keys = 1;
    a.keys_f16.assign(a.head_dim, 0);
    a.values_f16.resize(a.head_dim);
    for (std::uint32_t d = 0; d < 64; ++d) {
      a.values_f16[d] = static_cast<std::uint16_t>(first + d);
    }
    a.side = kSides[first / 64 % 2];
    ASSERT_EQ(attention_law(a), "") << "values from " << first;
  }
  a.head_dim = 2;
  a.value_stride = 16;
  a.q = {1.0f, 0.0f};
  Every some(2000);
  for (std::uint32_t h = 0; h < 65536; ++h) {
    if (!some()) continue;
    a.n_keys = 1 + h % 16;
    a.keys_f16.assign(a.n_keys * 2, 0xFBFF);  // the least: it loses to all but -inf and NaN
    a.keys_f16[(a.n_keys - 1) * 2] = static_cast<std::uint16_t>(h);
    a.keys_f16[(a.n_keys - 1) * 2 + 1] = 0;
    a.values_f16.assign(a.n_keys * 2, 0x3C00);
    ASSERT_EQ(attention_law(a), "") << "key " << h;
  }
}

}  // namespace
}  // namespace prumo::testing
