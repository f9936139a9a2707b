// Any history of rows stored in a KV cache, on every table of kernels: afterwards its memory holds
// what a map of single numbers holds, where the contract puts each, and nothing else.
//
// Input: u8 layers (1..3), u8 KV heads (1..3), u8 half of the head's size (1..20), u8 context
// (1..50), u8 element type; then operations, each of which stores rows: u8 (bit 0: values, else
// keys; bit 1: the part that two bytes choose, else all of them), u8 layer, u8 position, the two
// bytes, u8 (below 128: one float for all rows; else one for each), the floats.
#include "model/kv_cache.h"

#include <cmath>
#include <map>
#include <tuple>
#include <vector>

#include "support/check.h"
#include "support/floats.h"
#include "support/oracles.h"

namespace {

using namespace prumo;
using fuzz::Input;

// value or key, layer, head, position, index in the head
using Place = std::tuple<bool, std::size_t, std::size_t, std::size_t, std::size_t>;
using Numbers = std::map<Place, float>;

constexpr std::size_t kMostOperations = 64;
constexpr std::size_t kMostNumbers = 2048;  // of a cache: what an execution may cost

/// Whether this half is the nearest to x, of two that are as near the even one: by their values.
bool is_nearest_half(std::uint16_t h, float x) {
  const auto value = [](std::uint16_t bits) { return testing::half_value(bits); };
  const bool negative = std::signbit(x);
  if (testing::is_nan(x)) return (h & 0x7C00) == 0x7C00 && (h & 0x3FF) != 0;
  if (((h >> 15) != 0) != negative) return false;
  const auto magnitude = static_cast<std::uint16_t>(h & 0x7FFF);
  const double a = std::fabs(static_cast<double>(x));
  // From half a unit above the largest finite half on, it is infinity.
  if (magnitude == 0x7C00) return a >= 65520;
  if (magnitude > 0x7C00 || a >= 65520) return false;
  const double off = std::fabs(a - value(magnitude));
  const auto as_good = [&](std::uint16_t other) {
    const double other_off = std::fabs(a - value(other));
    return off < other_off || (off == other_off && magnitude % 2 == 0);
  };
  const bool above = magnitude == 0x7BFF || as_good(static_cast<std::uint16_t>(magnitude + 1));
  return above && (magnitude == 0 || as_good(static_cast<std::uint16_t>(magnitude - 1)));
}

struct Shape {
  Config config;
  std::size_t context = 0;
  CacheType type = CacheType::kF16;
};

Shape take_shape(Input& in) {
  Shape s;
  s.config.layers = 1 + in.take<std::uint8_t>() % 3;
  s.config.kv_heads = s.config.heads = 1 + in.take<std::uint8_t>() % 3;
  s.config.head_dim = 2 * (1 + in.take<std::uint8_t>() % 20u);
  s.context = 1 + in.take<std::uint8_t>() % 50u;
  const std::size_t most = kMostNumbers / (s.config.layers * s.config.kv_dim());
  if (s.context > most) s.context = most;
  s.type = in.take<std::uint8_t>() % 2 == 0 ? CacheType::kF16 : CacheType::kF32;
  return s;
}

void store(Input& in, const Shape& s, std::vector<KvCache>& caches, Numbers& numbers) {
  const Config& c = s.config;
  const auto operation = in.take<std::uint8_t>();
  const bool values = (operation & 1) != 0;
  const std::size_t layer = in.take<std::uint8_t>() % c.layers;
  const std::size_t position = in.take<std::uint8_t>() % s.context;
  std::size_t begin = 0;
  std::size_t end = c.kv_dim();
  if ((operation & 2) != 0) {
    begin = in.take<std::uint8_t>() % (end + 1);
    end = begin + in.take<std::uint8_t>() % (end - begin + 1);
  }
  std::vector<float> taken(end - begin);
  const bool same = in.take<std::uint8_t>() < 128;
  for (std::size_t i = 0; i < taken.size(); ++i) {
    taken[i] = same && i != 0 ? taken[0] : in.take<float>();
  }
  const auto rows = fuzz::exact_copy<float>(taken.data(), taken.size());
  for (KvCache& cache : caches) {
    if (values) {
      cache.store_values(layer, position, begin, end, rows.get());
    } else {
      cache.store_keys(layer, position, begin, end, rows.get());
    }
  }
  for (std::size_t r = begin; r < end; ++r) {
    numbers[{values, layer, r / c.head_dim, position, r % c.head_dim}] = taken[r - begin];
  }
}

/// Every number is at its place, and all the other bytes of the cache are zero.
void check(const KvCache& cache, const Shape& s, const Numbers& numbers, const std::string& isa) {
  const Config& c = s.config;
  const std::size_t size = s.type == CacheType::kF16 ? 2 : 4;
  const std::size_t bytes = KvCache::bytes(c, s.context, s.type);
  const std::size_t slots = (s.context + 15) / 16 * 16;
  const std::size_t row = (c.head_dim + 15) / 16 * 16;
  CHECK(cache.value_stride() == row && cache.context() == s.context, isa);
  CHECK(bytes == c.layers * c.kv_heads * slots * (c.head_dim + row) * size, isa);
  const std::byte* const memory = cache.keys(0, 0, 0);
  std::vector<bool> known(bytes, false);
  for (const auto& [place, x] : numbers) {
    const auto& [value, layer, head, position, d] = place;
    const std::size_t first = position / 16 * 16;
    const std::byte* at =
        value ? cache.values(layer, head, first) + ((position - first) * row + d) * size
              : cache.keys(layer, head, first) + (d * 16 + (position - first)) * size;
    const auto offset = static_cast<std::size_t>(at - memory);
    const std::string where = std::string(isa) + (value ? ": value " : ": key ") +
                              std::to_string(layer) + " " + std::to_string(head) + " " +
                              std::to_string(position) + " " + std::to_string(d);
    CHECK(at >= memory && offset + size <= bytes, where + " is outside");
    CHECK(!known[offset], where + " lies on another");
    for (std::size_t i = 0; i < size; ++i) known[offset + i] = true;
    float kept = 0;
    std::uint16_t half = 0;
    if (s.type == CacheType::kF32) {
      std::memcpy(&kept, at, size);
      CHECK(testing::same_bits(kept, x), where);
    } else {
      std::memcpy(&half, at, size);
      CHECK(is_nearest_half(half, x), where + " is " + std::to_string(half));
    }
  }
  for (std::size_t i = 0; i < bytes; ++i) {
    CHECK(known[i] || memory[i] == std::byte{0}, std::string(isa) + ": byte " + std::to_string(i));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input in(data, size);
  const Shape shape = take_shape(in);
  std::vector<KvCache> caches;
  for (const Kernels* table : testing::tables()) {
    auto cache = KvCache::create(shape.config, *table, shape.context, shape.type);
    CHECK(cache.ok(), "a small cache");
    caches.push_back(std::move(*cache));
  }
  Numbers numbers;
  for (std::size_t i = 0; in.size() != 0 && i < kMostOperations; ++i) {
    store(in, shape, caches, numbers);
  }
  for (std::size_t i = 0; i < caches.size(); ++i) {
    check(caches[i], shape, numbers, std::string(testing::tables()[i]->name));
  }
  return 0;
}
