// The functions behind the tables, one namespace an instruction set. Contracts are in kernels.h.
#pragma once

#include "kernels/isa.h"
#include "kernels/kernels.h"

#define PRUMO_DECLARE_KERNELS(space)                                                             \
  namespace prumo::space {                                                                       \
  ArgmaxResult argmax(const float* x, std::size_t n);                                            \
  void tile_max(const float* x, std::size_t n, float* tiles);                                    \
  void tile_weight(const float* x, std::size_t n, float max, float scale, std::uint64_t* tiles); \
  std::size_t collect(const float* x, std::size_t n, float least, std::uint32_t first,           \
                      std::uint32_t* ids);                                                       \
  void quantize(const float* x, std::size_t n, QuantizedBlock* out);                             \
  void rmsnorm(const float* x, const float* weight, std::size_t n, float eps, float* y);         \
  void rope(float* x, const float* table, std::size_t pairs);                                    \
  SoftmaxResult softmax(const float* x, std::size_t n, float scale, float* y);                   \
  void swiglu(const float* gate, const float* up, std::size_t n, float* y);                      \
  void add(const float* x, std::size_t n, float* y);                                             \
  void attention_f16(const AttentionArgs& args);                                                 \
  void attention_f32(const AttentionArgs& args);                                                 \
  void attention_q8_0(const AttentionArgs& args);                                                \
  void merge(const MergeArgs& args);                                                             \
  void narrow(const float* x, std::size_t n, std::uint16_t* y);                                  \
  void matmul_f32(const MatmulArgs& args);                                                       \
  void matmul_f16(const MatmulArgs& args);                                                       \
  void matmul_bf16(const MatmulArgs& args);                                                      \
  void matmul_q8_0(const MatmulArgs& args);                                                      \
  void matmul_q4_0(const MatmulArgs& args);                                                      \
  void matmul_q4_1(const MatmulArgs& args);                                                      \
  void matmul_q5_0(const MatmulArgs& args);                                                      \
  void matmul_q5_1(const MatmulArgs& args);                                                      \
  void matmul_q2_k(const MatmulArgs& args);                                                      \
  void matmul_q3_k(const MatmulArgs& args);                                                      \
  void matmul_q4_k(const MatmulArgs& args);                                                      \
  void matmul_q5_k(const MatmulArgs& args);                                                      \
  void matmul_q6_k(const MatmulArgs& args);                                                      \
  }

PRUMO_DECLARE_KERNELS(scalar)
#if PRUMO_X86
PRUMO_DECLARE_KERNELS(avx2)
PRUMO_DECLARE_KERNELS(avx512)
#endif
#undef PRUMO_DECLARE_KERNELS
