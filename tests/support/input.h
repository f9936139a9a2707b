// Bytes as the input of a law: numbers taken from the front, exact-size copies. Fuzz targets and
// properties give theirs to the same function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

namespace prumo::testing {

/// The input, taken from the front; zeros once it has run out.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

  template <class T>
  T take() {
    T out{};
    const std::size_t n = sizeof(T) < size_ ? sizeof(T) : size_;
    if (n != 0) std::memcpy(&out, data_, n);
    skip(n);
    return out;
  }
  /// Uniform enough in [lo, hi].
  std::size_t in_range(std::size_t lo, std::size_t hi) {
    return lo + take<std::uint32_t>() % (hi - lo + 1);
  }
  void skip(std::size_t n) {
    data_ += n;
    size_ -= n;
  }
  [[nodiscard]] const std::uint8_t* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

/// A heap copy of exactly n elements, so that one element too many is the sanitizer's to see. Never
/// null.
template <class T>
std::unique_ptr<T[]> exact_copy(const void* from, std::size_t n) {
  std::unique_ptr<T[]> out(new T[n]);
  if (n != 0) std::memcpy(out.get(), from, n * sizeof(T));
  return out;
}

}  // namespace prumo::testing
