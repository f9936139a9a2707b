// Laws of the KV cache: after any history of rows written, over and over and in any order, it holds
// what a table of single numbers holds.
#include "model/kv_cache.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "base/half.h"
#include "kernels/pack.h"
#include "support/gen.h"
#include "support/quantize_law.h"
#include "support/tables.h"

namespace prumo::testing {
namespace {

// Every number by itself: [layer][head][position][d].
class Table {
 public:
  Table(const Config& c, std::size_t context) : c_(c), context_(context) {
    keys_.resize(c.layers * c.kv_heads * context * c.head_dim);
    values_ = keys_;
  }
  float& at(bool key, std::size_t layer, std::size_t head, std::size_t position, std::size_t d) {
    const std::size_t i = ((layer * c_.kv_heads + head) * context_ + position) * c_.head_dim + d;
    return (key ? keys_ : values_)[i];
  }

 private:
  Config c_;
  std::size_t context_;
  std::vector<float> keys_;
  std::vector<float> values_;
};

// From least to below end, the whole of it from the first case on.
std::size_t between(std::size_t least, std::size_t end) {
  return *full_range(rc::gen::inRange(least, end));
}

Config any_shape() {
  Config c;
  c.layers = between(1, 4);
  c.kv_heads = c.heads = between(1, 4);
  c.head_dim = 2 * between(1, 41);
  return c;
}

// Of any type; a Q8_0 cache has heads of whole blocks.
CacheType any_type(Config& c) {
  const auto type = *rc::gen::element(CacheType::kF16, CacheType::kF32, CacheType::kQ8_0);
  if (type == CacheType::kQ8_0) c.head_dim = kBlock * (c.head_dim / kBlock + 1);
  return type;
}

float element(const KvCache& cache, const std::byte* at, std::size_t i) {
  if (cache.type() == CacheType::kF32) return reinterpret_cast<const float*>(at)[i];
  return half_to_float(reinterpret_cast<const std::uint16_t*>(at)[i]);
}

// Element d of the lane-th position of a Q8_0 panel.
float quantized_element(const std::byte* panel, bool key, std::size_t lane, std::size_t d) {
  const PanelLayout at = panel_layout(gguf::TensorType::kQ8_0);
  std::uint16_t scale;
  std::memcpy(&scale, panel + at.scales_at(d / kBlock) + lane * 2, 2);
  const std::byte byte =
      key ? panel[at.block_at(d / kBlock) + (d % kBlock / 4 * 16 + lane) * 4 + d % 4] ^
                std::byte{0x80}
          : panel[at.block_at(d / kBlock) + lane * kBlock + d % kBlock];
  return half_to_float(scale) * static_cast<float>(static_cast<std::int8_t>(byte)) + 0.0f;
}

// What is kept of rows that are stored at once; those of a Q8_0 cache are whole blocks.
std::vector<float> kept(CacheType type, const std::vector<float>& rows) {
  std::vector<float> out = rows;
  if (type == CacheType::kF16) {
    for (float& x : out) x = half_to_float(float_to_half(x));
  }
  for (std::size_t i = 0; i < out.size() && type == CacheType::kQ8_0; ++i) {
    const QuantizedBlock block = quantized(rows.data() + i / kBlock * kBlock);
    out[i] =
        half_to_float(float_to_half(block.scale)) * static_cast<float>(block.q[i % kBlock]) + 0.0f;
  }
  return out;
}

void every_number_is_the_tables(const KvCache& cache, const Config& c, Table& table) {
  for (std::size_t layer = 0; layer < c.layers; ++layer) {
    for (std::size_t head = 0; head < c.kv_heads; ++head) {
      for (std::size_t p = 0; p < cache.context(); ++p) {
        const std::byte* panel = cache.keys(layer, head, p / 16 * 16);
        const std::byte* rows = cache.values(layer, head, p / 16 * 16);
        const std::size_t row = p % 16 * cache.value_stride();
        for (std::size_t d = 0; d < c.head_dim; ++d) {
          if (cache.type() == CacheType::kQ8_0) {
            RC_ASSERT(same_bits(quantized_element(panel, true, p % 16, d),
                                table.at(true, layer, head, p, d)));
            RC_ASSERT(same_bits(quantized_element(rows, false, p % 16, d),
                                table.at(false, layer, head, p, d)));
            continue;
          }
          RC_ASSERT(
              same_bits(element(cache, panel, d * 16 + p % 16), table.at(true, layer, head, p, d)));
          RC_ASSERT(same_bits(element(cache, rows, row + d), table.at(false, layer, head, p, d)));
        }
        for (std::size_t d = c.head_dim; d < cache.value_stride(); ++d) {
          RC_ASSERT(same_bits(element(cache, rows, row + d), 0.0f));
        }
      }
    }
  }
}

// Any rows of any position, keys and values, of a whole position or a part of it, new or again.
RC_GTEST_PROP(KvCacheLaw, AnyHistoryIsThatOfATable, ()) {
  Config c = any_shape();
  const auto context = between(1, 60);
  const auto type = any_type(c);
  const std::size_t unit = type == CacheType::kQ8_0 ? kBlock : 1;
  const Kernels& kernels = **rc::gen::elementOf(tables());
  auto cache = KvCache::create(c, kernels, context, type);
  RC_ASSERT(cache.ok());
  Table table(c, context);
  Bits bits(*rc::gen::arbitrary<std::uint64_t>());
  const auto writes = between(0, 80);
  for (std::size_t i = 0; i < writes; ++i) {
    const bool key = bits.below(2) == 0;
    const std::size_t layer = bits.below(c.layers);
    const std::size_t position = bits.below(context);
    const std::size_t begin = unit * bits.below(c.kv_dim() / unit + 1);
    const std::size_t end = begin + unit * bits.below((c.kv_dim() - begin) / unit + 1);
    std::vector<float> rows(end - begin);
    for (float& x : rows) x = bits.below(10) == 0 ? bits.any() : bits.unit() * 9;
    if (key) {
      cache->store_keys(layer, position, begin, end, rows.data());
    } else {
      cache->store_values(layer, position, begin, end, rows.data());
    }
    const std::vector<float> in_cache = kept(type, rows);
    for (std::size_t r = begin; r < end; ++r) {
      table.at(key, layer, r / c.head_dim, position, r % c.head_dim) = in_cache[r - begin];
    }
  }
  every_number_is_the_tables(*cache, c, table);
}

// Rows of one position cut among writers, as threads cut them, in any order.
RC_GTEST_PROP(KvCacheLaw, HowAPositionIsCutDoesNotMatter, ()) {
  Config c = any_shape();
  const auto context = between(1, 40);
  const auto type = any_type(c);
  const std::size_t unit = type == CacheType::kQ8_0 ? kBlock : 1;
  auto whole = KvCache::create(c, *tables().back(), context, type);
  auto parts = KvCache::create(c, *tables().back(), context, type);
  RC_ASSERT(whole.ok() && parts.ok());
  const auto position = between(0, context);
  Bits bits(*rc::gen::arbitrary<std::uint64_t>());
  std::vector<float> rows(c.kv_dim());
  for (float& x : rows) x = bits.unit();
  whole->store_keys(0, position, 0, rows.size(), rows.data());
  whole->store_values(0, position, 0, rows.size(), rows.data());
  const auto cut = unit * between(0, rows.size() / unit + 1);
  parts->store_keys(0, position, cut, rows.size(), rows.data() + cut);
  parts->store_values(0, position, cut, rows.size(), rows.data() + cut);
  parts->store_values(0, position, 0, cut, rows.data());
  parts->store_keys(0, position, 0, cut, rows.data());
  const std::size_t size = KvCache::bytes(c, context, type);
  RC_ASSERT(std::memcmp(whole->keys(0, 0, 0), parts->keys(0, 0, 0), size) == 0);
}

// What a cache takes: no less than its numbers, and no more than a panel and a row's padding
// beside.
RC_GTEST_PROP(KvCacheLaw, ItTakesWhatItHolds, ()) {
  const Config c = any_shape();
  const auto context = between(1, 5000);
  const std::size_t numbers = 2 * c.layers * c.kv_heads * c.head_dim * context;
  const std::size_t padded = 2 * c.layers * c.kv_heads * (c.head_dim + 15) * (context + 15);
  const std::size_t bytes = KvCache::bytes(c, context, CacheType::kF16);
  RC_ASSERT(bytes >= 2 * numbers && bytes <= 2 * padded);
  RC_ASSERT(KvCache::bytes(c, context, CacheType::kF32) == 2 * bytes);
  Config blocks = c;
  blocks.head_dim = 64 * (c.head_dim / 64 + 1);  // 34 bytes a block, no rounding
  const std::size_t halves = KvCache::bytes(blocks, context, CacheType::kF16);
  RC_ASSERT(KvCache::bytes(blocks, context, CacheType::kQ8_0) * 32 == halves * 17);
}

}  // namespace
}  // namespace prumo::testing
