// 16-bit floats against their definition, against the processor's own conversions, and at every
// boundary between two of them.
#include "base/half.h"

#include <gtest/gtest.h>

#include "kernels/isa.h"
#include "support/oracles.h"

namespace prumo::testing {
namespace {

static_assert(half_to_float(0x3C00) == 1.0f && float_to_half(1.0f) == 0x3C00);
static_assert(bf16_to_float(0x3F80) == 1.0f && float_to_bf16(1.0f) == 0x3F80);

std::uint32_t bits_of(float x) {
  return std::bit_cast<std::uint32_t>(x);
}
float from_bits(std::uint32_t x) {
  return std::bit_cast<float>(x);
}
bool is_half_nan(std::uint16_t h) {
  return (h & 0x7FFF) > 0x7C00;
}
bool is_bf16_nan(std::uint16_t h) {
  return (h & 0x7FFF) > 0x7F80;
}

TEST(Half, EveryHalfWidensToItsValue) {
  for (std::uint32_t i = 0; i < 65536; ++i) {
    const auto h = static_cast<std::uint16_t>(i);
    const auto wanted = static_cast<float>(half_value(h));
    ASSERT_TRUE(same_bits(half_to_float(h), wanted)) << i;
    if (is_half_nan(h)) {
      ASSERT_EQ(bits_of(half_to_float(h)), (i & 0x8000) << 16 | 0x7FC00000u | (i & 0x3FF) << 13)
          << i;
    }
  }
}

TEST(Half, EveryHalfComesBack) {
  for (std::uint32_t i = 0; i < 65536; ++i) {
    const auto h = static_cast<std::uint16_t>(i);
    const std::uint16_t quiet = is_half_nan(h) ? 0x200 : 0;
    ASSERT_EQ(float_to_half(half_to_float(h)), h | quiet) << i;
  }
}

// Between neighbours h and h + 1 lies one middle; what is below it becomes h, what is above h + 1,
// the middle itself whichever is even. As the conversion is monotone this settles all floats.
// Beyond the largest half the next step up, 65536, stands for infinity.
TEST(Half, EveryMiddleRoundsToEven) {
  for (std::uint32_t i = 0; i < 0x7C00; ++i) {
    const auto h = static_cast<std::uint16_t>(i);
    const double above = i == 0x7BFF ? 65536.0 : half_value(static_cast<std::uint16_t>(i + 1));
    const auto middle = static_cast<float>((half_value(h) + above) / 2);
    const auto even = static_cast<std::uint16_t>(i + i % 2);
    const auto up = static_cast<std::uint16_t>(i + 1);
    for (std::uint32_t sign : {0u, 0x8000u}) {
      const auto convert = [sign](float x) { return float_to_half(sign == 0 ? x : -x) ^ sign; };
      ASSERT_EQ(convert(middle), even) << i;
      ASSERT_EQ(convert(from_bits(bits_of(middle) - 1)), h) << i;
      ASSERT_EQ(convert(from_bits(bits_of(middle) + 1)), up) << i;
    }
  }
}

TEST(Half, IsMonotone) {
  std::uint16_t last = 0;
  for (std::uint64_t b = 0; b <= 0x7F800000; b += 1009) {
    const std::uint16_t h = float_to_half(from_bits(static_cast<std::uint32_t>(b)));
    ASSERT_GE(h, last);
    last = h;
  }
  EXPECT_EQ(float_to_half(std::numeric_limits<float>::infinity()), 0x7C00);
  EXPECT_EQ(float_to_half(65520.0f), 0x7C00);
  EXPECT_EQ(float_to_half(std::numeric_limits<float>::max()), 0x7C00);
  EXPECT_EQ(float_to_half(-0.0f), 0x8000);
}

TEST(Half, NaNStaysNaNAndQuiet) {
  for (std::uint32_t payload = 1; payload < 0x800000; payload += 4093) {
    for (std::uint32_t sign : {0u, 0x80000000u}) {
      const std::uint16_t h = float_to_half(from_bits(sign | 0x7F800000u | payload));
      ASSERT_EQ(h, (sign >> 16) | 0x7E00 | payload >> 13);
    }
  }
}

#if PRUMO_X86
PRUMO_AVX2_BEGIN
float processor_widens(std::uint16_t h) {
  return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(h)));
}
std::uint16_t processor_narrows(float x) {
  const __m128i h = _mm_cvtps_ph(_mm_set_ss(x), _MM_FROUND_TO_NEAREST_INT);
  return static_cast<std::uint16_t>(_mm_cvtsi128_si32(h));
}
PRUMO_ISA_END

TEST(Half, AgreesWithTheProcessor) {
  if (supported_kernels().size() < 2) GTEST_SKIP() << "this processor lacks F16C";
  for (std::uint32_t i = 0; i < 65536; ++i) {
    const auto h = static_cast<std::uint16_t>(i);
    ASSERT_EQ(bits_of(half_to_float(h)), bits_of(processor_widens(h))) << i;
  }
  for (std::uint64_t b = 0; b < std::uint64_t{1} << 32; b += 1021) {
    const float x = from_bits(static_cast<std::uint32_t>(b));
    ASSERT_EQ(float_to_half(x), processor_narrows(x)) << b;
  }
}
#endif

TEST(Bf16, EveryOneWidensToItsValueAndComesBack) {
  for (std::uint32_t i = 0; i < 65536; ++i) {
    const auto h = static_cast<std::uint16_t>(i);
    ASSERT_TRUE(same_bits(bf16_to_float(h), static_cast<float>(bf16_value(h)))) << i;
    const std::uint16_t quiet = is_bf16_nan(h) ? 0x40 : 0;
    ASSERT_EQ(float_to_bf16(bf16_to_float(h)), h | quiet) << i;
  }
}

TEST(Bf16, EveryMiddleRoundsToEven) {
  for (std::uint32_t i = 0; i < 0x7F80; ++i) {
    const float middle = from_bits(i << 16 | 0x8000);
    for (std::uint32_t sign : {0u, 0x8000u}) {
      const auto convert = [sign](float x) { return float_to_bf16(sign == 0 ? x : -x) ^ sign; };
      ASSERT_EQ(convert(middle), i + i % 2) << i;
      ASSERT_EQ(convert(from_bits(bits_of(middle) - 1)), i) << i;
      ASSERT_EQ(convert(from_bits(bits_of(middle) + 1)), i + 1) << i;
    }
  }
  for (std::uint32_t payload = 1; payload < 0x800000; payload += 4093) {
    ASSERT_TRUE(is_bf16_nan(float_to_bf16(from_bits(0x7F800000u | payload))));
    ASSERT_TRUE(is_bf16_nan(float_to_bf16(from_bits(0xFF800000u | payload))));
  }
}

}  // namespace
}  // namespace prumo::testing
