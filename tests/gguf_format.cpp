// The table of tensor types, and the size of a tensor with every product checked.
#include "gguf/format.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "gguf/reader.h"
#include "support/gguf_builder.h"
#include "support/gguf_oracle.h"

namespace prumo::gguf {
namespace {

using testing::Bytes;
using testing::GgufBuilder;
using testing::GgufOracle;

TEST(GgufFormat, KnowsEveryTypeAndItsSize) {
  std::size_t known = 0;
  for (std::uint32_t type = 0; type < 1000; ++type) {
    const TypeTraits* const traits = type_traits(type);
    EXPECT_FALSE(traits != nullptr && type_withdrawn(type));
    if (traits == nullptr) continue;
    ++known;
    GgufBuilder b;  // one block, whose size the oracle's own table confirms
    b.add_tensor("t", type, {traits->elements}, Bytes(traits->bytes));
    const Bytes bytes = b.build();
    Reason reason = Reason::kNone;
    const Result<File> parsed = File::parse(bytes, &reason);
    EXPECT_EQ(difference(GgufOracle(bytes), reason, parsed, bytes), "") << traits->name;
    ASSERT_TRUE(parsed.ok()) << traits->name;
    EXPECT_EQ(parsed->tensor("t")->data.size(), traits->bytes) << traits->name;
    const bool computable =
        type <= 3 || (type >= 6 && type <= 8) || (type >= 10 && type <= 14) || type == 30;
    EXPECT_EQ(traits->computable, computable) << traits->name;
  }
  EXPECT_EQ(known, 35u);
  EXPECT_EQ(type_traits(TensorType::kQ6_K).name, "Q6_K");
  EXPECT_EQ(type_traits(TensorType::kBF16).bytes, 2u);
}

TEST(GgufFormat, TensorSizeChecksEveryProduct) {
  TensorSize size;
  const auto reason = [&](std::uint32_t type, const std::vector<std::uint64_t>& dims) {
    return tensor_size(type, dims, size);
  };
  EXPECT_EQ(reason(8, {64, 3}), Reason::kNone);
  EXPECT_EQ(size.elements, 192u);
  EXPECT_EQ(size.bytes, 6u * 34);
  EXPECT_EQ(reason(24, {(std::uint64_t{1} << 63) - 1}), Reason::kNone);
  EXPECT_EQ(size.bytes, (std::uint64_t{1} << 63) - 1);
  EXPECT_EQ(reason(24, {std::uint64_t{1} << 63}), Reason::kElementOverflow);
  EXPECT_EQ(reason(0, {(std::uint64_t{1} << 62) - 1}), Reason::kNone);
  EXPECT_EQ(size.bytes, ~std::uint64_t{3});
  EXPECT_EQ(reason(0, {std::uint64_t{1} << 62}), Reason::kByteOverflow);
  EXPECT_EQ(reason(0, {}), Reason::kDimensionCount);
  EXPECT_EQ(reason(0, {1, 1, 1, 1, 1}), Reason::kDimensionCount);
  EXPECT_EQ(reason(4, {1}), Reason::kTensorTypeWithdrawn);
}

TEST(GgufFormat, EveryReasonHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kReasons; ++i) names.insert(reason_name(static_cast<Reason>(i)));
  EXPECT_EQ(names.size(), kReasons);
  EXPECT_EQ(reason_name(Reason::kNone), "none");
  EXPECT_EQ(reason_name(Reason::kDataPastEnd), "data-past-end");
  EXPECT_EQ(reason_name(Reason::kOutOfMemory), "out-of-memory");
}

}  // namespace
}  // namespace prumo::gguf
