// All cases, or a few of them: the programs of tests/exhaustive/ walk their whole domain, and with
// PRUMO_SAMPLE in the environment, as the ordinary run has it, every k-th case of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "support/floats.h"

namespace prumo::testing {

inline bool is_sample() {
  return std::getenv("PRUMO_SAMPLE") != nullptr;
}

/// Says which cases are looked at: all, or in a sample one in about k. Steps are drawn from a fixed
/// seed, 1 .. 2k - 1, so that no period of the cases hides from them.
class Every {
 public:
  explicit Every(std::size_t k) : k_(is_sample() ? k : 1) {}
  bool operator()() {
    if (wait_ != 0) {
      --wait_;
      return false;
    }
    wait_ = k_ == 1 ? 0 : bits_.below(2 * k_ - 1);
    return true;
  }

 private:
  std::size_t k_;
  std::size_t wait_ = 0;
  Bits bits_{20240611};
};

/// The same for a domain too large to count through: the distance from one case to the next.
class Strides {
 public:
  explicit Strides(std::size_t k) : k_(is_sample() ? k : 1) {}
  std::uint64_t next() { return k_ == 1 ? 1 : 1 + bits_.below(2 * k_ - 1); }

 private:
  std::size_t k_;
  Bits bits_{20240612};
};

}  // namespace prumo::testing
