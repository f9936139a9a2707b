// Laws of elements as floats, for any bytes of a file.
#include <gtest/gtest.h>

#include "support/dequantize_law.h"
#include "support/gen.h"

namespace prumo::testing {

namespace {
gguf::TensorType draw_type() {
  return *rc::gen::elementOf(
      std::vector<gguf::TensorType>(kTensorTypes.begin(), kTensorTypes.end()));
}
std::vector<std::byte> draw_row(gguf::TensorType type, std::size_t blocks) {
  const auto bytes =
      *vector_of(blocks * block_format(type).bytes, full_range(rc::gen::arbitrary<std::uint8_t>()));
  std::vector<std::byte> out;
  for (std::uint8_t b : bytes) out.push_back(std::byte{b});
  return out;
}
}  // namespace

RC_GTEST_PROP(Dequantize, AnyBytesGiveTheOraclesValues, ()) {
  const gguf::TensorType type = draw_type();
  const auto row = draw_row(type, *rc::gen::inRange<std::size_t>(0, 6));
  for (Side side : kSides) obeys(dequantize_law(type, row, side));
}

RC_GTEST_PROP(Dequantize, ARowIsItsBlocks, ()) {
  const gguf::TensorType type = draw_type();
  const BlockFormat format = block_format(type);
  const std::size_t blocks = *rc::gen::inRange<std::size_t>(1, 6);
  const auto row = draw_row(type, blocks);
  std::vector<float> all(blocks * format.elements);
  dequantize(type, row.data(), all.size(), all.data());
  for (std::size_t b = 0; b < blocks; ++b) {
    std::vector<float> one(format.elements);
    dequantize(type, row.data() + b * format.bytes, format.elements, one.data());
    RC_ASSERT(difference(all.data() + b * format.elements, one.data(), one.size()) == "");
  }
}

RC_GTEST_PROP(Dequantize, ANegativeScaleTurnsEverySign, ()) {
  gguf::TensorType type = draw_type();
  RC_PRE(is_quantized(type));
  const BlockFormat format = block_format(type);
  auto row = draw_row(type, 1);
  std::vector<float> plus(format.elements);
  std::vector<float> minus(format.elements);
  dequantize(type, row.data(), plus.size(), plus.data());
  row[format.scale_at + 1] ^= std::byte{0x80};
  if (format.min_at != 0) row[format.min_at + 1] ^= std::byte{0x80};
  dequantize(type, row.data(), minus.size(), minus.data());
  for (std::size_t i = 0; i < plus.size(); ++i) {
    // What a minimum leaves of equals is +0, whatever their signs.
    const bool nothing = format.min_at != 0 && plus[i] == 0.0f && minus[i] == 0.0f;
    RC_ASSERT(nothing || same_bits(-minus[i], plus[i]));
  }
}

}  // namespace prumo::testing
