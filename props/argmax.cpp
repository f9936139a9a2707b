// Laws of argmax, for vectors of any length made of a few floats of any kind, so that ties and NaNs
// are everywhere.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>
#include <vector>

#include "support/argmax_law.h"
#include "support/gen.h"
#include "support/tables.h"

namespace prumo::testing {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

// Up to `longest` floats of few kinds, often of one, and up to two strangers among them: ties
// everywhere, or a lone maximum, or a lone NaN. Shrinks to fewer floats of fewer kinds.
std::vector<float> any_vector(std::size_t longest, const rc::Gen<float>& kind = any_float()) {
  const auto n = *rc::gen::inRange<std::size_t>(0, longest + 1);
  const auto kinds = *rc::gen::element<std::size_t>(1, 1, 2, 3, 12);
  const auto palette = *vector_of(kinds, kind);
  const auto strangers = *vector_of(*rc::gen::inRange<std::size_t>(0, 3), kind);
  Bits bits(*rc::gen::arbitrary<std::uint64_t>());
  std::vector<float> x(n);
  for (float& value : x) value = palette[bits.below(palette.size())];
  for (float stranger : strangers) {
    if (n != 0) x[bits.below(n)] = stranger;
  }
  return x;
}

// What every instruction set answers.
ArgmaxResult argmax(const std::vector<float>& x) {
  obeys(argmax_law(x));
  return tables().front()->argmax(x.data(), x.size());
}

bool same(float a, float b) {
  return !is_nan(a) && !is_nan(b) && order_of(a) == order_of(b);
}

RC_GTEST_PROP(ArgmaxLaws, IsWhatTheOraclesSay, ()) {
  const auto x = any_vector(1700);
  const ArgmaxResult got = argmax(x);
  RC_ASSERT(got == argmax_oracle(x.data(), x.size()));
  RC_ASSERT(got == argmax_by_sorting(x.data(), x.size()));
}

RC_GTEST_PROP(ArgmaxLaws, OfTwoPartsIsTheBetterOfTheirsAndTheFirstOfATie, ()) {
  const auto a = any_vector(900);
  const auto b = any_vector(900);
  std::vector<float> both = a;
  both.insert(both.end(), b.begin(), b.end());
  const ArgmaxResult left = argmax(a);
  const ArgmaxResult right = argmax(b);
  ArgmaxResult wanted{npos, left.has_nan || right.has_nan};
  if (left.index == npos) {
    if (right.index != npos) wanted.index = a.size() + right.index;
  } else {
    const bool later = right.index != npos && order_of(b[right.index]) > order_of(a[left.index]);
    wanted.index = later ? a.size() + right.index : left.index;
  }
  RC_ASSERT(argmax(both) == wanted);
}

RC_GTEST_PROP(ArgmaxLaws, WhatIsNotGreaterMayFollow, ()) {
  auto x = any_vector(900);
  const ArgmaxResult before = argmax(x);
  RC_PRE(before.index != npos);
  const auto more = *rc::gen::inRange<std::size_t>(1, 700);
  x.resize(x.size() + more, *rc::gen::element(x[before.index], -kInf));
  RC_ASSERT(argmax(x) == before);
}

RC_GTEST_PROP(ArgmaxLaws, APermutationMovesItToTheFirstThatIsAsLarge, ()) {
  const auto x = any_vector(1200);
  const ArgmaxResult before = argmax(x);
  std::vector<float> y = x;
  Bits bits(*rc::gen::arbitrary<std::uint64_t>());
  for (std::size_t i = y.size(); i > 1; --i) std::swap(y[i - 1], y[bits.below(i)]);
  const ArgmaxResult after = argmax(y);
  RC_ASSERT(after.has_nan == before.has_nan);
  if (before.index == npos) {
    RC_ASSERT(after.index == npos);
    return;
  }
  std::size_t first = 0;
  while (!same(y[first], x[before.index])) ++first;
  RC_ASSERT(after.index == first);
}

RC_GTEST_PROP(ArgmaxLaws, ReversedItIsTheLastTie, ()) {
  const auto x = any_vector(1200);
  const ArgmaxResult before = argmax(x);
  const ArgmaxResult after = argmax(std::vector<float>(x.rbegin(), x.rend()));
  RC_ASSERT(after.has_nan == before.has_nan);
  if (before.index == npos) {
    RC_ASSERT(after.index == npos);
    return;
  }
  std::size_t last = x.size() - 1;
  while (!same(x[last], x[before.index])) --last;
  RC_ASSERT(after.index == x.size() - 1 - last);
}

RC_GTEST_PROP(ArgmaxLaws, DoublingChangesNothing, ()) {
  auto x = any_vector(1200, finite_float());
  const ArgmaxResult before = argmax(x);
  for (float& value : x) value *= 2.0f;
  RC_ASSERT(argmax(x) == before);
}

RC_GTEST_PROP(ArgmaxLaws, OnlyTheOrderMatters, ()) {
  auto x = any_vector(1200);
  const ArgmaxResult before = argmax(x);
  std::set<std::int64_t> orders;
  for (float value : x) {
    if (!is_nan(value)) orders.insert(order_of(value));
  }
  for (float& value : x) {
    if (is_nan(value)) continue;
    const auto rank = std::distance(orders.begin(), orders.find(order_of(value)));
    value = static_cast<float>(rank) - 3.0f;
  }
  RC_ASSERT(argmax(x) == before);
}

RC_GTEST_PROP(ArgmaxLaws, NansCouldAsWellBeMinusInfinity, ()) {
  auto x = any_vector(1200);
  const ArgmaxResult before = argmax(x);
  RC_PRE(before.index != npos);
  RC_PRE(x[before.index] != -kInf);
  for (float& value : x) {
    if (is_nan(value)) value = -kInf;
  }
  RC_ASSERT(argmax(x) == (ArgmaxResult{before.index, false}));
}

}  // namespace
}  // namespace prumo::testing
