// collect: which logits reach a threshold, so that the sampler's later work is on few of them.
#include <array>
#include <bit>

#include "kernels/declarations.h"
#include "kernels/lanes.h"

namespace prumo::scalar {

// Without a branch: writing every index and stepping only past those that stay.
std::size_t collect(const float* x, std::size_t n, float least, std::uint32_t first,
                    std::uint32_t* ids) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < n; ++i) {
    ids[count] = first + static_cast<std::uint32_t>(i);
    count += x[i] >= least ? 1u : 0u;
  }
  return count;
}

}  // namespace prumo::scalar

// A whole vector is stored where only its first lanes count. It stays within ids: before element i
// at most i indices have been kept.
#if PRUMO_X86
PRUMO_AVX2_BEGIN
namespace prumo::avx2 {
namespace {

// For every mask of 8 lanes: the numbers of the lanes that are set, rising, a byte each.
constexpr std::array<std::uint64_t, 256> lanes_of_masks() {
  std::array<std::uint64_t, 256> out{};
  for (std::size_t mask = 0; mask < 256; ++mask) {
    std::uint64_t at = 0;
    for (std::uint64_t lane = 0; lane < 8; ++lane) {
      if ((mask >> lane & 1u) != 0) out[mask] |= lane << (8 * at++);
    }
  }
  return out;
}
constexpr std::array<std::uint64_t, 256> kLanes = lanes_of_masks();

}  // namespace

std::size_t collect(const float* x, std::size_t n, float least, std::uint32_t first,
                    std::uint32_t* ids) {
  const __m256 bound = _mm256_set1_ps(least);
  std::size_t count = 0;
  std::size_t i = 0;
  for (; n - i >= 8; i += 8) {
    const __m256 kept = _mm256_cmp_ps(_mm256_loadu_ps(x + i), bound, _CMP_GE_OQ);
    const auto mask = static_cast<unsigned>(_mm256_movemask_ps(kept));
    const __m256i lanes =
        _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(static_cast<long long>(kLanes[mask])));
    const __m256i base = _mm256_set1_epi32(static_cast<int>(first + static_cast<std::uint32_t>(i)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(ids + count), _mm256_add_epi32(base, lanes));
    count += static_cast<std::size_t>(std::popcount(mask));
  }
  return count +
         scalar::collect(x + i, n - i, least, first + static_cast<std::uint32_t>(i), ids + count);
}

}  // namespace prumo::avx2
PRUMO_ISA_END

PRUMO_AVX512_BEGIN
namespace prumo::avx512 {

std::size_t collect(const float* x, std::size_t n, float least, std::uint32_t first,
                    std::uint32_t* ids) {
  const __m512 bound = _mm512_set1_ps(least);
  const __m512i step = _mm512_set1_epi32(16);
  __m512i id =
      _mm512_add_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                       _mm512_set1_epi32(static_cast<int>(first)));
  std::size_t count = 0;
  std::size_t i = 0;
  for (; n - i >= 16; i += 16, id = _mm512_add_epi32(id, step)) {
    const __mmask16 mask = _mm512_cmp_ps_mask(_mm512_loadu_ps(x + i), bound, _CMP_GE_OQ);
    // Compressed in a register: the store form of the instruction is slow on some processors.
    _mm512_storeu_si512(ids + count, _mm512_maskz_compress_epi32(mask, id));
    count += static_cast<std::size_t>(std::popcount(static_cast<unsigned>(mask)));
  }
  if (i == n) return count;
  const __mmask16 there = first_lanes(n - i);
  const __mmask16 mask =
      _mm512_mask_cmp_ps_mask(there, _mm512_maskz_loadu_ps(there, x + i), bound, _CMP_GE_OQ);
  const auto kept = static_cast<std::size_t>(std::popcount(static_cast<unsigned>(mask)));
  _mm512_mask_storeu_epi32(ids + count, first_lanes(kept), _mm512_maskz_compress_epi32(mask, id));
  return count + kept;
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
