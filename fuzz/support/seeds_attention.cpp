// Seeds of attention: heads, tokens and keys about the sizes of vectors, panels and ranges, with
// numbers of every kind, made from a seed or given raw.
#include <cstring>
#include <limits>

#include "support/seeds.h"

namespace prumo::fuzz {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
const std::string kKinds[] = {"ordinary", "wide", "tiny", "special"};

struct Shape {
  std::size_t heads, head_dim, token_factors, keys;  // the factors: 0 one token, 8 five of them
};

/// What both targets take in front, but for the half of `attention`; numbers behind it.
void add(Seeds& seeds, const std::string& target, const std::string& name, const Shape& s,
         std::size_t kind, std::size_t raw, float scale, const Bytes& numbers) {
  const bool quantized = target == "attention_q8_0";
  Bytes out;
  if (!quantized) put_byte(out, name.starts_with("f32") ? 1 : 0);
  put_byte(out, s.heads - 1);
  put_byte(out, quantized ? s.head_dim / 32 - 1 : s.head_dim / 2 - 1);
  put_byte(out, s.token_factors / 3);
  put_byte(out, s.token_factors % 3);
  put_byte(out, s.keys - 1);
  put_byte(out, kind);
  put_byte(out, raw);
  put_floats(out, {scale});
  testing::put(out, static_cast<std::uint32_t>(bits_of(target + name).next()));
  out.insert(out.end(), numbers.begin(), numbers.end());
  seeds.push_back({target, name, out});
}

std::string name_of(const std::string& kind, const Shape& s) {
  return kind + "_" + std::to_string(s.heads) + "x" + std::to_string(s.head_dim) + "_tokens_" +
         std::to_string(1 + s.token_factors / 3 * (s.token_factors % 3)) + "_keys_" +
         std::to_string(s.keys);
}

/// Floats that are none of the usual, again and again, as floats or as their upper halves.
Bytes special_floats(std::size_t n) {
  Bytes out;
  for (std::size_t i = 0; i < n; ++i) {
    put_floats(out, {testing::kSpecialFloats[i % testing::kSpecialFloats.size()]});
  }
  return out;
}
/// 16-bit floats: every exponent, infinities and NaN among them.
Bytes all_halves(std::size_t n) {
  Bytes out;
  for (std::size_t i = 0; i < n; ++i) {
    testing::put(out, static_cast<std::uint16_t>(i % 64 << 10 | i * 37 % 1024));
  }
  return out;
}

void add_float_cache(Seeds& seeds) {
  constexpr Shape kShapes[] = {{1, 2, 0, 1},   {2, 6, 4, 15},   {3, 16, 0, 16}, {1, 18, 8, 17},
                               {4, 30, 5, 31}, {6, 32, 0, 33},  {1, 34, 8, 64}, {2, 48, 4, 65},
                               {1, 64, 0, 63}, {1, 66, 0, 120}, {5, 2, 8, 160}, {1, 8, 0, 255}};
  std::size_t i = 0;
  for (const Shape& s : kShapes) {
    for (const char* half : {"f16_", "f32_"}) {
      for (const std::size_t kind : {std::size_t{0}, 1 + i++ % 3}) {
        const std::string name = half + name_of(kKinds[kind], s);
        add(seeds, "attention", name, s, kind, 0, 1, {});
      }
    }
  }
  const Shape shape = {2, 16, 4, 17};
  for (const std::string half : {"f16_", "f32_"}) {
    const Bytes cache = half == "f16_" ? all_halves(2 * 18 * 16) : special_floats(2 * 18 * 16);
    add(seeds, "attention", half + "raw_queries", shape, 0, 2, 1, special_floats(64));
    add(seeds, "attention", half + "raw_cache", shape, 0, 4, 1, cache);
    add(seeds, "attention", half + "scale_least", shape, 1, 1, 0x1p-149f, {});
    add(seeds, "attention", half + "scale_largest", shape, 0, 1, 0x1.fffffep127f, {});
  }
}

void add_quantized_cache(Seeds& seeds) {
  const std::string target = "attention_q8_0";
  constexpr Shape kShapes[] = {{1, 32, 0, 1},  {2, 64, 4, 15},  {3, 32, 0, 16}, {1, 96, 8, 17},
                               {6, 32, 0, 33}, {1, 128, 0, 63}, {2, 32, 4, 60}, {1, 32, 0, 255}};
  std::size_t i = 0;
  for (const Shape& s : kShapes) {
    for (const std::size_t kind : {std::size_t{0}, 1 + i++ % 3}) {
      add(seeds, target, name_of(kKinds[kind], s), s, kind, 0, 1, {});
    }
  }
  const Shape shape = {2, 32, 4, 17};
  Bytes scales;
  for (const float v : {kInf, -kInf, kNan, 0.0f, -0.0f, 0x1p-149f, 0x1.fffffep127f, 1.0f}) {
    put_floats(scales, {v, 1.0f});
  }
  add(seeds, target, "raw_scales_as_floats", shape, 0, 2, 1, scales);
  add(seeds, target, "raw_scales_as_halves", shape, 0, 2, 1, all_halves(64));
  Bytes extremes;
  for (std::size_t n = 0; n < 4 * 32 + 2 * 18 * 32; ++n) put_byte(extremes, n % 3 == 0 ? 127 : 129);
  add(seeds, target, "raw_largest_quants", shape, 0, 4, 1, extremes);
  add(seeds, target, "scale_least", shape, 1, 1, 0x1p-149f, {});
  add(seeds, target, "scale_largest", shape, 0, 1, 0x1.fffffep127f, {});
}

}  // namespace

void add_attention_seeds(Seeds& seeds) {
  add_float_cache(seeds);
  add_quantized_cache(seeds);
}

}  // namespace prumo::fuzz
