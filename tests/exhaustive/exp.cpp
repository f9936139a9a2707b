// The exponential of every float there is: every instruction set against the definition, and the
// definition's bits against those that this version of Prumo has promised.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "support/every.h"
#include "support/exp_law.h"

namespace prumo::testing {
namespace {

constexpr std::size_t kAtOnce = 4096;
using Chunk = std::array<float, kAtOnce>;

void by_definition(const Chunk& x, Chunk& y) {
  for (std::size_t i = 0; i < kAtOnce; ++i) y[i] = scalar::exp(x[i]);
}

#if PRUMO_X86
// The same function, compiled for a processor whose fma is one instruction: 2^32 calls of the
// library's would take minutes.
PRUMO_AVX2_BEGIN
void by_definition_with_fma(const Chunk& x, Chunk& y) {
  for (std::size_t i = 0; i < kAtOnce; ++i) y[i] = scalar::exp(x[i]);
}
PRUMO_ISA_END
#endif

bool has_fma() {
  return supported_kernels().size() > 1;
}

void definition(const Chunk& x, Chunk& y) {
#if PRUMO_X86
  if (has_fma()) return by_definition_with_fma(x, y);
#endif
  by_definition(x, y);
}

Chunk from(std::uint64_t first) {
  Chunk x;
  for (std::size_t i = 0; i < kAtOnce; ++i) {
    x[i] = std::bit_cast<float>(static_cast<std::uint32_t>(first + i));
  }
  return x;
}

::testing::AssertionResult same(const Chunk& x, const Chunk& got, const Chunk& wanted,
                                std::string_view name) {
  if (std::memcmp(got.data(), wanted.data(), sizeof(Chunk)) == 0) {
    return ::testing::AssertionSuccess();
  }
  const std::size_t i = first_difference(got.data(), wanted.data(), kAtOnce);
  if (i == kAtOnce) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << name << ": exp of " << shown(x[i]) << " is "
                                       << shown(got[i]) << " and should be " << shown(wanted[i]);
}

// Never falls where the floats of a chunk, which run away from zero, rise or fall.
::testing::AssertionResult in_order(const Chunk& x, const Chunk& y) {
  const bool positive = !std::signbit(x[0]);
  bool ordered = true;
  for (std::size_t i = 1; i < kAtOnce; ++i) {
    ordered = ordered && (positive ? !(y[i] < y[i - 1]) : !(y[i] > y[i - 1]));
  }
  if (ordered) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << "it falls between " << shown(x[0]) << " and " << shown(x[kAtOnce - 1]);
}

// One chunk begins with the last float of the one before, so that no step is left out.
TEST(ExpWhole, EveryFloatOnEveryIsa) {
  Strides strides(1500);
  Chunk y;
  Chunk wanted;
  for (std::uint64_t b = 0; b < std::uint64_t{1} << 32; b += (kAtOnce - 1) * strides.next()) {
    const Chunk x = from(b);
    definition(x, wanted);
    if (std::signbit(x[0]) == std::signbit(x[kAtOnce - 1])) {
      ASSERT_TRUE(in_order(x, wanted));
    }
    for (const Kernels* table : supported_kernels()) {
      if (table->isa == Isa::kScalar) continue;
      for (std::size_t i = 0; i < kAtOnce; i += 16) exp16(table->isa, &x[i], &y[i]);
      ASSERT_TRUE(same(x, y, wanted, table->name));
    }
  }
}

// The library's fma and the instruction are the same: every float whose exponential is neither 0
// nor infinite, thinned.
TEST(ExpWhole, TheDefinitionDoesNotDependOnHowItIsCompiled) {
  Strides strides(40);
  Chunk y;
  Chunk wanted;
  for (std::uint64_t b = 0; b < std::uint64_t{1} << 32; b += 37 * kAtOnce * strides.next()) {
    const Chunk x = from(b);
    by_definition(x, wanted);
    definition(x, y);
    ASSERT_TRUE(same(x, y, wanted, "with the instruction"));
  }
}

// What this version of Prumo has promised. A change of any bit of exp changes every model's logits:
// then the number here is changed knowingly, or not at all.
TEST(ExpWhole, TheBitsOfThisVersion) {
  std::uint64_t hash = 0;
  for (const std::uint32_t sign : {0u, 0x80000000u}) {
    for (std::uint32_t b = 0; b < std::bit_cast<std::uint32_t>(89.0f); b += 1009) {
      const float y = scalar::exp(std::bit_cast<float>(b | sign));
      hash = (hash ^ std::bit_cast<std::uint32_t>(y)) * 0x9E3779B97F4A7C15u;
      hash ^= hash >> 29;
    }
  }
  EXPECT_EQ(hash, 16659838877929353485u);
}

}  // namespace
}  // namespace prumo::testing
