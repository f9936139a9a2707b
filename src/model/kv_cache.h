// Keys and values of the positions seen so far, laid out as attention reads them: keys in panels of
// 16 positions, values in rows.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/memory.h"
#include "base/result.h"
#include "kernels/kernels.h"
#include "model/config.h"
#include "prumo.h"

namespace prumo {

/// Room for `context` positions of every layer. Whoever writes a position owns it; threads may
/// write different rows of the same position at the same time. Move-only.
class KvCache {
 public:
  /// kOutOfMemory when the machine does not have it.
  static Result<KvCache> create(const Config& config, const Kernels& kernels, std::size_t context,
                                CacheType type);
  static std::size_t bytes(const Config& config, std::size_t context, CacheType type);

  /// Stores rows [begin, end) of a position's keys (or values), of all KV heads laid end to end;
  /// `rows` points to the first of them. Q8_0: begin and end are multiples of 32.
  void store_keys(std::size_t layer, std::size_t position, std::size_t begin, std::size_t end,
                  const float* rows);
  void store_values(std::size_t layer, std::size_t position, std::size_t begin, std::size_t end,
                    const float* rows);

  /// Where attention finds position `first` (a multiple of 16) of a KV head.
  [[nodiscard]] const std::byte* keys(std::size_t layer, std::size_t head, std::size_t first) const;
  [[nodiscard]] const std::byte* values(std::size_t layer, std::size_t head,
                                        std::size_t first) const;

  [[nodiscard]] CacheType type() const { return type_; }
  [[nodiscard]] std::size_t context() const { return context_; }
  [[nodiscard]] std::size_t value_stride() const { return value_stride_; }  ///< elements

 private:
  // Element index of a layer and head's keys or values.
  [[nodiscard]] std::size_t keys_at(std::size_t layer, std::size_t head) const;
  [[nodiscard]] std::size_t values_at(std::size_t layer, std::size_t head) const;
  void store(std::size_t first, std::size_t step, const float* rows, std::size_t n);
  void store_blocks(bool keys, std::size_t layer, std::size_t position, std::size_t begin,
                    std::size_t end, const float* rows);
  // The panel of a position, of a Q8_0 cache.
  [[nodiscard]] std::size_t panel_at(bool keys, std::size_t layer, std::size_t head,
                                     std::size_t position) const;

  Block memory_;
  const Kernels* kernels_ = nullptr;
  CacheType type_ = CacheType::kF16;
  std::size_t element_bytes_ = 2;
  std::size_t layers_ = 0;
  std::size_t heads_ = 0;
  std::size_t head_dim_ = 0;
  std::size_t value_stride_ = 0;
  std::size_t context_ = 0;  // positions that may be stored
  std::size_t slots_ = 0;    // context rounded up to a panel
};

}  // namespace prumo
