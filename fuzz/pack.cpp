// Packing of any matrix in any parts: every byte against the text of pack.h.
#include "support/check.h"
#include "support/pack_law.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace prumo;
  fuzz::Input in(data, size);
  const auto below = [&in](std::size_t n) { return in.take<std::uint8_t>() % n; };
  const gguf::TensorType type = testing::kTensorTypes[below(testing::kTensorTypes.size())];
  const testing::BlockFormat format = testing::block_format(type);
  const std::size_t rows = 1 + below(50);
  const std::size_t blocks = below(format.elements == 256 ? 3 : 9);
  const std::size_t panels = (rows + 15) / 16;
  const std::size_t begin = below(panels + 1);
  const std::size_t end = begin + below(panels - begin + 1);
  const testing::Side side = testing::kSides[below(2)];
  std::vector<std::byte> file(rows * blocks * format.bytes);
  testing::Bits bits(size);
  for (std::byte& b : file) {
    const auto other = static_cast<unsigned char>(bits.next());
    b = std::byte{in.size() != 0 ? in.take<std::uint8_t>() : other};
  }
  const std::string fault =
      testing::pack_law(type, file, rows, blocks * format.elements, begin, end, side);
  CHECK(fault.empty(), fault);
  return 0;
}
