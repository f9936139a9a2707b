// argmax on every instruction set over whole domains: all short strings of special floats at every
// lane, all pairs and runs of ties, all places of a lone maximum and a lone NaN, all lengths.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "kernels/isa.h"
#include "support/argmax_oracle.h"
#include "support/every.h"
#include "support/guarded.h"
#include "support/tables.h"

namespace prumo::testing {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
using Side = Guarded<float>::Side;

// A step of AVX-512 is 128 floats and a block 512; so this is more than two blocks, with a tail.
constexpr std::size_t kLongest = 2 * 512 + 19;

::testing::AssertionResult all_give(ArgmaxResult wanted, const float* x, std::size_t n) {
  for (const Kernels* table : tables()) {
    const ArgmaxResult got = table->argmax(x, n);
    if (got == wanted) continue;
    return ::testing::AssertionFailure()
           << table->name << ", n = " << n << ": index " << got.index << ", has_nan " << got.has_nan
           << "; wanted " << wanted.index << ", " << wanted.has_nan;
  }
  return ::testing::AssertionSuccess();
}

// Calls f with every string of up to five of the twelve special floats.
template <class F>
void for_each_string(std::size_t longest, F&& f) {
  constexpr std::size_t kKinds = kSpecialFloats.size();
  std::size_t strings = 1;
  for (std::size_t length = 0; length <= longest; ++length, strings *= kKinds) {
    std::vector<float> text(length);
    for (std::size_t number = 0; number < strings; ++number) {
      std::size_t rest = number;
      for (float& x : text) {
        x = kSpecialFloats[rest % kKinds];
        rest /= kKinds;
      }
      f(text);
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

// What a string gives inside of -inf: a background that loses to all but itself.
ArgmaxResult amid_infinity(const std::vector<float>& text, std::size_t offset) {
  const ArgmaxResult own = argmax_oracle(text.data(), text.size());
  if (own.index != npos && text[own.index] != -kInf) return {offset + own.index, own.has_nan};
  if (offset > 0) return {0, own.has_nan};
  return {own.index == npos ? text.size() : own.index, own.has_nan};
}

// What it gives inside of NaN, which nothing loses to.
ArgmaxResult amid_nan(const std::vector<float>& text, std::size_t offset) {
  const ArgmaxResult own = argmax_oracle(text.data(), text.size());
  return {own.index == npos ? npos : offset + own.index, true};
}

void every_string(std::size_t longest, std::size_t offsets, std::size_t k) {
  constexpr std::size_t kAfter = 150;  // two steps of every loop, and a tail
  Every every(k);
  std::vector<float> x(offsets + longest + kAfter, -kInf);
  for_each_string(longest, [&](const std::vector<float>& text) {
    for (std::size_t offset = 0; offset < offsets; ++offset) {
      if (!every()) continue;
      const auto at = x.begin() + static_cast<std::ptrdiff_t>(offset);
      const auto end = at + static_cast<std::ptrdiff_t>(text.size());
      const std::size_t n = offset + text.size() + kAfter;
      for (const float background : {-kInf, kNan}) {
        std::fill_n(x.begin(), n, background);
        std::copy(text.begin(), text.end(), at);
        const bool nan = is_nan(background);
        ASSERT_TRUE(
            all_give(nan ? amid_nan(text, offset) : amid_infinity(text, offset), x.data(), n))
            << "offset " << offset;
      }
      std::fill(at, end, kNan);
    }
  });
}

TEST(ArgmaxWhole, EveryStringOfFiveAtEveryLane) {
  every_string(5, 16, 499);
}

TEST(ArgmaxWhole, EveryStringOfFourAtEveryPlaceOfAStep) {
  every_string(4, 131, 499);
}

TEST(ArgmaxWhole, EveryStringOfThreeAtEveryPlaceOfABlock) {
  every_string(3, 531, 499);
}

// Ends on a forbidden page: the last of them are the tail's.
TEST(ArgmaxWhole, EveryStringOfFourBetweenForbiddenPages) {
  Every every(97);
  for (const Side side : {Side::kLeft, Side::kRight}) {
    for (std::size_t before = 0; before < 17; ++before) {
      Guarded<float> pages(before + 4, side);
      for_each_string(4, [&](const std::vector<float>& text) {
        if (!every()) return;
        const std::size_t n = before + text.size();
        float* x = side == Side::kLeft ? pages.data() : pages.data() + pages.size() - n;
        std::fill_n(x, before, -kInf);
        std::copy(text.begin(), text.end(), x + before);
        ASSERT_TRUE(all_give(argmax_oracle(x, n), x, n)) << before << " before";
      });
    }
  }
}

#if PRUMO_X86
// Denormals flushed to zero by the caller, which the answer may not show.
TEST(ArgmaxWhole, EveryStringOfThreeWithDenormalsFlushed) {
  constexpr unsigned kFlush = 0x8040;  // FTZ and DAZ
  Every every(7);
  for_each_string(3, [&](const std::vector<float>& text) {
    for (std::size_t offset = 0; offset < 33; ++offset) {
      if (!every()) continue;
      std::vector<float> x(offset + text.size() + 5, -kInf);
      std::copy(text.begin(), text.end(), x.begin() + static_cast<std::ptrdiff_t>(offset));
      const ArgmaxResult wanted = argmax_oracle(x.data(), x.size());
      const unsigned saved = _mm_getcsr();
      _mm_setcsr(saved | kFlush);
      std::vector<ArgmaxResult> got;
      for (const Kernels* table : tables()) got.push_back(table->argmax(x.data(), x.size()));
      _mm_setcsr(saved);
      for (std::size_t i = 0; i < got.size(); ++i) {
        ASSERT_TRUE(got[i] == wanted) << tables()[i]->name << ", offset " << offset;
      }
    }
  });
}
#endif

// Every pair of places, hence every pair within four unrolled vectors and 3.
TEST(ArgmaxWhole, EveryPairOfTies) {
  Every every(997);
  std::vector<float> x(kLongest, -1.0f);
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t j = i; j < x.size(); ++j) {
      if (!every()) continue;
      x[i] = x[j] = 2.0f;
      ASSERT_TRUE(all_give({i, false}, x.data(), x.size())) << "tie of " << i << " and " << j;
      x[i] = x[j] = -1.0f;
    }
  }
}

// Every run [i, j) of the maximum, and after it a lesser run to the end.
TEST(ArgmaxWhole, EveryRun) {
  Every every(499);
  std::vector<float> x(515);
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t j = i + 1; j <= x.size(); ++j) {
      if (!every()) continue;
      std::fill_n(x.begin(), i, 1.0f);
      std::fill(x.begin() + static_cast<std::ptrdiff_t>(i),
                x.begin() + static_cast<std::ptrdiff_t>(j), 3.0f);
      std::fill(x.begin() + static_cast<std::ptrdiff_t>(j), x.end(), 2.0f);
      ASSERT_TRUE(all_give({i, false}, x.data(), x.size())) << "run [" << i << ", " << j << ")";
    }
  }
}

// Every length, and in it every place of a lone maximum, a lone NaN and a lone number among NaN;
// the floats end on a forbidden page.
TEST(ArgmaxWhole, EveryPlaceOfEveryLength) {
  Every every(997);
  for (std::size_t n = 1; n <= kLongest; ++n) {
    Guarded<float> x(n, n % 2 == 0 ? Side::kLeft : Side::kRight);
    std::fill_n(x.data(), n, -5.0f);
    for (std::size_t i = 0; i < n; ++i) {
      if (!every()) continue;
      x[i] = -4.0f;
      ASSERT_TRUE(all_give({i, false}, x.data(), n));
      x[i] = kNan;
      ASSERT_TRUE(all_give({n == 1 ? npos : i == 0 ? 1u : 0u, true}, x.data(), n)) << "NaN " << i;
      x[i] = -5.0f;
    }
  }
  for (std::size_t n = 1; n <= 600; ++n) {
    std::vector<float> x(n, kNan);
    for (std::size_t i = 0; i < n; ++i) {
      if (!every()) continue;
      x[i] = -kInf;
      ASSERT_TRUE(all_give({i, n > 1}, x.data(), n)) << "the only number at " << i;
      x[i] = kNan;
    }
  }
}

// Lengths about 2^24, beyond which a float no longer counts, and every alignment of a line.
TEST(ArgmaxWhole, LengthsAboutTwoToThe24) {
  constexpr std::size_t kEdge = std::size_t{1} << 24;
  constexpr std::size_t kMost = kEdge + 33;
  Every every(29);
  std::vector<float> x(kMost + 64, 0.5f);
  for (std::size_t n = kEdge - 2; n <= kMost; ++n) {
    if (!every()) continue;
    float* from = x.data() + n % 64;
    ASSERT_TRUE(all_give({0, false}, from, n));
    for (const std::size_t at : {n - 1, n - 17, kEdge - 3, kEdge / 2 + 1}) {
      from[at] = 1.0f;
      ASSERT_TRUE(all_give({at, false}, from, n));
      from[n - 1] = 1.0f;
      ASSERT_TRUE(all_give({at, false}, from, n));
      from[at] = from[n - 1] = 0.5f;
    }
  }
}

}  // namespace
}  // namespace prumo::testing
