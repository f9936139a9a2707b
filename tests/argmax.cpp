// argmax on every instruction set: each clause of its contract, by example and by enumeration.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <ostream>
#include <vector>

#include "kernels/isa.h"
#include "support/argmax_oracle.h"
#include "support/floats.h"
#include "support/guarded.h"
#include "support/tables.h"

namespace prumo {

// How GoogleTest shows one.
static void PrintTo(const ArgmaxResult& r, std::ostream* out) {
  *out << "{index " << r.index << ", has_nan " << r.has_nan << "}";
}

}  // namespace prumo

namespace prumo::testing {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kLeast = std::numeric_limits<float>::denorm_min();

// A pass works on 512 floats a block and 128 a step (AVX-512), 64 a step (AVX2).
constexpr std::size_t kBlockFloats = 512;
constexpr std::size_t kFourSteps = 4 * 128 + 3;

// Whether every instruction set gives `wanted`; says which one does not.
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

::testing::AssertionResult all_give(ArgmaxResult wanted, const std::vector<float>& x) {
  return all_give(wanted, x.data(), x.size());
}

TEST(Argmax, NothingToChooseFrom) {
  EXPECT_TRUE(all_give({npos, false}, nullptr, 0));
  for (std::size_t n : {1u, 2u, 7u, 8u, 15u, 16u, 17u, 127u, 128u, 129u, 511u, 512u, 513u, 2000u}) {
    EXPECT_TRUE(all_give({npos, true}, std::vector<float>(n, kNan)));
    EXPECT_TRUE(all_give({0, false}, std::vector<float>(n, -kInf)));
    EXPECT_TRUE(all_give({0, false}, std::vector<float>(n, kInf)));
    EXPECT_TRUE(all_give({0, false}, std::vector<float>(n, -1.0f)));
  }
}

TEST(Argmax, Examples) {
  EXPECT_TRUE(all_give({0, false}, {3}));
  EXPECT_TRUE(all_give({1, false}, {1, 5, 5, 2}));
  EXPECT_TRUE(all_give({1, true}, {kNan, 1}));
  EXPECT_TRUE(all_give({0, true}, {1, kNan}));
  EXPECT_TRUE(all_give({1, true}, {kNan, -kInf, kNan}));
  EXPECT_TRUE(all_give({2, true}, {5, kNan, kInf, kNan, kInf}));
  EXPECT_TRUE(all_give({0, false}, {-0.0f, 0.0f}));
  EXPECT_TRUE(all_give({0, false}, {0.0f, -0.0f}));
  EXPECT_TRUE(all_give({1, false}, {-kLeast, -0.0f, 0.0f}));
  EXPECT_TRUE(all_give({2, false}, {0.0f, kLeast, 2 * kLeast, kLeast}));
  EXPECT_TRUE(all_give({1, false}, {-2 * kLeast, -kLeast}));
  EXPECT_TRUE(all_give({2, false}, {-kInf, -kInf, -3e38f, -kInf}));
}

TEST(Argmax, AFallenNumberBesideANanIsFound) {
  // The maximum shares its place in the vector with a NaN in the vectors before and after it.
  std::vector<float> x(1100, 0.0f);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = 1.0f;
    for (std::size_t lane : {8u, 16u, 24u, 32u, 64u, 128u, 512u}) {
      if (i >= lane) x[i - lane] = kNan;
      if (i + lane < x.size()) x[i + lane] = kNan;
      ASSERT_TRUE(all_give({i, true}, x)) << "maximum at " << i << ", NaN " << lane << " away";
      if (i >= lane) x[i - lane] = 0.0f;
      if (i + lane < x.size()) x[i + lane] = 0.0f;
    }
    x[i] = 0.0f;
  }
}

// Calls f with every string of `length` special floats.
template <class F>
void for_each_string(std::size_t length, F&& f) {
  std::vector<std::size_t> digit(length, 0);
  std::vector<float> text(length, kSpecialFloats[0]);
  for (;;) {
    f(text);
    std::size_t i = 0;
    for (; i < length; ++i) {
      digit[i] = (digit[i] + 1) % kSpecialFloats.size();
      text[i] = kSpecialFloats[digit[i]];
      if (digit[i] != 0) break;
    }
    if (i == length) return;
  }
}

TEST(Argmax, TheOraclesAgreeOnEveryStringOfSpecialFloats) {
  for (std::size_t length = 0; length <= 4; ++length) {
    for_each_string(length, [](const std::vector<float>& text) {
      ASSERT_EQ(argmax_oracle(text.data(), text.size()),
                argmax_by_sorting(text.data(), text.size()));
    });
  }
}

TEST(Argmax, EveryStringOfSpecialFloats) {
  constexpr std::array<std::size_t, 10> kOffsets = {0, 1, 7, 8, 15, 31, 62, 127, 255, 510};
  for (std::size_t length = 0; length <= 3; ++length) {
    for_each_string(length, [&](const std::vector<float>& text) {
      ASSERT_TRUE(all_give(argmax_oracle(text.data(), length), text));
      for (float background : {-kInf, -2.0f, kNan}) {
        for (std::size_t offset : kOffsets) {
          // In the middle of a neutral background, and at its end.
          std::vector<float> x(offset + length + 20, background);
          std::copy(text.begin(), text.end(), x.begin() + static_cast<std::ptrdiff_t>(offset));
          ASSERT_TRUE(all_give(argmax_oracle(x.data(), x.size()), x)) << "offset " << offset;
          const std::size_t n = offset + length;
          ASSERT_TRUE(all_give(argmax_oracle(x.data(), n), x.data(), n)) << "offset " << offset;
        }
      }
    });
    if (HasFatalFailure()) return;
  }
}

TEST(Argmax, TiesGoToTheFirstAtEveryPairOfPlaces) {
  for (std::size_t n : {2u, 3u, 9u, 17u, 33u, 67u}) {
    std::vector<float> x(n, -1.0f);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = i + 1; j < n; ++j) {
        x[i] = x[j] = 2.0f;
        ASSERT_TRUE(all_give({i, false}, x)) << "tie with " << j;
        x[i] = x[j] = -1.0f;
      }
    }
  }
  std::vector<float> x(kFourSteps, -1.0f);
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t j = i + 1; j < x.size(); ++j) {
      x[i] = x[j] = 2.0f;
      ASSERT_TRUE(all_give({i, false}, x)) << "tie with " << j;
      x[i] = x[j] = -1.0f;
    }
  }
}

TEST(Argmax, TiesAcrossBlocks) {
  Bits bits(20240601);
  std::vector<float> x(5 * kBlockFloats + 77, 0.0f);
  for (int round = 0; round < 20000; ++round) {
    const std::size_t i = bits.below(x.size());
    const std::size_t j = bits.below(x.size());
    x[i] = x[j] = 7.0f;
    ASSERT_TRUE(all_give({std::min(i, j), false}, x)) << "tie of " << i << " and " << j;
    x[i] = x[j] = 0.0f;
  }
}

TEST(Argmax, EveryLengthEndsAndBeginsOnAForbiddenPage) {
  using Side = Guarded<float>::Side;
  std::vector<std::size_t> lengths;
  for (std::size_t n = 0; n <= kFourSteps; ++n) lengths.push_back(n);
  for (std::size_t blocks : {2u, 3u, 8u}) {
    for (std::size_t n = blocks * kBlockFloats - 3; n <= blocks * kBlockFloats + 17; ++n) {
      lengths.push_back(n);
    }
  }
  for (std::size_t n : lengths) {
    for (Side side : {Side::kLeft, Side::kRight}) {
      Guarded<float> x(n, side);
      std::fill_n(x.data(), n, -1.0f);
      ASSERT_TRUE(
          all_give(n == 0 ? ArgmaxResult{npos, false} : ArgmaxResult{0, false}, x.data(), n));
      for (std::size_t back = 1; back <= std::min<std::size_t>(n, 18); ++back) {
        float& place = x[n - back];
        place = 1.0f;
        ASSERT_TRUE(all_give({n - back, false}, x.data(), n));
        place = kNan;
        ASSERT_TRUE(all_give(argmax_oracle(x.data(), n), x.data(), n)) << "NaN at " << n - back;
        place = -1.0f;
      }
    }
  }
}

TEST(Argmax, EveryAlignment) {
  // What lies around [x, x + n) would win, or be seen as NaN.
  constexpr std::size_t kLongest = kFourSteps + kBlockFloats;
  Bits bits(7);
  std::vector<float> buffer(64 + kLongest + 64);
  for (std::size_t offset = 0; offset < 64; ++offset) {
    for (std::size_t n = 0; n <= kLongest; n += 1 + n / 7) {
      for (std::size_t i = 0; i < buffer.size(); ++i) buffer[i] = i % 2 == 0 ? kInf : kNan;
      float* x = buffer.data() + offset;
      for (std::size_t i = 0; i < n; ++i) x[i] = bits.unit();
      ASSERT_TRUE(all_give(argmax_oracle(x, n), x, n)) << "offset " << offset;
    }
  }
}

TEST(Argmax, EveryPlaceAndEveryNan) {
  std::vector<float> x(2 * kBlockFloats + 100, -5.0f);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = -4.0f;
    ASSERT_TRUE(all_give({i, false}, x));
    x[i] = -5.0f;
    for (std::uint32_t nan : {0x7FC00000u, 0xFFC00000u, 0x7F800001u, 0xFF800001u, 0x7FC12345u,
                              0x7FFFFFFFu, 0xFFFFFFFFu}) {
      x[i] = std::bit_cast<float>(nan);
      ASSERT_TRUE(all_give({i == 0 ? 1u : 0u, true}, x)) << "NaN at " << i;
    }
    x[i] = -5.0f;
  }
}

TEST(Argmax, AnIndexBeyondWhatAFloatCounts) {
  const std::size_t n = (std::size_t{1} << 24) + 33;
  std::vector<float> x(n, 0.5f);
  EXPECT_TRUE(all_give({0, false}, x));
  x[n - 1] = 1.0f;
  EXPECT_TRUE(all_give({n - 1, false}, x));
  x[(std::size_t{1} << 24) + 1] = 1.0f;
  EXPECT_TRUE(all_give({(std::size_t{1} << 24) + 1, false}, x));
}

#if PRUMO_X86
// Sets the caller's floating-point modes for a while.
class Modes {
 public:
  explicit Modes(unsigned csr) : saved_(_mm_getcsr()) { _mm_setcsr(csr); }
  ~Modes() { _mm_setcsr(saved_); }
  Modes(const Modes&) = delete;
  Modes& operator=(const Modes&) = delete;

 private:
  unsigned saved_;
};

TEST(Argmax, TheCallersFloatingPointModesDoNotMatter) {
  constexpr unsigned kFlags = 0x3F;
  constexpr unsigned kDefault = 0x1F80;
  constexpr unsigned kFlushResults = 0x8000;
  constexpr unsigned kFlushOperands = 0x0040;
  constexpr unsigned kTrapOnInvalid = 0x0080;  // its mask bit
  std::vector<float> x(700, -3 * kLeast);
  x[400] = -2 * kLeast;
  x[401] = -0.0f;
  x[402] = 0.0f;
  x[650] = kLeast;
  x[651] = 2 * kLeast;
  x[652] = 2 * kLeast;
  std::vector<float> with_nan = x;
  with_nan[1] = std::bit_cast<float>(0x7F800001u);  // signalling: comparing it raises invalid
  for (unsigned rounding : {0x0000u, 0x2000u, 0x4000u, 0x6000u}) {
    for (unsigned flush : {0u, kFlushResults, kFlushOperands, kFlushResults | kFlushOperands}) {
      for (unsigned trap : {0u, kTrapOnInvalid}) {
        const unsigned csr = (kDefault | rounding | flush) & ~trap;
        for (const Kernels* table : tables()) {
          ArgmaxResult plain{};
          ArgmaxResult nan{};
          ArgmaxResult negative{};
          unsigned after = 0;
          {
            const Modes modes(csr);
            plain = table->argmax(x.data(), x.size());
            negative = table->argmax(x.data(), 401);
            nan = table->argmax(with_nan.data(), with_nan.size());
            after = _mm_getcsr() & ~kFlags;
          }
          EXPECT_EQ(plain, (ArgmaxResult{651, false})) << table->name << " mxcsr " << csr;
          EXPECT_EQ(negative, (ArgmaxResult{400, false})) << table->name << " mxcsr " << csr;
          EXPECT_EQ(nan, (ArgmaxResult{651, true})) << table->name << " mxcsr " << csr;
          EXPECT_EQ(after, csr) << table->name;
        }
      }
    }
  }
}
#endif

}  // namespace
}  // namespace prumo::testing
