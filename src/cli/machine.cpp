#include "cli/machine.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <iterator>

#include "base/memory.h"
#include "base/prefetch.h"
#include "cli/report.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace prumo::cli {
namespace {

constexpr std::size_t kLine = 64;
// How to read a buffer: as so many streams side by side, asking ahead. None is the fastest on every
// machine.
struct Way {
  std::size_t streams;
  Prefetch ahead;
};
constexpr Way kWays[] = {{1, {0, 0, 0}},       {1, {4096, 0, 0}},     {1, {8192, 0, 0}},
                         {1, {2048, 8192, 0}}, {1, {8192, 0, 12288}}, {2, {0, 0, 0}}};
constexpr std::size_t kLeastReads = 3 * std::size(kWays);
constexpr std::size_t kReadAtLeast = std::size_t{1} << 30;  // of a small buffer in all
constexpr int kBursts = 6;
constexpr std::uint64_t kSteps = 2'000'000;  // some 10 ms
constexpr std::uint64_t kChains = 12;        // enough to hide the instruction's latency

#if defined(__x86_64__)
// Twelve independent chains of one instruction; the sum keeps the compiler from dropping them.
__attribute__((target("avx512f,avx512bw,avx512vnni"))) int multiply_add(std::uint64_t steps) {
  __m512i sums[kChains];
  for (__m512i& sum : sums) sum = _mm512_setzero_si512();
  const __m512i a = _mm512_set1_epi8(static_cast<char>(steps));
  const __m512i b = _mm512_set1_epi8(3);
  for (std::uint64_t i = 0; i < steps; ++i) {
#pragma GCC unroll 12
    for (std::uint64_t chain = 0; chain < kChains; ++chain) {
      sums[chain] = _mm512_dpbusd_epi32(sums[chain], a, b);
    }
  }
  __m512i total = _mm512_setzero_si512();
  for (const __m512i& sum : sums) total = _mm512_add_epi32(total, sum);
  alignas(64) int lanes[16];
  _mm512_store_si512(lanes, total);
  return lanes[0];
}
#endif

// A word of every cache line in [begin, end), which brings in the line.
std::uint64_t read_lines(const std::byte* block, std::size_t begin, std::size_t end,
                         const Way& way) {
  std::uint64_t sum = 0;
  const std::size_t lines = (end - begin) / kLine / way.streams;  // of a stream; the last has more
  const auto read = [&](std::size_t at) {
    prefetch_ahead(block, at, kLine, way.ahead);
    std::uint64_t word;
    std::memcpy(&word, block + at, sizeof word);
    sum += word;
  };
  for (std::size_t i = 0; i < lines; ++i) {
    for (std::size_t s = 0; s < way.streams; ++s) read(begin + (s * lines + i) * kLine);
  }
  for (std::size_t at = begin + way.streams * lines * kLine; at < end; at += kLine) read(at);
  return sum;
}

}  // namespace

Result<double> read_bandwidth(ThreadTeam& team, std::size_t bytes) {
  bytes = std::clamp(bytes, team.size() * kLine, kMostReadBytes);
  auto block = Block::allocate(bytes, "buffer to measure the read bandwidth with");
  if (!block) return block.error();
  std::byte* const begin = block->data();
  // Pages that were never written would all be the one page of zeros.
  team.run([&](std::size_t index) {
    const Share share = share_of(bytes, index, team.size());
    std::fill(begin + share.begin, begin + share.end, std::byte{1});
  });
  std::atomic<std::uint64_t> sink{0};
  std::uint64_t best = UINT64_MAX;
  const std::size_t reads = std::clamp(kReadAtLeast / bytes, kLeastReads, 24 * kLeastReads);
  for (std::size_t i = 0; i < reads; ++i) {
    const Way& way = kWays[i % std::size(kWays)];
    const std::uint64_t start = now_ns();
    team.run([&](std::size_t index) {
      const Share share = share_of(bytes / kLine, index, team.size());
      sink += read_lines(begin, share.begin * kLine, share.end * kLine, way);
    });
    best = std::min(best, now_ns() - start);
  }
  const std::size_t whole_lines = bytes / kLine * kLine;
  return static_cast<double>(whole_lines) / static_cast<double>(best);
}

double int8_peak(ThreadTeam& team, Isa isa) {
#if defined(__x86_64__)
  if (isa != Isa::kAvx512) return 0;
  std::atomic<int> sink{0};
  std::uint64_t best = UINT64_MAX;
  for (int i = 0; i < kBursts; ++i) {
    const std::uint64_t start = now_ns();
    team.run([&](std::size_t) { sink += multiply_add(kSteps); });
    best = std::min(best, now_ns() - start);
  }
  constexpr double kOperations = 2.0 * 64;  // an instruction
  return kOperations * static_cast<double>(kChains * kSteps * team.size()) /
         static_cast<double>(best);
#else
  (void)team;
  (void)isa;
  return 0;
#endif
}

std::size_t peak_resident_bytes() {
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::size_t>(usage.ru_maxrss) * 1024;
}

}  // namespace prumo::cli
