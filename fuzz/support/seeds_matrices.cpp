// Seeds of pack and dequantize: every type, each with ordinary and with special blocks, and the
// shapes at which panels and pairs of blocks end.
#include "support/matrices.h"
#include "support/seeds.h"

namespace prumo::fuzz {
namespace {

using gguf::TensorType;
using testing::BlockFormat;
using testing::kTensorTypes;
using testing::Values;

std::string name_of(TensorType type) {
  std::string name = testing::block_format(type).name;
  for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return name;
}

void put_all(Bytes& out, const std::vector<std::byte>& bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

/// pack: the type, rows, blocks, which panels, which side, the matrix.
void add_pack(Seeds& seeds, std::size_t type, const std::string& what, std::size_t rows,
              std::size_t blocks, std::size_t begin, std::size_t end, bool left) {
  const TensorType t = kTensorTypes[type];
  const std::string name = name_of(t) + "_" + what;
  Bytes out;
  put_byte(out, type);
  put_byte(out, rows - 1);
  put_byte(out, blocks);
  put_byte(out, begin);
  put_byte(out, end - begin);
  put_byte(out, left ? 0 : 1);
  testing::Bits bits = bits_of("pack" + name);
  put_all(out, testing::make_matrix(t, rows, blocks * testing::block_format(t).elements,
                                    Values::kWide, bits));
  seeds.push_back({"pack", name, out});
}

/// dequantize: the type and the side in one byte, whole blocks. Blocks of a special kind have every
/// special scale once; extreme ones the largest scale and all bits set or none.
class Rows {
 public:
  Rows(Seeds& seeds, std::size_t type)
      : seeds_(seeds), type_(type), format_(testing::block_format(kTensorTypes[type])) {}

  void add_ordinary() {
    const std::size_t blocks = format_.elements == 1 ? 33 : 3;
    const std::string name = type_name() + "_ordinary_right";
    testing::Bits bits = bits_of("dequantize" + name);
    Bytes out = begin(false);
    put_all(out, testing::make_matrix(kTensorTypes[type_], 1, blocks * format_.elements,
                                      Values::kOrdinary, bits));
    seeds_.push_back({"dequantize", name, out});
  }
  void add_special() {
    const std::string name = type_name() + "_special_left";
    testing::Bits bits = bits_of("dequantize" + name);
    Bytes out = begin(true);
    for (const unsigned half : {0x0000u, 0x8000u, 0x0001u, 0x83FFu, 0x7BFFu, 0x7C00u, 0xFC00u,
                                0x7E00u, 0x7C01u, 0xFE12u}) {
      put_block(out, static_cast<std::uint16_t>(half), static_cast<std::uint16_t>(half ^ 0x8000u),
                bits, -1);
    }
    seeds_.push_back({"dequantize", name, out});
  }
  void add_extreme() {
    const std::string name = type_name() + "_extremes";
    testing::Bits bits = bits_of("dequantize" + name);
    Bytes out = begin(type_ % 2 == 0);
    for (const int fill : {0xFF, 0x00, 0x80, 0x7F, 0x0F, 0xF0}) {
      put_block(out, 0x7BFF, 0xFBFF, bits, fill);
      put_block(out, 0x0001, 0x7BFF, bits, fill);
    }
    seeds_.push_back({"dequantize", name, out});
  }

 private:
  [[nodiscard]] std::string type_name() const { return name_of(kTensorTypes[type_]); }

  /// The least byte that says this type and this side.
  [[nodiscard]] Bytes begin(bool left) const {
    std::size_t choice = left ? 0 : 128;
    while (choice % kTensorTypes.size() != type_) ++choice;
    Bytes out;
    put_byte(out, choice);
    return out;
  }
  /// A block with these scales and with all bytes `fill`, or any if that is negative.
  void put_block(Bytes& out, std::uint16_t scale, std::uint16_t minimum, testing::Bits& bits,
                 int fill) const {
    std::vector<std::byte> block(format_.bytes);
    for (std::byte& b : block) {
      const auto any = static_cast<unsigned char>(bits.next());
      b = fill < 0 ? std::byte{any} : std::byte{static_cast<unsigned char>(fill)};
    }
    if (format_.bytes == 4) {  // a float's upper half
      testing::store_u16(block.data() + 2, scale);
    } else {
      testing::store_u16(block.data() + format_.scale_at, scale);
    }
    if (format_.min_at != 0) testing::store_u16(block.data() + format_.min_at, minimum);
    put_all(out, block);
  }

  Seeds& seeds_;
  std::size_t type_;
  BlockFormat format_;
};

}  // namespace

void add_matrix_seeds(Seeds& seeds) {
  for (std::size_t type = 0; type < kTensorTypes.size(); ++type) {
    const bool large = testing::block_format(kTensorTypes[type]).elements == 256;
    add_pack(seeds, type, "17_rows", 17, large ? 1 : 3, 0, 2, false);
    add_pack(seeds, type, "even_blocks_left", large ? 16 : 31, 2, 0, large ? 1 : 2, true);
    Rows rows(seeds, type);
    rows.add_ordinary();
    rows.add_special();
    rows.add_extreme();
  }
  add_pack(seeds, 0, "one_row_no_columns", 1, 0, 0, 1, true);
  add_pack(seeds, 1, "50_rows_last_panel", 50, 7, 3, 4, false);
  add_pack(seeds, 2, "33_rows_no_panels", 33, 8, 2, 2, false);
  add_pack(seeds, 3, "33_rows_middle_panel", 33, 1, 1, 2, true);
  add_pack(seeds, 4, "one_row", 1, 1, 0, 1, false);
  add_pack(seeds, 5, "16_rows_no_blocks", 16, 0, 0, 1, false);
  add_pack(seeds, 6, "49_rows_two_panels", 49, 1, 2, 4, true);
  add_pack(seeds, 9, "one_row_two_blocks", 1, 2, 0, 1, false);
  add_pack(seeds, 12, "33_rows_last_panel", 33, 1, 2, 3, false);
  add_pack(seeds, 12, "15_rows_no_blocks", 15, 0, 0, 1, true);
}

}  // namespace prumo::fuzz
