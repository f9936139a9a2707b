// Laws of quantized activations.
#include <gtest/gtest.h>

#include "support/accuracy.h"
#include "support/oracles.h"
#include "support/quantize_law.h"
#include "support/vectors.h"

namespace prumo::testing {

namespace {
std::vector<QuantizedBlock> quantize(const Kernels& table, const std::vector<float>& x) {
  std::vector<QuantizedBlock> out(x.size() / kBlock);
  table.quantize(x.data(), x.size(), out.data());
  return out;
}
std::size_t draw_blocks() {
  return *rc::gen::inRange<std::size_t>(0, 7);
}
}  // namespace

RC_GTEST_PROP(Quantize, EveryTableGivesTheOraclesBlocks, ()) {
  const auto shift = *rc::gen::inRange<std::size_t>(0, 16);
  for (const auto& x :
       {draw_finite(draw_blocks() * kBlock), draw_mostly_finite(draw_blocks() * kBlock)}) {
    obeys(quantize_law(x.data(), x.size(), shift));
  }
}

RC_GTEST_PROP(Quantize, AnyBitsAtAll, ()) {
  const auto x = draw_any(draw_blocks() * kBlock);
  obeys(quantize_law(x.data(), x.size()));
}

// Rounding to an integer is off by half of max / 127. Before it, the inverse and the product are
// each rounded once, and the scale once by u = 2^-24 and once by 2^-11, all of which q multiplies.
// The scale itself may be smaller than max / 127 by 2^-11.
RC_GTEST_PROP(Quantize, IsWithinHalfAStep, ()) {
  auto x = draw_finite(draw_blocks() * kBlock);
  const int k = *rc::gen::inRange(-80, 95);  // x to 2^100
  for (float& v : x) v = std::ldexp(v, k);
  for (const Kernels* table : tables()) {
    const auto blocks = quantize(*table, x);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const QuantizedBlock& block = blocks[i / kBlock];
      const double scale = static_cast<double>(block.scale);
      const int q = block.q[i % kBlock];
      const double error = std::fabs(static_cast<double>(x[i]) - q * scale);
      const double steps = 0.5 + std::abs(q) * (0x1p-11 + 3 * kUnitRoundoff);
      RC_ASSERT(error <= 1.001 * scale * steps);
      RC_ASSERT(q >= -127);
    }
  }
}

RC_GTEST_PROP(Quantize, PowersOfTwoReachTheScaleAlone, ()) {
  const auto x = draw_finite(draw_blocks() * kBlock);
  auto scaled = x;
  const int k = *rc::gen::inRange(-60, 61);
  for (float& v : scaled) v = std::ldexp(v, k);
  for (const Kernels* table : tables()) {
    auto wanted = quantize(*table, x);
    const auto got = quantize(*table, scaled);
    for (std::size_t b = 0; b < wanted.size(); ++b) {
      wanted[b].scale = std::ldexp(wanted[b].scale, k);
      complete(wanted[b]);
      RC_ASSERT(difference(got[b], wanted[b]) == "");
    }
  }
}

RC_GTEST_PROP(Quantize, SignsGoThrough, ()) {
  const auto x = draw_finite(draw_blocks() * kBlock);
  auto minus = x;
  for (float& v : minus) v = -v;
  for (const Kernels* table : tables()) {
    auto wanted = quantize(*table, x);
    const auto got = quantize(*table, minus);
    for (std::size_t b = 0; b < wanted.size(); ++b) {
      for (std::int8_t& q : wanted[b].q) q = static_cast<std::int8_t>(-q);
      complete(wanted[b]);
      RC_ASSERT(difference(got[b], wanted[b]) == "");
    }
  }
}

// The largest element has q = 127, so q * scale has the same largest element but for a rounding,
// and every q comes back: it is off by a few u of 127, far from a half.
RC_GTEST_PROP(Quantize, QuantizedValuesComeBack, ()) {
  const auto x = draw_finite(draw_blocks() * kBlock);
  for (const Kernels* table : tables()) {
    const auto once = quantize(*table, x);
    std::vector<float> values;
    for (std::size_t i = 0; i < x.size(); ++i) {
      values.push_back(static_cast<float>(once[i / kBlock].q[i % kBlock]) * once[i / kBlock].scale);
    }
    const auto twice = quantize(*table, values);
    for (std::size_t i = 0; i < x.size(); ++i) {
      RC_ASSERT(twice[i / kBlock].q[i % kBlock] == once[i / kBlock].q[i % kBlock]);
    }
  }
}

RC_GTEST_PROP(Quantize, ABatchIsItsBlocks, ()) {
  const auto x = draw_mostly_finite(draw_blocks() * kBlock);
  for (const Kernels* table : tables()) {
    const auto all = quantize(*table, x);
    for (std::size_t b = 0; b < all.size(); ++b) {
      QuantizedBlock one;
      table->quantize(x.data() + b * kBlock, kBlock, &one);
      RC_ASSERT(difference(all[b], one) == "");
    }
  }
}

RC_GTEST_PROP(Quantize, TheErrorIsBounded, ()) {
  Bits bits(*rc::gen::arbitrary<std::uint64_t>());
  const int range = *rc::gen::inRange(0, 40);
  RC_ASSERT(quantize_accuracy(spread(draw_blocks() * kBlock, range, bits)).fault() == "");
}

}  // namespace prumo::testing
