// Laws of packed matrices.
#include <gtest/gtest.h>

#include <bit>

#include "support/gen.h"
#include "support/oracles.h"
#include "support/pack_law.h"

namespace prumo::testing {

namespace {
struct Drawn {
  gguf::TensorType type;
  std::size_t rows, columns;
  std::vector<std::byte> file;
};

Drawn draw_matrix() {
  Drawn m{};
  m.type =
      *rc::gen::elementOf(std::vector<gguf::TensorType>(kTensorTypes.begin(), kTensorTypes.end()));
  const std::size_t block = block_format(m.type).elements;
  m.rows = *rc::gen::inRange<std::size_t>(1, 70);
  m.columns = block * *rc::gen::inRange<std::size_t>(0, block == 256 ? 4 : 12);
  Bits bits(*rc::gen::arbitrary<std::uint64_t>());
  m.file.resize(m.rows * m.columns / block * block_format(m.type).bytes);
  for (std::byte& b : m.file) b = std::byte{static_cast<unsigned char>(bits.next())};
  return m;
}
}  // namespace

RC_GTEST_PROP(Pack, PanelsAreWhatTheTextSays, ()) {
  const Drawn m = draw_matrix();
  const std::size_t panels = (m.rows + 15) / 16;
  const std::size_t begin = *rc::gen::inRange<std::size_t>(0, panels + 1);
  const std::size_t end = *rc::gen::inRange<std::size_t>(begin, panels + 1);
  for (Side side : kSides) {
    obeys(pack_law(m.type, m.file, m.rows, m.columns, begin, end, side));
  }
}

RC_GTEST_PROP(Pack, PackingInTwoPartsIsPackingAtOnce, ()) {
  const Drawn m = draw_matrix();
  const std::size_t panels = (m.rows + 15) / 16;
  const std::size_t cut = *rc::gen::inRange<std::size_t>(0, panels + 1);
  std::vector<std::byte> whole(packed_bytes(m.type, m.rows, m.columns), std::byte{1});
  std::vector<std::byte> parts(whole.size(), std::byte{2});
  pack_panels(m.type, m.file.data(), m.rows, m.columns, 0, panels, whole.data());
  pack_panels(m.type, m.file.data(), m.rows, m.columns, cut, panels, parts.data());
  pack_panels(m.type, m.file.data(), m.rows, m.columns, 0, cut, parts.data());
  RC_ASSERT(parts == whole);
}

RC_GTEST_PROP(Pack, EveryBitOfTheFileHasAPlaceOfItsOwn, ()) {
  const Drawn m = draw_matrix();
  RC_PRE(!m.file.empty());
  const std::size_t panels = (m.rows + 15) / 16;
  const std::size_t i = *rc::gen::inRange<std::size_t>(0, m.file.size());
  std::vector<std::byte> before(packed_bytes(m.type, m.rows, m.columns));
  std::vector<std::byte> after = before;
  auto file = m.file;
  pack_panels(m.type, file.data(), m.rows, m.columns, 0, panels, before.data());
  file[i] ^= std::byte{1} << *rc::gen::inRange(0, 8);
  pack_panels(m.type, file.data(), m.rows, m.columns, 0, panels, after.data());
  std::size_t changed = 0;
  for (std::size_t j = 0; j < before.size(); ++j) {
    changed +=
        static_cast<std::size_t>(std::popcount(std::to_integer<unsigned>(before[j] ^ after[j])));
  }
  RC_ASSERT(changed == 1u);
}

}  // namespace prumo::testing
