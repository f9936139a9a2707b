// Any history of rows stored in a KV cache, on every table of kernels: afterwards its memory holds
// what a map of single numbers holds, where the contract puts each, and nothing else.
//
// Input: u8 layers (1..3), u8 KV heads (1..3), u8 half of the head's size (1..20; of a Q8_0 cache
// one to three blocks), u8 context (1..50), u8 element type; then operations, each of which stores
// rows: u8 (bit 0: values, else keys; bit 1: the part that two bytes choose, else all of them; bit
// 2: as a session does that was rewound, keys and values of every layer of that position and of up
// to two that follow), u8 layer, u8 position, the two bytes, u8 (below 128: one float for all rows;
// else one for each), the floats, of each row again.
#include "model/kv_cache.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <tuple>
#include <vector>

#include "support/check.h"
#include "support/floats.h"
#include "support/oracles.h"
#include "support/quantize_law.h"

namespace {

using namespace prumo;
using fuzz::Input;

// value or key, layer, head, position, index in the head
using Place = std::tuple<bool, std::size_t, std::size_t, std::size_t, std::size_t>;
using Numbers = std::map<Place, float>;
// The same of a Q8_0 cache, the last being the block in the head.
using Blocks = std::map<Place, QuantizedBlock>;
struct History {
  Numbers numbers;
  Blocks blocks;
};

constexpr std::size_t kMostOperations = 64;
constexpr std::size_t kMostNumbers = 2048;  // of a cache: what an execution may cost

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
  constexpr CacheType kTypes[] = {CacheType::kF16, CacheType::kF32, CacheType::kQ8_0};
  s.type = kTypes[in.take<std::uint8_t>() % 3];
  if (s.type == CacheType::kQ8_0) s.config.head_dim = kBlock * (1 + s.config.head_dim / 2 % 3);
  const std::size_t most = kMostNumbers / (s.config.layers * s.config.kv_dim());
  if (s.context > most) s.context = most;
  return s;
}

struct Rows {
  bool values;
  std::size_t layer, position, begin, end;
};

void store(Input& in, const Shape& s, const Rows& at, std::vector<KvCache>& caches, History& all) {
  std::vector<float> taken(at.end - at.begin);
  const bool same = in.take<std::uint8_t>() < 128;
  for (std::size_t i = 0; i < taken.size(); ++i) {
    taken[i] = same && i != 0 ? taken[0] : in.take<float>();
  }
  const auto rows = fuzz::exact_copy<float>(taken.data(), taken.size());
  for (KvCache& cache : caches) {
    if (at.values) {
      cache.store_values(at.layer, at.position, at.begin, at.end, rows.get());
    } else {
      cache.store_keys(at.layer, at.position, at.begin, at.end, rows.get());
    }
  }
  const std::size_t head = s.config.head_dim;
  if (s.type == CacheType::kQ8_0) {
    for (std::size_t r = at.begin; r < at.end; r += kBlock) {
      all.blocks[{at.values, at.layer, r / head, at.position, r % head / kBlock}] =
          testing::quantized(&taken[r - at.begin]);
    }
    return;
  }
  for (std::size_t r = at.begin; r < at.end; ++r) {
    all.numbers[{at.values, at.layer, r / head, at.position, r % head}] = taken[r - at.begin];
  }
}

void operate(Input& in, const Shape& s, std::vector<KvCache>& caches, History& all) {
  const Config& c = s.config;
  const auto operation = in.take<std::uint8_t>();
  Rows at = {(operation & 1) != 0, in.take<std::uint8_t>() % c.layers, 0, 0, c.kv_dim()};
  at.position = in.take<std::uint8_t>() % s.context;
  if ((operation & 4) != 0) {
    const std::size_t end = std::min(s.context, at.position + 1 + operation / 8 % 3);
    for (; at.position < end; ++at.position) {
      for (at.layer = 0; at.layer < c.layers; ++at.layer) {
        at.values = false;
        store(in, s, at, caches, all);
        at.values = true;
        store(in, s, at, caches, all);
      }
    }
    return;
  }
  if ((operation & 2) != 0) {
    const std::size_t unit = s.type == CacheType::kQ8_0 ? kBlock : 1;
    at.begin = unit * (in.take<std::uint8_t>() % (at.end / unit + 1));
    at.end = at.begin + unit * (in.take<std::uint8_t>() % ((at.end - at.begin) / unit + 1));
  }
  store(in, s, at, caches, all);
}

/// The same of a Q8_0 cache, as model/kv_cache.h and kernels/pack.h have it: panels of 16
/// positions, keys of all layers and heads first. Of a panel, two blocks follow a line of their
/// scales; a block is [8 words][16 positions][4 bytes] with 128 added for keys, [16 positions][32
/// bytes] for values.
void check_blocks(const KvCache& cache, const Shape& s, const Blocks& blocks,
                  const std::string& isa) {
  const Config& c = s.config;
  const std::size_t a_head = c.head_dim / kBlock;
  const std::size_t panel_bytes = (a_head + 1) / 2 * 64 + a_head * 512;
  const std::size_t panels = (s.context + 15) / 16;
  const std::size_t bytes = KvCache::bytes(c, s.context, s.type);
  CHECK(bytes == 2 * c.layers * c.kv_heads * panels * panel_bytes, isa);
  const std::byte* const memory = cache.keys(0, 0, 0);
  std::vector<bool> known(bytes, false);
  for (const auto& [place, block] : blocks) {
    const auto& [value, layer, head, position, b] = place;
    const std::size_t of_all = ((value ? c.layers : 0) + layer) * c.kv_heads + head;
    const std::size_t panel = (of_all * panels + position / 16) * panel_bytes;
    const std::size_t first = position / 16 * 16, lane = position % 16;
    const std::string where = isa + (value ? ": value " : ": key ") + std::to_string(layer) + " " +
                              std::to_string(head) + " " + std::to_string(position) + " block " +
                              std::to_string(b);
    const std::byte* at = value ? cache.values(layer, head, first) : cache.keys(layer, head, first);
    CHECK(at == memory + panel, where + " is elsewhere");
    const std::size_t line = panel + b / 2 * (64 + 2 * 512);
    const std::size_t scale_at = line + b % 2 * 32 + lane * 2;
    std::uint16_t scale = 0;
    std::memcpy(&scale, memory + scale_at, sizeof scale);
    CHECK(testing::is_nearest_half(scale, block.scale), where + ": scale " + std::to_string(scale));
    known[scale_at] = known[scale_at + 1] = true;
    for (std::size_t i = 0; i < kBlock; ++i) {
      const std::size_t in_block = value ? lane * kBlock + i : (i / 4 * 16 + lane) * 4 + i % 4;
      const std::size_t q_at = line + 64 + b % 2 * 512 + in_block;
      const auto kept = static_cast<unsigned char>(memory[q_at]);
      const auto wanted = static_cast<unsigned char>(block.q[i] + (value ? 0 : 128));
      CHECK(kept == wanted, where + ", q " + std::to_string(i) + " is " + std::to_string(kept));
      known[q_at] = true;
    }
  }
  for (std::size_t i = 0; i < bytes; ++i) {
    CHECK(known[i] || memory[i] == std::byte{0}, isa + ": byte " + std::to_string(i));
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
      CHECK(testing::is_nearest_half(half, x), where + " is " + std::to_string(half));
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
  History all;
  for (std::size_t i = 0; in.size() != 0 && i < kMostOperations; ++i) {
    operate(in, shape, caches, all);
  }
  for (std::size_t i = 0; i < caches.size(); ++i) {
    const std::string isa(testing::tables()[i]->name);
    if (shape.type == CacheType::kQ8_0) {
      check_blocks(caches[i], shape, all.blocks, isa);
    } else {
      check(caches[i], shape, all.numbers, isa);
    }
  }
  return 0;
}
