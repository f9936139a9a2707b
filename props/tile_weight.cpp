// Laws of tile_weight for all logits that a model can give.
#include <gtest/gtest.h>

#include "support/accuracy.h"
#include "support/gen.h"
#include "support/select_law.h"
#include "support/vectors.h"

namespace prumo::testing {
namespace {

rc::Gen<std::vector<float>> logits() {
  return rc::gen::mapcat(rc::gen::inRange<std::size_t>(0, 300), [](std::size_t n) {
    return vector_of(n, rc::gen::weightedOneOf<float>(
                            {{4, finite_float()}, {2, rc::gen::map(any_float(), [](float x) {
                                                     return is_nan(x) || x > 3e38f ? 3e38f : x;
                                                   })}}));
  });
}

float max_of(const std::vector<float>& x) {
  float max = -3.4e38f;
  for (float v : x) max = v > max ? v : max;
  return max;
}

RC_GTEST_PROP(TileWeightLaw, EveryTableGivesTheOraclesSums, ()) {
  const std::vector<float> x = *logits();
  const float above = *rc::gen::elementOf(std::vector<float>{0, 0, 0, 0.5f, 10});
  const float scale = *rc::gen::elementOf(std::vector<float>{1, 1.25f, 0.01f, 1e-44f, 1e6f, 3e38f});
  obeys(tile_weight_law(x, max_of(x) + above, scale));
}

RC_GTEST_PROP(TileWeightLaw, TheOrderWithinATileIsFree, ()) {
  std::vector<float> x = *vector_of(64, finite_float());
  for (const Kernels* table : tables()) {
    std::uint64_t before = 0;
    std::uint64_t after = 0;
    table->tile_weight(x.data(), 64, 64, 0.5f, &before);
    std::vector<float> turned(x.rbegin(), x.rend());
    std::rotate(turned.begin(), turned.begin() + 5, turned.end());
    table->tile_weight(turned.data(), 64, 64, 0.5f, &after);
    RC_ASSERT(before == after);
  }
}

RC_GTEST_PROP(TileWeightLaw, TheErrorIsBounded, ()) {
  const float scale = static_cast<float>(*rc::gen::inRange(1, 200)) / 64.0f;
  RC_ASSERT(tile_weight_accuracy(draw_finite(draw_length(1)), scale).fault() == "");
}

}  // namespace
}  // namespace prumo::testing
