// Laws of Weights: any changes to the tensors of a small Llama are judged by a list of tensors
// written down apart from the loader, and what is packed depends on the tensors alone.
#include "model/weights.h"

#include <gtest/gtest.h>

#include <cstring>
#include <utility>

#include "support/gen.h"
#include "support/ready_test.h"
#include "support/weights_law.h"

namespace prumo::testing {
namespace {

/// Input of weights_law with at most so many changes.
Bytes any_tensors(std::size_t most) {
  const auto changes = *full_range(rc::gen::inRange<std::size_t>(0, most + 1));
  return *vector_of(3 + 4 * changes,
                    rc::gen::map(full_range(rc::gen::inRange<unsigned>(0, 256)),
                                 [](unsigned byte) { return static_cast<std::byte>(byte); }));
}

RC_GTEST_PROP(WeightsLaws, TensorsAreJudgedAsTheListSays, ()) {
  const Bytes input = any_tensors(3);
  obeys(ready(weights_law(input), "weights_law", input));
}

/// The packed memory of a file, by so many threads.
Block packed(const GgufBuilder& builder, std::size_t threads) {
  const Bytes bytes = builder.build();
  const auto file = gguf::File::parse(bytes);
  RC_ASSERT(file.ok());
  const auto config = Config::from(*file);
  RC_ASSERT(config.ok());
  auto team = ThreadTeam::create(threads);
  RC_ASSERT(team.ok());
  auto weights = Weights::load(*file, *config, **team);
  RC_ASSERT(weights.ok());
  return std::move(weights->memory);
}

RC_GTEST_PROP(WeightsLaws, NeitherTheTeamNorTheOrderOfTensorsCounts, ()) {
  TinyShape shape{.embedding = 256, .heads = 2, .head_dim = 128, .ffn = 256};
  shape.type =
      *rc::gen::elementOf(std::vector<gguf::TensorType>(kTensorTypes.begin(), kTensorTypes.end()));
  shape.output_type = shape.type;
  shape.kv_heads = *rc::gen::inRange<std::size_t>(1, 3);
  shape.vocab = 259 + *full_range(rc::gen::inRange<std::size_t>(0, 40));
  shape.tied = *rc::gen::arbitrary<bool>();
  shape.seed = *rc::gen::arbitrary<std::uint32_t>();
  GgufBuilder builder = tiny_llama(shape);
  const Block one = packed(builder, 1);
  const auto n = static_cast<int>(builder.tensors.size());
  for (int swaps = n; swaps > 0; --swaps) {
    std::swap(builder.tensors[static_cast<std::size_t>(*full_range(rc::gen::inRange(0, n)))],
              builder.tensors[static_cast<std::size_t>(*full_range(rc::gen::inRange(0, n)))]);
  }
  const Block other = packed(builder, *rc::gen::inRange<std::size_t>(1, 5));
  RC_ASSERT(one.size() == other.size());
  RC_ASSERT(std::memcmp(one.data(), other.data(), one.size()) == 0);
}

}  // namespace
}  // namespace prumo::testing
