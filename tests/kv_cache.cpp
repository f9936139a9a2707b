// The KV cache against a plain table of what was stored last.
#include "model/kv_cache.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <tuple>
#include <vector>

#include "base/half.h"
#include "support/floats.h"
#include "support/tables.h"

namespace prumo::testing {
namespace {

Config shape(std::size_t layers, std::size_t kv_heads, std::size_t head_dim) {
  Config c;
  c.layers = layers;
  c.kv_heads = c.heads = kv_heads;
  c.head_dim = head_dim;
  return c;
}

float element(const KvCache& cache, const std::byte* at, std::size_t i) {
  if (cache.type() == CacheType::kF32) return reinterpret_cast<const float*>(at)[i];
  return half_to_float(reinterpret_cast<const std::uint16_t*>(at)[i]);
}

float stored(CacheType type, float x) {
  return type == CacheType::kF32 ? x : half_to_float(float_to_half(x));
}

using Place =
    std::tuple<std::size_t, std::size_t, std::size_t, std::size_t>;  // layer, head, position, d

void expect_equal(const KvCache& cache, const Config& c, const std::map<Place, float>& keys,
                  const std::map<Place, float>& values) {
  for (std::size_t layer = 0; layer < c.layers; ++layer) {
    for (std::size_t head = 0; head < c.kv_heads; ++head) {
      for (std::size_t p = 0; p < cache.context(); ++p) {
        for (std::size_t d = 0; d < c.head_dim; ++d) {
          const auto at = [&](const std::map<Place, float>& table) {
            const auto found = table.find({layer, head, p, d});
            return found == table.end() ? 0.0f : found->second;
          };
          const float key = element(cache, cache.keys(layer, head, p / 16 * 16), d * 16 + p % 16);
          const float value = element(cache, cache.values(layer, head, p), d);
          ASSERT_TRUE(same_bits(key, at(keys))) << layer << " " << head << " " << p << " " << d;
          ASSERT_TRUE(same_bits(value, at(values))) << layer << " " << head << " " << p << " " << d;
        }
        for (std::size_t d = c.head_dim; d < cache.value_stride(); ++d) {
          ASSERT_EQ(element(cache, cache.values(layer, head, p), d), 0.0f) << "padding was written";
        }
      }
    }
  }
}

TEST(KvCache, HoldsWhatWasStoredLast) {
  for (const Kernels* table : tables()) {
    for (const CacheType type : {CacheType::kF16, CacheType::kF32}) {
      for (const std::size_t head_dim : {2u, 6u, 16u, 40u, 80u}) {
        const Config c = shape(2, 3, head_dim);
        auto cache = KvCache::create(c, *table, 37, type);
        ASSERT_TRUE(cache.ok());
        std::map<Place, float> keys;
        std::map<Place, float> values;
        Bits bits(head_dim);
        for (int i = 0; i < 200; ++i) {
          const std::size_t layer = bits.below(2);
          const std::size_t position = bits.below(37);
          const std::size_t begin = bits.below(c.kv_dim());
          const std::size_t end = begin + 1 + bits.below(c.kv_dim() - begin);
          std::vector<float> rows(end - begin);
          for (float& x : rows) x = bits.unit() * 100;
          const bool key = bits.below(2) == 0;
          if (key) {
            cache->store_keys(layer, position, begin, end, rows.data());
          } else {
            cache->store_values(layer, position, begin, end, rows.data());
          }
          for (std::size_t row = begin; row < end; ++row) {
            (key ? keys : values)[{layer, row / head_dim, position, row % head_dim}] =
                stored(type, rows[row - begin]);
          }
        }
        expect_equal(*cache, c, keys, values);
      }
    }
  }
}

TEST(KvCache, PlacesAreApartAndFillItsMemory) {
  for (const CacheType type : {CacheType::kF16, CacheType::kF32}) {
    for (const std::size_t context : {1u, 16u, 17u, 32u}) {
      for (const std::size_t head_dim : {6u, 16u}) {
        const Config c = shape(2, 3, head_dim);
        auto cache = KvCache::create(c, *tables()[0], context, type);
        ASSERT_TRUE(cache.ok());
        const std::size_t slots = round_up(context, 16);
        const std::size_t size = type == CacheType::kF32 ? 4 : 2;
        std::map<const std::byte*, std::size_t> places;  // where each begins and how long it is
        for (std::size_t layer = 0; layer < 2; ++layer) {
          for (std::size_t head = 0; head < 3; ++head) {
            places[cache->keys(layer, head, 0)] = slots * head_dim * size;
            places[cache->values(layer, head, 0)] = slots * cache->value_stride() * size;
          }
        }
        ASSERT_EQ(places.size(), 12u);
        const std::byte* end = places.begin()->first;
        for (const auto& [begin, bytes] : places) {
          EXPECT_EQ(begin, end) << "context " << context << ", head size " << head_dim;
          end = begin + bytes;
        }
        EXPECT_EQ(static_cast<std::size_t>(end - places.begin()->first),
                  KvCache::bytes(c, context, type));
      }
    }
  }
}

// The first block of a position's keys: 3, 0, ..., -127, 0 has the scale 1.
TEST(KvCache, KeepsBlocksOfBytesAsQ8_0) {
  const Config c = shape(1, 2, 32);
  for (const Kernels* table : tables()) {
    auto cache = KvCache::create(c, *table, 20, CacheType::kQ8_0);
    ASSERT_TRUE(cache.ok());
    std::vector<float> row(32, 0.0f);
    row[0] = 3;
    row[30] = -127;
    cache->store_keys(0, 17, 32, 64, row.data());
    cache->store_values(0, 17, 32, 64, row.data());
    const std::byte* keys = cache->keys(0, 1, 16);
    const std::byte* values = cache->values(0, 1, 16);
    for (const std::byte* panel : {keys, values}) {
      EXPECT_EQ(panel[2], std::byte{0}) << "of position 17, the second of its panel";
      EXPECT_EQ(panel[3], std::byte{0x3C});
    }
    EXPECT_EQ(keys[64 + 4], std::byte{128 + 3});
    EXPECT_EQ(keys[64 + 7 * 64 + 4 + 2], std::byte{128 - 127});
    EXPECT_EQ(values[64 + 32], std::byte{3});
    EXPECT_EQ(values[64 + 32 + 30], std::byte{256 - 127});
  }
}

TEST(KvCache, SaysWhatItTakesAndRefusesTooMuch) {
  const Config c = shape(22, 4, 64);
  EXPECT_EQ(KvCache::bytes(c, 2048, CacheType::kF16), std::size_t{22} * 4 * 2048 * 128 * 2);
  EXPECT_EQ(KvCache::bytes(c, 2048, CacheType::kF32), std::size_t{22} * 4 * 2048 * 128 * 4);
  EXPECT_EQ(KvCache::bytes(c, 2048, CacheType::kQ8_0), std::size_t{22} * 4 * 2048 * 4 * 34);
  const auto cache = KvCache::create(c, *tables()[0], std::size_t{1} << 40, CacheType::kF16);
  ASSERT_FALSE(cache.ok());
  EXPECT_EQ(cache.error().code, ErrorCode::kOutOfMemory);
  EXPECT_EQ(cache.error().place, "KV cache");
}

}  // namespace
}  // namespace prumo::testing
