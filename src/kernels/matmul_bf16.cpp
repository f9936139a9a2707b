// Matrix product, BF16 weights.
#include "base/half.h"
#include "kernels/matmul_float.h"

namespace prumo::scalar {
namespace {

struct BF16 {
  using Element = std::uint16_t;
  static constexpr gguf::TensorType kType = gguf::TensorType::kBF16;
  static float widen(Element w) { return bf16_to_float(w); }
};

}  // namespace

void matmul_bf16(const MatmulArgs& args) {
  matmul_float<BF16>(args);
}

}  // namespace prumo::scalar

#if PRUMO_X86
PRUMO_AVX2_BEGIN
namespace prumo::avx2 {
namespace {

struct BF16 {
  using Element = std::uint16_t;
  static constexpr gguf::TensorType kType = gguf::TensorType::kBF16;
  static __m256 load8(const Element* at) {
    const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
  }
};

}  // namespace

void matmul_bf16(const MatmulArgs& args) {
  matmul_float<BF16>(args);
}

}  // namespace prumo::avx2
PRUMO_ISA_END

PRUMO_AVX512_BEGIN
namespace prumo::avx512 {
namespace {

struct BF16 {
  using Element = std::uint16_t;
  static constexpr gguf::TensorType kType = gguf::TensorType::kBF16;
  static __m512 load16(const Element* at) {
    const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
  }
};

}  // namespace

void matmul_bf16(const MatmulArgs& args) {
  matmul_float<BF16>(args);
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
