// Seeds of the kernels that walk along vectors: lengths around those of vector registers, numbers
// of every kind, and what is special to one kernel. The layouts are those that the targets read.
#include <bit>
#include <cmath>
#include <limits>

#include "support/seeds.h"
#include "support/values.h"

namespace prumo::fuzz {
namespace {

using testing::Values;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr std::size_t kLengths[] = {1, 7, 8, 15, 16, 17, 31, 33, 63, 65};

std::vector<float> floats(const std::string& name, std::size_t n, Values kind) {
  testing::Bits bits = bits_of(name);
  return testing::make_floats(n, kind, bits);
}

/// kSpecialFloats, again and again.
std::vector<float> specials(std::size_t n) {
  std::vector<float> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = testing::kSpecialFloats[i % testing::kSpecialFloats.size()];
  }
  return out;
}

/// Calls f(name, n, kind): ordinary and special numbers of every length, a few lengths of the rest.
template <class F>
void for_lengths_and_kinds(F&& f) {
  const auto name = [](const char* kind, std::size_t n) {
    return std::string(kind) + "_" + std::to_string(n);
  };
  for (const std::size_t n : kLengths) {
    f(name("ordinary", n), n, Values::kOrdinary);
    f(name("special", n), n, Values::kSpecial);
  }
  for (const std::size_t n : {17u, 65u}) {
    f(name("wide", n), n, Values::kWide);
    f(name("tiny", n), n, Values::kTiny);
  }
  f(name("wide", 257), 257, Values::kWide);
}

/// Every special float beside every other.
void put_special_pairs(Bytes& out) {
  std::vector<float> first, second;
  for (const float a : testing::kSpecialFloats) {
    for (const float b : testing::kSpecialFloats) {
      first.push_back(a);
      second.push_back(b);
    }
  }
  put_floats(out, first);
  put_floats(out, second);
}

/// add, swiglu: both vectors, one behind the other.
void add_pairs(Seeds& seeds) {
  for (const std::string target : {"add", "swiglu"}) {
    for_lengths_and_kinds([&](const std::string& name, std::size_t n, Values kind) {
      Bytes out;
      put_floats(out, floats(target + name, n, kind));
      put_floats(out, floats(target + name + "second", n, kind));
      seeds.push_back({target, name, out});
    });
    Bytes all;
    put_special_pairs(all);
    seeds.push_back({target, "special_pairs", all});
  }
  // Halfway between two floats, and sums that cancel.
  Bytes ties;
  put_floats(ties, {1, 1, 0x1.000002p0f, 0x1.fffffep127f, 0x1p-149f, -1, 0x1.fffffep0f, 0x1p-126f});
  put_floats(ties, {0x1p-24f, 0x1.000002p-24f, 0x1p-24f, 0x1p103f, -0x1p-149f, 0x1p-25f, 0x1p-24f,
                    -0x1p-149f});
  seeds.push_back({"add", "halfway", ties});
  // Where exp(-gate) leaves the floats, on either side.
  Bytes edges;
  const std::vector<float> gate = {-87, -88,   -88.5f, -89, -103,  -104,  87,
                                   88,  88.5f, 89,     103, 1e30f, -1e30f};
  put_floats(edges, gate);
  put_floats(edges, std::vector<float>(gate.size(), 0x1p100f));
  seeds.push_back({"swiglu", "gates_at_the_limits_of_exp", edges});
}

/// exp: floats, sixteen at a time; fewer come round again.
void add_exp(Seeds& seeds) {
  const auto add = [&](const std::string& name, const std::vector<float>& x) {
    Bytes out;
    put_floats(out, x);
    seeds.push_back({"exp", name, out});
  };
  for (const std::size_t n : kLengths) {
    std::vector<float> x = floats("exp" + std::to_string(n), n, Values::kOrdinary);
    for (float& v : x) v *= 100;
    add("ordinary_" + std::to_string(n), x);
  }
  add("special", specials(24));
  add("tiny", floats("exp_tiny", 32, Values::kTiny));
  add("wide", floats("exp_wide", 64, Values::kWide));
  // A special float in every lane of otherwise ordinary ones.
  std::vector<float> lanes;
  for (std::size_t lane = 0; lane < 16; ++lane) {
    std::vector<float> x = floats("exp_lane", 16, Values::kOrdinary);
    x[lane] = lane % 3 == 0 ? kNan : lane % 3 == 1 ? kInf : -kInf;
    lanes.insert(lanes.end(), x.begin(), x.end());
  }
  add("special_in_every_lane", lanes);
  const auto around = [&](const std::string& name, float middle) {
    std::vector<float> x(16, middle);
    for (std::size_t i = 1; i < 8; ++i) x[8 + i] = std::nextafter(x[7 + i], kInf);
    for (std::size_t i = 8; i > 0; --i) x[i - 1] = std::nextafter(x[i], -kInf);
    add(name, x);
  };
  around("around_the_least_normal", -0x1.5d589ep6f);
  around("around_the_lower_limit", -87.33f);
  around("around_the_least_denormal", -0x1.9fe368p6f);
  around("around_the_upper_limit", 88.37f);
  around("around_the_largest_float", 0x1.62e42ep6f);
  around("around_zero", 0x1p-24f);
  // Halfway between two multiples of ln 2, where the reduction turns.
  std::vector<float> turns;
  for (int k = -128; k < 128; ++k) {
    turns.push_back((static_cast<float>(k) + 0.5f) * 0x1.62e43p-1f);
  }
  add("where_the_reduction_turns", turns);
}

/// narrow: floats.
void add_narrow(Seeds& seeds) {
  const auto add = [&](const std::string& name, const std::vector<float>& x) {
    Bytes out;
    put_floats(out, x);
    seeds.push_back({"narrow", name, out});
  };
  for_lengths_and_kinds([&](const std::string& name, std::size_t n, Values kind) {
    add(name, floats("narrow" + name, n, kind));
  });
  add("special_floats", specials(24));
  std::vector<float> exponents, halfway, payloads;
  for (std::uint32_t e = 0; e < 256; ++e) {
    exponents.push_back(std::bit_cast<float>(e << 23 | (e % 2) << 31 | 0x123456));
    // Exactly halfway between two normal halves, a bit below and a bit above.
    const std::uint32_t tie = (113 + e % 30) << 23 | (e & 7) << 13 | 0x1000;
    halfway.push_back(std::bit_cast<float>(tie + e % 3 - 1));
    payloads.push_back(std::bit_cast<float>(0x7F800001u | e << 14 | (e % 2) << 31));
  }
  add("every_exponent", exponents);
  add("halfway", halfway);
  add("nan_payloads", payloads);
  add("around_the_largest_half",
      {65504, 65519.996f, 65520, 65536, -65504, -65519.996f, -65520, -1e30f, 65503.99f});
  std::vector<float> denormal;
  for (int i = 0; i < 32; ++i) {
    const float least = std::ldexp(1.0f + static_cast<float>(i % 3 - 1) * 0x1p-23f, -25);
    denormal.push_back(least * static_cast<float>(2 * (i / 3) + 1));
  }
  add("halfway_between_denormal_halves", denormal);
  add("around_the_least_normal_half", {0x1p-14f, 0x1.fffffep-15f, 0x1.ffcp-15f, 0x1.ffep-15f,
                                       0x1.ffdfffp-15f, -0x1p-14f, 0x1p-24f, 0x1p-25f, 0x1p-26f});
}

/// rmsnorm: a byte, an epsilon if it is a multiple of four, x and the weights. The target takes one
/// number more than half of those that are there.
void add_rmsnorm(Seeds& seeds) {
  const auto add = [&](const std::string& name, std::size_t n, Values kind,
                       const std::vector<float>& eps) {
    Bytes out;
    put_byte(out, eps.empty() ? 1 : 0);
    put_floats(out, eps);
    put_floats(out, floats("rmsnorm" + name, n == 1 ? 1 : 2 * (n - 1), kind));
    seeds.push_back({"rmsnorm", name, out});
  };
  for_lengths_and_kinds(
      [&](const std::string& name, std::size_t n, Values kind) { add(name, n, kind, {}); });
  add("epsilon_0", 16, Values::kOrdinary, {0});
  add("epsilon_least", 33, Values::kTiny, {0x1p-149f});
  add("epsilon_1", 17, Values::kWide, {1});
  add("epsilon_infinite", 17, Values::kOrdinary, {kInf});
  add("epsilon_nan", 17, Values::kOrdinary, {kNan});
  add("epsilon_negative", 17, Values::kOrdinary, {-1});
  Bytes zeros;
  put_byte(zeros, 0);
  put_floats(zeros, std::vector<float>(1 + 2 * 32));
  seeds.push_back({"rmsnorm", "zeros_and_epsilon_0", zeros});
  Bytes special;
  put_byte(special, 1);
  put_special_pairs(special);
  seeds.push_back({"rmsnorm", "special_pairs", special});
}

/// rope: two floats a pair, then two of the table's.
void add_rope(Seeds& seeds) {
  for_lengths_and_kinds([&](const std::string& name, std::size_t n, Values kind) {
    const std::size_t pairs = n < 150 ? n : 150;
    Bytes out;
    put_floats(out, floats("rope" + name, 2 * pairs, kind));
    put_floats(out, floats("rope_table" + name, 2 * pairs, Values::kOrdinary));
    seeds.push_back({"rope", name + "_pairs", out});
  });
  const auto add = [&](const std::string& name, Values kind, Values table) {
    Bytes out;
    put_floats(out, floats("rope" + name, 2 * 33, kind));
    put_floats(out, floats("rope_table" + name, 2 * 33, table));
    seeds.push_back({"rope", name, out});
  };
  for (const std::size_t pairs : {2u, 3u, 4u, 5u}) {
    const std::string name = "special_" + std::to_string(pairs) + "_pairs";
    Bytes out;
    put_floats(out, floats("rope" + name, 4 * pairs, Values::kSpecial));
    seeds.push_back({"rope", name, out});
  }
  add("special_table", Values::kOrdinary, Values::kSpecial);
  add("all_special", Values::kSpecial, Values::kSpecial);
  add("wide_table", Values::kWide, Values::kWide);
  add("tiny_table", Values::kTiny, Values::kTiny);
  Bytes quarters;  // the four quarter turns, of every special float
  put_floats(quarters, specials(48));
  std::vector<float> table;
  for (int i = 0; i < 24; ++i) {
    const float c[] = {1, 0, -1, -0.0f}, s[] = {0, 1, -0.0f, -1};
    table.insert(table.end(), {c[i % 4], s[i % 4]});
  }
  put_floats(quarters, table);
  seeds.push_back({"rope", "quarter_turns", quarters});
}

/// softmax: a scale, a byte that says whether 16-bit numbers follow or floats, the scores.
void add_softmax(Seeds& seeds) {
  const auto add = [&](const std::string& name, float scale, const std::vector<float>& x) {
    Bytes out;
    put_floats(out, {scale});
    put_byte(out, 1);
    put_floats(out, x);
    seeds.push_back({"softmax", name, out});
  };
  for (const std::size_t n : kLengths) {
    Bytes near;
    put_floats(near, {1});
    put_byte(near, 0);
    testing::Bits bits = bits_of("softmax" + std::to_string(n));
    for (std::size_t i = 0; i < n; ++i) {
      testing::put(near, static_cast<std::uint16_t>(bits.next()));
    }
    seeds.push_back({"softmax", "near_" + std::to_string(n), near});
    const std::string name = "special_" + std::to_string(n);
    add(name, 0.125f, floats("softmax" + name, n, Values::kSpecial));
  }
  add("ordinary_257", 1, floats("softmax_ordinary", 257, Values::kOrdinary));
  add("wide_33", 0x1p-60f, floats("softmax_wide", 33, Values::kWide));
  add("tiny_33", 0x1p120f, floats("softmax_tiny", 33, Values::kTiny));
  add("scale_least", 0x1p-149f, floats("softmax_scale_least", 17, Values::kWide));
  add("scale_largest", 0x1.fffffep127f, floats("softmax_scale_largest", 17, Values::kOrdinary));
  add("special_floats", 1, specials(24));
  add("all_nan", 1, std::vector<float>(17, kNan));
  add("all_least", 1, std::vector<float>(33, -kInf));
  add("all_equal", 1, std::vector<float>(65, 3));
  std::vector<float> x(33, 1.0f);
  x[32] = kInf;
  add("infinity_last", 1, x);
  x[0] = kInf;
  add("two_infinities", 1, x);
  x.assign(33, -0.0f);
  x[20] = 0.0f;
  add("zeros_of_either_sign", 1, x);
  x.assign(33, -kInf);
  x[32] = -1000;
  add("largest_last", 1, x);
  x[16] = kNan;
  add("nan_in_the_middle", 1, x);
}

/// quantize: the shift, a byte that says whether 16-bit numbers follow or floats, their exponent.
void add_quantize(Seeds& seeds) {
  const auto integers = [&](const std::string& name, std::size_t shift, int exponent, std::size_t n,
                            const std::vector<std::int16_t>& values) {
    Bytes out;
    put_byte(out, shift);
    put_byte(out, 0);
    put_byte(out, static_cast<std::size_t>(exponent + 128));
    for (std::size_t i = 0; i < n; ++i) testing::put(out, values[i % values.size()]);
    seeds.push_back({"quantize", name, out});
  };
  const auto raw = [&](const std::string& name, std::size_t shift, const std::vector<float>& x) {
    Bytes out;
    put_byte(out, shift);
    put_byte(out, 1);
    put_byte(out, 0);
    put_floats(out, x);
    seeds.push_back({"quantize", name, out});
  };
  for (const std::size_t shift : {0u, 1u, 4u, 7u, 8u, 15u}) {
    const std::string name = std::to_string(shift + 1) + "_blocks_shift_" + std::to_string(shift);
    testing::Bits bits = bits_of("quantize" + name);
    std::vector<std::int16_t> values(32 * (shift + 1));
    for (std::int16_t& v : values) v = static_cast<std::int16_t>(bits.next());
    integers(name, shift, -8, values.size(), values);
  }
  // x * 127 / 254 lies halfway between two integers when x is odd.
  std::vector<std::int16_t> ties;
  for (int i = -127; i <= 127; i += 2) ties.push_back(static_cast<std::int16_t>(i));
  ties.push_back(254);
  integers("halfway", 0, 0, 129 / 32 * 32 + 32, ties);
  std::vector<std::int16_t> of_each(ties);
  for (std::size_t i = 31; i < of_each.size(); i += 32) of_each[i] = 254;
  integers("halfway_in_every_block", 3, 0, 128, of_each);
  integers("negative_largest", 2, 0, 64, {5, -300, 299, -127, 1, 0, -1});
  integers("all_alike", 0, 3, 96, {127});
  integers("all_alike_negative", 1, 3, 96, {-127});
  integers("up_and_down", 0, 0, 64, {32767, -32768});
  for (const int exponent : {-128, -116, -115, -114, -101, -100, 84, 85, 86, 100, 113, 127}) {
    const std::string sign = exponent < 0 ? "minus_" : "";
    integers("exponent_" + sign + std::to_string(std::abs(exponent)), 0, exponent, 64,
             {1, -2, 3, 32767, 5, -32767, 0});
  }
  for (const Values kind : testing::kAllValues) {
    const std::string kinds[] = {"ordinary", "wide", "tiny", "special"};
    const std::string name = "raw_" + kinds[static_cast<std::size_t>(kind)];
    raw(name, 5, floats("quantize" + name, 256, kind));
  }
  raw("raw_special_floats", 0, specials(96));
  raw("raw_zeros", 0, std::vector<float>(64, -0.0f));
  std::vector<float> lanes = floats("quantize_lanes", 256, Values::kOrdinary);
  for (std::size_t block = 0; block < 8; ++block) lanes[33 * block + 3] = block % 2 ? kNan : -kInf;
  raw("raw_unusable_in_one_lane", 1, lanes);
  raw("raw_around_the_least", 0,
      {0x1p-100f,
       0x1.000002p-100f,
       0x1.fffffep-101f,
       -0x1p-100f,
       0x1p-101f,
       0,
       0,
       0,
       0x1p-149f,
       0,
       0,
       0,
       0,
       0,
       0,
       0,
       0,
       0,
       0,
       0,
       0,
       0,
       0,
       0,
       0,
       0,
       0,
       0,
       0,
       0,
       0,
       0});
  // Scales halfway between two of 11 bits, one to round down and one up.
  std::vector<float> halfway(64, 1.0f);
  halfway[7] = 127 * 2049;
  halfway[39] = -127 * 2051;
  raw("raw_scales_halfway", 0, halfway);
  std::vector<float> least(64);
  least[5] = -0x1p-100f;
  least[40] = 0x1.000002p-100f;
  raw("raw_least_used_and_not", 0, least);
  std::vector<float> most(64, 1.0f);
  most[31] = -0x1p100f;
  most[32] = 0x1.000002p100f;
  raw("raw_largest_used_and_not", 0, most);
}

/// merge: ranges, head_dim, the kind, what is raw, a scale, a seed, then maxima, sums and values.
void add_merge(Seeds& seeds) {
  struct Shape {
    std::size_t ranges, head_dim;
  };
  constexpr Shape kShapes[] = {{1, 1},   {2, 2},  {3, 7},  {4, 8},  {2, 15}, {5, 16},
                               {20, 17}, {2, 31}, {3, 33}, {7, 63}, {2, 65}, {20, 100}};
  const auto add = [&](const std::string& name, Shape s, std::size_t kind, std::size_t is_raw,
                       float scale, const std::vector<float>& raw) {
    Bytes out;
    put_byte(out, s.ranges - 1);
    put_byte(out, s.head_dim - 1);
    put_byte(out, kind);
    put_byte(out, is_raw);
    put_floats(out, {scale});
    testing::put(out, static_cast<std::uint32_t>(bits_of("merge" + name).next()));
    put_floats(out, raw);
    seeds.push_back({"merge", name, out});
  };
  const std::string kinds[] = {"ordinary", "wide", "tiny", "special"};
  std::size_t i = 0;
  for (const Shape s : kShapes) {
    for (const std::size_t kind : {std::size_t{0}, 1 + i % 3}) {
      add(kinds[kind] + "_" + std::to_string(s.ranges) + "_ranges_of_" + std::to_string(s.head_dim),
          s, kind, 0, i % 2 == 0 ? 0.125f : 1.0f, {});
    }
    ++i;
  }
  const Shape shape = {3, 17};
  add("raw_maxima_least", shape, 0, 1, 1, {-kInf, -kInf, -kInf});
  add("raw_maxima_some_least", shape, 0, 1, 1, {-kInf, 2, -kInf});
  add("raw_maxima_nan", shape, 0, 1, 1, {kNan, 2, 1});
  add("raw_maxima_infinite", shape, 0, 1, 1, {1, kInf, kInf});
  add("raw_maxima_apart", shape, 0, 1, 1, {0, 80, 170});
  add("raw_maxima_zeros", shape, 0, 1, 1, {-0.0f, 0.0f, -0.0f});
  add("raw_sums_zero", shape, 0, 2, 1, {0, -0.0f, 0});
  add("raw_sums_special", shape, 0, 2, 1, {kInf, 0x1p-149f, kNan});
  add("raw_values_special", shape, 0, 4, 1, specials(51));
  add("raw_all_special", {12, 33}, 1, 7, 0.5f, specials(12 + 12 + 12 * 33));
  add("scale_least", shape, 1, 0, 0x1p-149f, {});
  add("scale_largest", shape, 1, 0, 0x1.fffffep127f, {});
}

/// Bytes that are no whole element, behind what a target takes first.
void add_too_short(Seeds& seeds) {
  const std::pair<const char*, std::size_t> kSizes[] = {
      {"add", 7},     {"exp", 3},  {"narrow", 3},  {"quantize", 3 + 63},
      {"rmsnorm", 4}, {"rope", 9}, {"softmax", 6}, {"swiglu", 7}};
  for (const auto& [target, size] : kSizes) {
    seeds.push_back({target, "too_short", Bytes(size, std::byte{0x41})});
  }
}

}  // namespace

void add_vector_seeds(Seeds& seeds) {
  add_pairs(seeds);
  add_exp(seeds);
  add_narrow(seeds);
  add_rmsnorm(seeds);
  add_rope(seeds);
  add_softmax(seeds);
  add_quantize(seeds);
  add_merge(seeds);
  add_too_short(seeds);
}

}  // namespace prumo::fuzz
