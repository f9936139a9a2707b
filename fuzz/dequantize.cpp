// Any bytes of a row as floats: the values that the format gives them, exactly.
#include "support/check.h"
#include "support/dequantize_law.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace prumo;
  fuzz::Input in(data, size);
  const auto choice = in.take<std::uint8_t>();
  const gguf::TensorType type = testing::kTensorTypes[choice % testing::kTensorTypes.size()];
  const testing::BlockFormat format = testing::block_format(type);
  std::vector<std::byte> row(in.size() / format.bytes * format.bytes);
  if (!row.empty()) std::memcpy(row.data(), in.data(), row.size());
  const std::string fault = testing::dequantize_law(type, row, testing::kSides[choice / 128]);
  CHECK(fault.empty(), fault);
  return 0;
}
