// Seeds of the kernels that look through logits: special floats alone at every place about the ends
// of vectors and spans, ties, and the runs that a search must not trip over.
#include <algorithm>
#include <limits>

#include "support/seeds.h"
#include "support/values.h"

namespace prumo::fuzz {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
// About the widths of vectors, four of them at once, and a tile.
constexpr std::size_t kLengths[] = {1, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 127, 129, 257};

std::vector<float> floats(const std::string& name, std::size_t n, testing::Values kind) {
  testing::Bits bits = bits_of(name);
  return testing::make_floats(n, kind, bits);
}

/// What any search may meet, under a name.
struct Logits {
  std::string name;
  std::vector<float> x;
};
std::vector<Logits> all_logits() {
  std::vector<Logits> out;
  for (const std::size_t n : kLengths) {
    const std::string length = "_of_" + std::to_string(n);
    out.push_back({"ordinary" + length, floats("scan" + length, n, testing::Values::kOrdinary)});
    std::vector<float> x(n, -1.0f);
    x.back() = 2.0f;
    out.push_back({"largest_last" + length, x});
    if (n == 1) continue;
    x.front() = 2.0f;
    out.push_back({"tie_of_first_and_last" + length, x});
  }
  out.push_back({"special_33", floats("scan_special", 33, testing::Values::kSpecial)});
  out.push_back({"tiny_65", floats("scan_tiny", 65, testing::Values::kTiny)});
  out.push_back({"all_least", std::vector<float>(65, -kInf)});
  out.push_back({"all_nan", std::vector<float>(33, kNan)});
  out.push_back({"all_equal", std::vector<float>(129, 0.5f)});
  std::vector<float> x(129, -0.0f);
  x[77] = 0.0f;
  out.push_back({"zeros_of_either_sign", x});
  for (const std::size_t at : {0u, 15u, 16u, 63u, 64u, 128u}) {
    x.assign(129, 1.0f);
    x[at] = kNan;
    out.push_back({"nan_at_" + std::to_string(at), x});
    x[at] = -kInf;
    x[(at + 64) % 129] = kInf;
    out.push_back({"infinities_at_" + std::to_string(at), x});
  }
  return out;
}

Bytes behind(const Bytes& head, const std::vector<float>& x) {
  Bytes out = head;
  put_floats(out, x);
  return out;
}
Bytes bytes_of(std::initializer_list<std::size_t> bytes) {
  Bytes out;
  for (const std::size_t byte : bytes) put_byte(out, byte);
  return out;
}

/// argmax: a byte of mode and offset; runs are which special float, and how many.
void add_argmax(Seeds& seeds) {
  for (const Logits& l : all_logits()) {
    const std::size_t offset = l.x.size() % 64;
    Bytes out = behind(bytes_of({offset << 2}), l.x);
    seeds.push_back({"argmax", l.name, out});
    put_byte(out, 0);  // of another parity: against the page before
    if (l.x.size() % 16 == 1) seeds.push_back({"argmax", l.name + "_left", out});
  }
  const auto runs = [&](const std::string& name,
                        const std::vector<std::pair<std::size_t, std::size_t>>& all) {
    Bytes out = bytes_of({3});
    for (const auto& [which, count] : all) {
      put_byte(out, which);
      testing::put(out, static_cast<std::uint16_t>(count));
    }
    seeds.push_back({"argmax", name, out});
  };
  for (std::size_t which = 0; which < testing::kSpecialFloats.size(); ++which) {
    runs("run_of_special_" + std::to_string(which), {{0, 511}, {which, 1}, {0, 700}, {which, 3}});
  }
  runs("beyond_a_span", {{3, 512}, {4, 1}, {3, 511}, {4, 1}, {3, 0xFFF}});
  runs("as_long_as_it_takes", {{5, 0xE000 + 8192 / 16}});
}

/// tile_max: a byte of mode, the floats.
void add_tile_max(Seeds& seeds) {
  for (const Logits& l : all_logits()) {
    seeds.push_back({"tile_max", l.name, behind(bytes_of({0}), l.x)});
  }
  Bytes pairs = bytes_of({1});
  for (std::size_t two = 0; two < 256; ++two) put_byte(pairs, two);
  seeds.push_back({"tile_max", "special_pairs", pairs});
  seeds.push_back({"tile_max", "of_nothing", bytes_of({0})});
}

/// tile_weight: a scale, a byte by which the maximum stands above the largest, the logits.
void add_tile_weight(Seeds& seeds) {
  const auto add = [&](const std::string& name, float scale, std::size_t raise,
                       const std::vector<float>& x) {
    Bytes out;
    put_floats(out, {scale});
    put_byte(out, raise);
    seeds.push_back({"tile_weight", name, behind(out, x)});
  };
  for (const Logits& l : all_logits()) add(l.name, 1, 0, l.x);
  const std::vector<float> x = floats("weights", 130, testing::Values::kOrdinary);
  add("scale_least", 0x1p-149f, 0, x);
  add("scale_largest", 0x1.fffffep127f, 0, x);
  add("maximum_far_above", 1, 120, x);
  add("weights_about_to_vanish", 1, 87, x);
}

/// collect: the threshold, the first position, the floats.
void add_collect(Seeds& seeds) {
  const auto add = [&](const std::string& name, float least, std::uint32_t first,
                       const std::vector<float>& x) {
    Bytes out;
    put_floats(out, {least});
    testing::put(out, first);
    seeds.push_back({"collect", name, behind(out, x)});
  };
  for (const Logits& l : all_logits()) add(l.name, 0.5f, 7, l.x);
  const std::vector<float> x = floats("collected", 130, testing::Values::kSpecial);
  add("threshold_nan", kNan, 0, x);
  add("threshold_least", -kInf, 0, x);
  add("threshold_infinite", kInf, 0, x);
  add("threshold_minus_zero", -0.0f, 0, x);
  add("last_positions", 0.0f, 0xFFFFFF00u, x);
}

struct Options {
  std::string name;
  float temperature;
  std::size_t top_k;
  float top_p, min_p;
};

/// sampler: how logits are made, the options, a seed and a position, then the logits: floats, or a
/// shape of which there are some, a length and a seed.
void add_sampler(Seeds& seeds) {
  const Options kOptions[] = {{"greedy", 0, 0, 1, 0},
                              {"plain", 1, 0, 1, 0},
                              {"usual", 0.8f, 40, 0.9f, 0},
                              {"top_p", 1, 0, 0.9f, 0},
                              {"top_p_least", 1, 0, 0x1p-149f, 0},
                              {"top_1", 1, 1, 1, 0},
                              {"min_p", 1.5f, 0, 1, 0.05f},
                              {"min_p_largest", 1, 0, 1, 0x1.fffffep-1f},
                              {"all_at_once", 0.5f, 100, 0.95f, 0.01f},
                              {"coldest", 0x1p-149f, 0, 0.5f, 0},
                              {"hottest", 0x1.fffffep127f, 0, 0.99f, 0}};
  const auto head = [](std::size_t kind, const Options& o) {
    Bytes out;
    put_byte(out, kind);
    put_floats(out, {o.temperature});
    testing::put(out, static_cast<std::uint16_t>(o.top_k));
    put_floats(out, {o.top_p, o.min_p});
    testing::put(out, bits_of("sampler" + o.name).next());
    testing::put(out, static_cast<std::uint64_t>(o.top_k));
    return out;
  };
  constexpr std::uint32_t kShapes = 8;  // or more: they come round again
  for (const Options& o : kOptions) {
    for (std::uint32_t shape = 0; shape < kShapes; ++shape) {
      Bytes out = head(2 + shape % 2, o);
      testing::put(out, shape);
      testing::put(out, 300 + 41 * shape);  // of the longest that the kind has
      testing::put(out, shape * 7919 + 1);
      const std::string name = o.name + "_shape_" + std::to_string(shape);
      if ((shape + o.top_k) % 4 == 0) seeds.push_back({"sampler", name, out});
    }
    const std::vector<float> x = floats(o.name, 65, testing::Values::kOrdinary);
    seeds.push_back({"sampler", o.name + "_ordinary", behind(head(0, o), x)});
  }
  for (const Logits& l : all_logits()) {
    if (l.x.size() == 129) {
      seeds.push_back({"sampler", "usual_" + l.name, behind(head(0, kOptions[2]), l.x)});
    }
  }
}

}  // namespace

void add_scan_seeds(Seeds& seeds) {
  add_argmax(seeds);
  add_tile_max(seeds);
  add_tile_weight(seeds);
  add_collect(seeds);
  add_sampler(seeds);
}

}  // namespace prumo::fuzz
