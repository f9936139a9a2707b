// Laws of collect for all floats, NaN included.
#include <gtest/gtest.h>

#include "support/gen.h"
#include "support/select_law.h"

namespace prumo::testing {
namespace {

rc::Gen<std::vector<float>> floats() {
  return rc::gen::mapcat(rc::gen::inRange<std::size_t>(0, 300),
                         [](std::size_t n) { return vector_of(n, any_float()); });
}

RC_GTEST_PROP(CollectLaw, EveryTableKeepsWhatReachesTheThreshold, ()) {
  const std::vector<float> x = *floats();
  const float least =
      x.empty() || *rc::gen::arbitrary<bool>() ? *any_float() : *rc::gen::elementOf(x);
  obeys(collect_law(x, least, *rc::gen::inRange<std::uint32_t>(0, 1u << 31)));
}

RC_GTEST_PROP(CollectLaw, PiecesGiveTheWhole, ()) {
  const std::vector<float> x = *floats();
  const float least = *any_float();
  const std::size_t cut = *rc::gen::inRange<std::size_t>(0, x.size() + 1);
  for (const Kernels* table : tables()) {
    std::vector<std::uint32_t> whole(x.size());
    whole.resize(table->collect(x.data(), x.size(), least, 7, whole.data()));
    std::vector<std::uint32_t> pieces(x.size());
    const auto middle = static_cast<std::uint32_t>(cut);
    std::size_t n = table->collect(x.data(), cut, least, 7, pieces.data());
    n += table->collect(x.data() + cut, x.size() - cut, least, 7 + middle, pieces.data() + n);
    pieces.resize(n);
    RC_ASSERT(whole == pieces);
  }
}

}  // namespace
}  // namespace prumo::testing
