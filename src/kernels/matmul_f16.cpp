// Matrix product, F16 weights.
#include "base/half.h"
#include "kernels/matmul_float.h"

namespace prumo::scalar {
namespace {

struct F16 {
  using Element = std::uint16_t;
  static constexpr gguf::TensorType kType = gguf::TensorType::kF16;
  static float widen(Element w) { return half_to_float(w); }
};

}  // namespace

void matmul_f16(const MatmulArgs& args) {
  matmul_float<F16>(args);
}

}  // namespace prumo::scalar

#if PRUMO_X86
PRUMO_AVX2_BEGIN
namespace prumo::avx2 {
namespace {

struct F16 {
  using Element = std::uint16_t;
  static constexpr gguf::TensorType kType = gguf::TensorType::kF16;
  static __m256 load8(const Element* at) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
  }
};

}  // namespace

void matmul_f16(const MatmulArgs& args) {
  matmul_float<F16>(args);
}

}  // namespace prumo::avx2
PRUMO_ISA_END

PRUMO_AVX512_BEGIN
namespace prumo::avx512 {
namespace {

struct F16 {
  using Element = std::uint16_t;
  static constexpr gguf::TensorType kType = gguf::TensorType::kF16;
  static __m512 load16(const Element* at) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
  }
};

}  // namespace

void matmul_f16(const MatmulArgs& args) {
  matmul_float<F16>(args);
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
