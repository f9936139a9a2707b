// Seeds of the matrix products: one token, a few, many; panels cut; every kind of numbers; raw
// weights and raw activations with scales that are NaN, infinite, zero, largest and least.
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "support/product_input.h"
#include "support/seeds.h"

namespace prumo::fuzz {
namespace {

using testing::BlockFormat;
using testing::Values;

constexpr std::size_t kOrdinary = 0, kWide = 1, kTiny = 2, kSpecial = 3, kRaw = 4;
constexpr std::size_t kAllPanels = SIZE_MAX;

/// Some panels of a product, and where it lies.
struct Cut {
  std::size_t begin = 0, end = kAllPanels;
  std::size_t wider = 0;
  bool left = false;
  std::size_t x_shift = 0;
};

/// The bytes that read_shape reads as this shape; a shape that they cannot say is a mistake here.
Bytes bytes_of(const std::string& name, const ProductShape& s, const BlockFormat& format) {
  const std::size_t blocks = s.columns / format.elements;
  const std::size_t panels = (s.rows + kPanelRows - 1) / kPanelRows;
  Bytes out;
  const bool large = panels * kPanelRows * (s.columns + 1) * s.tokens > kMostProducts;
  put_byte(out, large ? 7 : 0);
  put_byte(out, s.rows - 1);
  put_byte(out, format.elements == 1 ? blocks : blocks - 1);
  put_byte(out, s.tokens);
  put_byte(out, s.weights);
  put_byte(out, s.activations);
  testing::put(out, s.seed);
  put_byte(out, s.panel_begin);
  put_byte(out, s.panel_end - s.panel_begin);
  put_byte(out, s.wider);
  put_byte(out, s.left ? 0 : 1);
  if (s.left) put_byte(out, s.x_shift);
  Input in(reinterpret_cast<const std::uint8_t*>(out.data()), out.size());
  if (!(read_shape(in, format) == s) || in.size() != 0) {
    std::fprintf(stderr, "%s %s: the target would read another shape\n", format.name, name.c_str());
    std::exit(1);
  }
  return out;
}

/// A value that every scale has, as a binary16, as a float, and as an activation's.
struct Scale {
  const char* name;
  std::uint16_t half;
  float single;
};
constexpr Scale kScales[] = {{"nan", 0x7E00, std::numeric_limits<float>::quiet_NaN()},
                             {"infinite", 0xFC00, -std::numeric_limits<float>::infinity()},
                             {"zero", 0x8000, -0.0f},
                             {"largest", 0x7BFF, std::numeric_limits<float>::max()},
                             {"least", 0x0001, std::numeric_limits<float>::denorm_min()}};

class Products {
 public:
  Products(gguf::TensorType type, std::string target, Seeds& seeds)
      : type_(type),
        format_(testing::block_format(type)),
        target_(std::move(target)),
        seeds_(seeds) {}

  void add_all() {
    if (format_.elements == 1) {
      add_float_shapes();
    } else {
      add_quantized_shapes();
    }
    add_cuts();
    for (const Scale& scale : kScales) {
      const std::string weights = std::string("raw_weights_") + scale.name;
      const std::string activations = std::string("raw_activations_") + scale.name;
      add_raw("one_token_" + weights, 1, &scale, nullptr);
      add_raw("one_token_" + activations, 1, nullptr, &scale);
      if (scale.half == 0x8000) continue;
      add_raw("many_tokens_" + weights, 13, &scale, nullptr);
      add_raw("many_tokens_" + activations, 13, nullptr, &scale);
    }
    add_raw("few_tokens_raw_both_largest", 4, &kScales[3], &kScales[3]);
  }

 private:
  ProductShape shape(const std::string& name, std::size_t rows, std::size_t blocks,
                     std::size_t tokens, std::size_t weights, std::size_t activations,
                     const Cut& cut) const {
    const std::size_t panels = (rows + kPanelRows - 1) / kPanelRows;
    return {.rows = rows,
            .columns = blocks * format_.elements,
            .tokens = tokens,
            .weights = weights,
            .activations = activations,
            .seed = static_cast<std::uint32_t>(bits_of(target_ + name).next()),
            .panel_begin = cut.begin,
            .panel_end = cut.end == kAllPanels ? panels : cut.end,
            .wider = cut.wider,
            .left = cut.left,
            .x_shift = cut.x_shift};
  }
  void add(const std::string& name, std::size_t rows, std::size_t blocks, std::size_t tokens,
           std::size_t weights, std::size_t activations, const Cut& cut = {}) {
    const ProductShape s = shape(name, rows, blocks, tokens, weights, activations, cut);
    seeds_.push_back({target_, name, bytes_of(target_ + " " + name, s, format_)});
  }

  void add_quantized_shapes() {
    // As many blocks as do not fit the scratch of unpacked ones, 16 and 18 of 32 columns.
    const std::size_t longest = format_.elements == 256 ? 3 : 20;
    add("one_token_one_row_wide", 1, 1, 1, kWide, kWide);
    add("one_token_two_blocks_tiny", 16, 2, 1, kTiny, kTiny, {.left = true});
    add("one_token_17_rows_special", 17, 1, 1, kSpecial, kSpecial, {.wider = 3});
    add("one_token_long_rows", 33, longest, 1, kOrdinary, kOrdinary);
    add("two_tokens_special_weights", 31, 1, 2, kSpecial, kOrdinary);
    add("three_tokens_three_blocks", 16, 3, 3, kWide, kTiny);
    add("four_tokens_special_activations", 17, 1, 4, kOrdinary, kSpecial);
    add("five_tokens_wide", 33, 2, 5, kWide, kWide, {.left = true});
    add("seven_tokens", 50, 1, 7, kTiny, kWide);
    add("eight_tokens_long_rows", 16, longest, 8, kOrdinary, kWide);
    add("nine_tokens_two_panels", 32, 1, 9, kOrdinary, kOrdinary);
    add("12_tokens_long_rows", 16, longest, 12, kWide, kWide);
    add("13_tokens_three_panels", 33, 1, 13, kSpecial, kWide, {.left = true});
    add("19_tokens_two_panels", 32, 1, 19, kOrdinary, kSpecial);
    add("28_tokens", 15, 1, 28, kTiny, kOrdinary);
    add("no_tokens", 17, 1, 0, kOrdinary, kOrdinary);
  }

  void add_float_shapes() {
    for (const std::size_t n : {0u, 15u, 16u, 17u, 33u, 67u}) {
      add("one_token_" + std::to_string(n) + "_columns", n + 1 < 50 ? n + 1 : 50, n, 1,
          n % 3 == 0 ? kOrdinary : kWide, n % 5 == 0 ? kOrdinary : kTiny);
    }
    add("one_token_four_panels_special_weights", 50, 31, 1, kSpecial, kOrdinary);
    add("two_tokens_special_activations", 17, 63, 2, kOrdinary, kSpecial, {.left = true});
    add("three_tokens_tiny", 33, 7, 3, kTiny, kTiny, {.left = true, .x_shift = 1});
    add("five_tokens_wide", 16, 65, 5, kWide, kWide, {.left = true, .x_shift = 15});
    add("six_tokens_four_panels", 50, 8, 6, kOrdinary, kWide, {.wider = 19});
    add("seven_tokens", 31, 17, 7, kTiny, kWide, {.left = true, .x_shift = 7});
    add("eight_tokens_special", 32, 33, 8, kSpecial, kSpecial);
    add("13_tokens", 17, 67, 13, kWide, kOrdinary);
    add("28_tokens", 33, 31, 28, kOrdinary, kTiny);
    add("no_tokens", 17, 16, 0, kOrdinary, kOrdinary);
  }

  void add_cuts() {
    const std::size_t blocks = format_.elements == 1 ? 16 : 1;
    add("one_token_no_panels", 50, blocks, 1, kOrdinary, kOrdinary, {.begin = 2, .end = 2});
    add("one_token_three_of_four_panels", 50, blocks, 1, kOrdinary, kSpecial, {.begin = 1});
    add("six_tokens_last_panel", 50, blocks, 6, kOrdinary, kTiny,
        {.begin = 3, .wider = 5, .left = true});
    add("nine_tokens_second_panel", 33, blocks, 9, kWide, kTiny, {.begin = 1, .end = 2});
  }

  /// Sixteen rows of one block with every scale a special one, or activations so.
  void add_raw(const std::string& name, std::size_t tokens, const Scale* weights,
               const Scale* activations) {
    const bool is_float = format_.elements == 1;
    const std::size_t blocks = is_float ? 17 : 1;
    const std::size_t rows = weights == nullptr ? 17 : 16;
    const ProductShape s = shape(name, rows, blocks, tokens, weights == nullptr ? kWide : kRaw,
                                 activations == nullptr ? kWide : kRaw, {});
    Bytes out = bytes_of(target_ + " " + name, s, format_);
    testing::Bits bits = bits_of(target_ + name);
    if (weights != nullptr) put_weights(out, rows * blocks, *weights, bits);
    if (activations != nullptr && is_float) {
      std::vector<float> x = testing::make_floats(tokens * blocks, Values::kOrdinary, bits);
      for (std::size_t t = 0; t < tokens; ++t) x[t * blocks + t % blocks] = activations->single;
      put_floats(out, x);
    } else if (activations != nullptr) {
      for (std::size_t t = 0; t < tokens * (s.columns / kBlock); ++t) {
        const bool alike = bits.below(2) == 0;
        for (std::size_t i = 0; i < kBlock; ++i) put_byte(out, alike || i % 3 != 0 ? 0x7F : 0x81);
        put_floats(out, {t % 4 == 3 ? 1.0f : activations->single});
      }
    }
    seeds_.push_back({target_, name, out});
  }

  /// Blocks of the largest quants there are, three in four with this scale; of a float type, one
  /// such weight in four.
  void put_weights(Bytes& out, std::size_t blocks, const Scale& scale, testing::Bits& bits) const {
    std::vector<std::byte> block(format_.bytes);
    for (std::size_t b = 0; b < blocks; ++b) {
      testing::make_block(type_, format_.elements == 1 ? Values::kOrdinary : Values::kWide, bits,
                          block.data());
      if (format_.elements == 1 && b % 4 == 3) {
        const auto single = std::bit_cast<std::uint32_t>(scale.single);
        if (type_ == gguf::TensorType::kF32) {
          std::memcpy(block.data(), &single, sizeof single);
        } else {
          const bool is_half = type_ == gguf::TensorType::kF16;
          testing::store_u16(block.data(),
                             is_half ? scale.half : static_cast<std::uint16_t>(single >> 16));
        }
      } else if (format_.elements != 1 && b % 4 != 3) {
        testing::store_u16(block.data() + format_.scale_at, scale.half);
        if (format_.min_at != 0 && b % 2 == 0) {
          testing::store_u16(block.data() + format_.min_at, scale.half);
        }
      }
      out.insert(out.end(), block.begin(), block.end());
    }
  }

  gguf::TensorType type_;
  BlockFormat format_;
  std::string target_;
  Seeds& seeds_;
};

}  // namespace

void add_product_seeds(Seeds& seeds) {
  for (const gguf::TensorType type : testing::kTensorTypes) {
    std::string target = std::string("matmul_") + testing::block_format(type).name;
    for (char& c : target) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    Products(type, target, seeds).add_all();
  }
}

}  // namespace prumo::fuzz
