#include "model/kv_cache.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "base/half.h"
#include "kernels/pack.h"

namespace prumo {
namespace {

constexpr std::size_t kPanelKeys = 16;

constexpr std::size_t element_bytes(CacheType type) {
  return type == CacheType::kF16 ? 2 : 4;
}

}  // namespace

std::size_t KvCache::bytes(const Config& config, std::size_t context, CacheType type) {
  const std::size_t slots = round_up(context, kPanelKeys);
  if (type == CacheType::kQ8_0) {
    return 2 * config.layers * config.kv_heads * slots / kPanelKeys *
           panel_layout(gguf::TensorType::kQ8_0).bytes(config.head_dim / kBlock);
  }
  const std::size_t row = config.head_dim + round_up(config.head_dim, kPanelKeys);
  return config.layers * config.kv_heads * slots * row * element_bytes(type);
}

Result<KvCache> KvCache::create(const Config& config, const Kernels& kernels, std::size_t context,
                                CacheType type) {
  assert(type != CacheType::kQ8_0 || config.head_dim % kBlock == 0);
  auto memory = Block::allocate(bytes(config, context, type), "KV cache");
  if (!memory) return memory.error();
  KvCache cache;
  cache.memory_ = std::move(*memory);
  cache.kernels_ = &kernels;
  cache.type_ = type;
  cache.element_bytes_ = element_bytes(type);
  cache.layers_ = config.layers;
  cache.heads_ = config.kv_heads;
  cache.head_dim_ = config.head_dim;
  cache.value_stride_ = round_up(config.head_dim, kPanelKeys);
  cache.context_ = context;
  cache.slots_ = round_up(context, kPanelKeys);
  return cache;
}

std::size_t KvCache::keys_at(std::size_t layer, std::size_t head) const {
  return (layer * heads_ + head) * slots_ * head_dim_;
}

std::size_t KvCache::values_at(std::size_t layer, std::size_t head) const {
  return layers_ * heads_ * slots_ * head_dim_ + (layer * heads_ + head) * slots_ * value_stride_;
}

// n elements to first, first + step, ...
void KvCache::store(std::size_t first, std::size_t step, const float* rows, std::size_t n) {
  if (type_ == CacheType::kF32) {
    auto* to = reinterpret_cast<float*>(memory_.data()) + first;
    for (std::size_t i = 0; i < n; ++i) to[i * step] = rows[i];
    return;
  }
  auto* to = reinterpret_cast<std::uint16_t*>(memory_.data()) + first;
  if (step == 1) {
    kernels_->narrow(rows, n, to);
    return;
  }
  constexpr std::size_t kAtOnce = 64;
  std::uint16_t half[kAtOnce];
  for (std::size_t done = 0; done < n; done += kAtOnce) {
    const std::size_t some = std::min(kAtOnce, n - done);
    kernels_->narrow(rows + done, some, half);
    for (std::size_t i = 0; i < some; ++i) to[(done + i) * step] = half[i];
  }
}

std::size_t KvCache::panel_at(bool keys, std::size_t layer, std::size_t head,
                              std::size_t position) const {
  const std::size_t head_of_all = ((keys ? 0 : layers_) + layer) * heads_ + head;
  const std::size_t panel = (head_of_all * slots_ + position) / kPanelKeys;
  return panel * panel_layout(gguf::TensorType::kQ8_0).bytes(head_dim_ / kBlock);
}

// Blocks of 32, as the activations of a product are quantized, their scales rounded to f16. Keys
// lie as the rows of a packed matrix do, 128 added; values as they are.
void KvCache::store_blocks(bool keys, std::size_t layer, std::size_t position, std::size_t begin,
                           std::size_t end, const float* rows) {
  assert(begin % kBlock == 0 && end % kBlock == 0);
  const PanelLayout at = panel_layout(gguf::TensorType::kQ8_0);
  const std::size_t lane = position % kPanelKeys;
  for (; begin < end; begin += kBlock, rows += kBlock) {
    QuantizedBlock block;
    kernels_->quantize(rows, kBlock, &block);
    const std::size_t b = begin % head_dim_ / kBlock;
    std::byte* panel = memory_.data() + panel_at(keys, layer, begin / head_dim_, position);
    const std::uint16_t scale = float_to_half(block.scale);
    std::memcpy(panel + at.scales_at(b) + lane * sizeof scale, &scale, sizeof scale);
    if (!keys) {
      std::memcpy(panel + at.block_at(b) + lane * kBlock, block.q, kBlock);
      continue;
    }
    for (std::size_t i = 0; i < kBlock; i += 4) {
      std::uint32_t word;
      std::memcpy(&word, block.q + i, sizeof word);
      word ^= 0x80808080u;
      std::memcpy(panel + at.block_at(b) + (i / 4 * kPanelKeys + lane) * sizeof word, &word,
                  sizeof word);
    }
  }
}

void KvCache::store_keys(std::size_t layer, std::size_t position, std::size_t begin,
                         std::size_t end, const float* rows) {
  assert(position < context_);
  if (type_ == CacheType::kQ8_0) return store_blocks(true, layer, position, begin, end, rows);
  while (begin < end) {  // one head after the other
    const std::size_t head = begin / head_dim_;
    const std::size_t n = std::min(end, (head + 1) * head_dim_) - begin;
    const std::size_t column = position / kPanelKeys * head_dim_ + begin % head_dim_;
    store(keys_at(layer, head) + column * kPanelKeys + position % kPanelKeys, kPanelKeys, rows, n);
    begin += n;
    rows += n;
  }
}

void KvCache::store_values(std::size_t layer, std::size_t position, std::size_t begin,
                           std::size_t end, const float* rows) {
  assert(position < context_);
  if (type_ == CacheType::kQ8_0) return store_blocks(false, layer, position, begin, end, rows);
  while (begin < end) {
    const std::size_t head = begin / head_dim_;
    const std::size_t n = std::min(end, (head + 1) * head_dim_) - begin;
    store(values_at(layer, head) + position * value_stride_ + begin % head_dim_, 1, rows, n);
    begin += n;
    rows += n;
  }
}

const std::byte* KvCache::keys(std::size_t layer, std::size_t head, std::size_t first) const {
  assert(first % kPanelKeys == 0);
  if (type_ == CacheType::kQ8_0) return memory_.data() + panel_at(true, layer, head, first);
  return memory_.data() + (keys_at(layer, head) + first * head_dim_) * element_bytes_;
}

const std::byte* KvCache::values(std::size_t layer, std::size_t head, std::size_t first) const {
  if (type_ == CacheType::kQ8_0) return memory_.data() + panel_at(false, layer, head, first);
  return memory_.data() + (values_at(layer, head) + first * value_stride_) * element_bytes_;
}

}  // namespace prumo
