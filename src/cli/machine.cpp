#include "cli/machine.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>

#include "base/memory.h"
#include "cli/report.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace prumo::cli {
namespace {

constexpr std::size_t kReadBytes = std::size_t{256} << 20;
constexpr int kReads = 8;
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

}  // namespace

Result<double> read_bandwidth(ThreadTeam& team) {
  auto block = Block::allocate(kReadBytes, "buffer to measure the read bandwidth with");
  if (!block) return block.error();
  auto* const floats = reinterpret_cast<float*>(block->data());
  const std::size_t n = kReadBytes / sizeof(float);
  const Kernels& fastest = *supported_kernels().back();
  std::atomic<std::size_t> sink{0};
  // Pages that were never written would all be the one page of zeros.
  team.run([&](std::size_t index) {
    const Share share = share_of(n, index, team.size());
    std::fill(floats + share.begin, floats + share.end, 1.0f);
  });
  std::uint64_t best = UINT64_MAX;
  for (int i = 0; i < kReads; ++i) {
    const std::uint64_t start = now_ns();
    team.run([&](std::size_t index) {
      const Share share = share_of(n, index, team.size());
      sink += fastest.argmax(floats + share.begin, share.end - share.begin).index;
    });
    best = std::min(best, now_ns() - start);
  }
  return static_cast<double>(kReadBytes) / static_cast<double>(best);
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
