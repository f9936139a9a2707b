// Stop texts: where the first one begins in a growing text, and how much of the text is safe to
// show.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace prumo {

/// Looks at a text that only grows. Copies the stop texts; none may be empty.
class StopTexts {
 public:
  explicit StopTexts(std::vector<std::string> stops) : stops_(std::move(stops)) {
    for (const std::string& stop : stops_) longest_ = std::max(longest_, stop.size());
  }

  /// Where the stop text begins that ends first in `text` (of those the longest), npos if there is
  /// none: in which pieces the text came then changes nothing. The first `seen` bytes were looked
  /// at before.
  [[nodiscard]] std::size_t find(std::string_view text, std::size_t seen) const {
    const std::size_t from = seen < longest_ ? 0 : seen - longest_ + 1;
    std::size_t begin = std::string_view::npos;
    std::size_t end = text.size() + 1;
    for (const std::string& stop : stops_) {
      const std::size_t at = text.find(stop, from);
      if (at == std::string_view::npos || at + stop.size() > end) continue;
      begin = at + stop.size() == end ? std::min(begin, at) : at;
      end = at + stop.size();
    }
    return begin;
  }

  /// Bytes of `text`, which holds no stop text, that cannot become part of one.
  [[nodiscard]] std::size_t certain(std::string_view text) const {
    std::size_t held = 0;
    for (const std::string& stop : stops_) {
      std::size_t n = std::min(stop.size() - 1, text.size());
      while (n > held && !text.ends_with(std::string_view(stop).substr(0, n))) --n;
      held = std::max(held, n);
    }
    return text.size() - held;
  }

 private:
  std::vector<std::string> stops_;
  std::size_t longest_ = 0;
};

}  // namespace prumo
