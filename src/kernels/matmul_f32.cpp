// Matrix product, F32 weights.
#include "kernels/matmul_float.h"

namespace prumo::scalar {
namespace {

struct F32 {
  using Element = float;
  static constexpr gguf::TensorType kType = gguf::TensorType::kF32;
  static float widen(Element w) { return w; }
};

}  // namespace

void matmul_f32(const MatmulArgs& args) {
  matmul_float<F32>(args);
}

}  // namespace prumo::scalar

#if PRUMO_X86
PRUMO_AVX2_BEGIN
namespace prumo::avx2 {
namespace {

struct F32 {
  using Element = float;
  static constexpr gguf::TensorType kType = gguf::TensorType::kF32;
  static __m256 load8(const Element* at) { return _mm256_loadu_ps(at); }
};

}  // namespace

void matmul_f32(const MatmulArgs& args) {
  matmul_float<F32>(args);
}

}  // namespace prumo::avx2
PRUMO_ISA_END

PRUMO_AVX512_BEGIN
namespace prumo::avx512 {
namespace {

struct F32 {
  using Element = float;
  static constexpr gguf::TensorType kType = gguf::TensorType::kF32;
  static __m512 load16(const Element* at) { return _mm512_loadu_ps(at); }
};

}  // namespace

void matmul_f32(const MatmulArgs& args) {
  matmul_float<F32>(args);
}

}  // namespace prumo::avx512
PRUMO_ISA_END
#endif
