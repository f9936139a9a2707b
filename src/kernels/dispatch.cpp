// The only list of instruction sets: which functions each table holds, and which tables this
// processor runs.
#include <array>
#include <cstdlib>
#include <string>

#include "kernels/declarations.h"
#include "kernels/kernels.h"

#if PRUMO_X86
#include <cpuid.h>
#endif

namespace prumo {
namespace {

#define PRUMO_TABLE(space, isa_value)                                                          \
  Kernels {                                                                                    \
    .isa = (isa_value), .name = #space, .argmax = space::argmax, .tile_max = space::tile_max,  \
    .tile_weight = space::tile_weight, .collect = space::collect, .quantize = space::quantize, \
    .rmsnorm = space::rmsnorm, .rope = space::rope, .softmax = space::softmax,                 \
    .swiglu = space::swiglu, .add = space::add, .attention_f16 = space::attention_f16,         \
    .attention_f32 = space::attention_f32, .attention_q8_0 = space::attention_q8_0,            \
    .merge = space::merge, .narrow = space::narrow, .matmul_f32 = space::matmul_f32,           \
    .matmul_f16 = space::matmul_f16, .matmul_bf16 = space::matmul_bf16,                        \
    .matmul_q8_0 = space::matmul_q8_0, .matmul_q4_0 = space::matmul_q4_0,                      \
    .matmul_q4_1 = space::matmul_q4_1, .matmul_q5_0 = space::matmul_q5_0,                      \
    .matmul_q5_1 = space::matmul_q5_1, .matmul_q2_k = space::matmul_q2_k,                      \
    .matmul_q3_k = space::matmul_q3_k, .matmul_q4_k = space::matmul_q4_k,                      \
    .matmul_q5_k = space::matmul_q5_k, .matmul_q6_k = space::matmul_q6_k                       \
  }

constexpr Kernels kScalarTable = PRUMO_TABLE(scalar, Isa::kScalar);
#if PRUMO_X86
constexpr Kernels kAvx2Table = PRUMO_TABLE(avx2, Isa::kAvx2);
constexpr Kernels kAvx512Table = PRUMO_TABLE(avx512, Isa::kAvx512);
#endif

#if PRUMO_X86
// clang 14 does not know this name in __builtin_cpu_supports.
bool has_f16c() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}
#endif

bool runs_here(Isa isa) {
#if PRUMO_X86
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
  if (isa == Isa::kAvx2) return avx2;
  if (isa == Isa::kAvx512) {
    return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vnni");
  }
#endif
  return isa == Isa::kScalar;
}

struct Supported {
  std::array<const Kernels*, 3> tables{};
  std::size_t n = 0;
};

Supported detect() {
  Supported out;
  out.tables[out.n++] = &kScalarTable;
#if PRUMO_X86
  if (runs_here(Isa::kAvx2)) out.tables[out.n++] = &kAvx2Table;
  if (runs_here(Isa::kAvx512)) out.tables[out.n++] = &kAvx512Table;
#endif
  return out;
}

constexpr std::array<std::string_view, 3> kKnownIsas = {"scalar", "avx2", "avx512"};

std::string joined(std::span<const Kernels* const> tables) {
  std::string out;
  for (const Kernels* table : tables) out += (out.empty() ? "" : ", ") + std::string(table->name);
  return out;
}

}  // namespace

const Prefetch& usual_prefetch() {
  // Measured on Zen 5, and on a Xeon with AVX-512.
  static constexpr Prefetch kOfAmd = {8192, 0, 0};
  static constexpr Prefetch kOfOthers = {2048, 8192, 0};
#if PRUMO_X86
  if (__builtin_cpu_is("amd") != 0) return kOfAmd;
#endif
  return kOfOthers;
}

std::span<const std::string_view> known_isas() {
  return kKnownIsas;
}

std::span<const Kernels* const> supported_kernels() {
  static const Supported supported = detect();
  return {supported.tables.data(), supported.n};
}

Result<const Kernels*> choose_kernels() {
  const auto tables = supported_kernels();
  const char* wanted = std::getenv("PRUMO_ISA");
  if (wanted == nullptr || *wanted == '\0') return tables.back();
  for (const Kernels* table : tables) {
    if (table->name == wanted) return table;
  }
  bool known = false;
  for (std::string_view name : kKnownIsas) known = known || name == wanted;
  return Error{ErrorCode::kBadArgument, "PRUMO_ISA",
               std::string("'") + wanted + "' is " +
                   (known ? "an instruction set that this processor lacks" : "no instruction set") +
                   "; use one of " + joined(tables) + ", or unset it."};
}

auto Kernels::matmul(gguf::TensorType type) const -> void (*)(const MatmulArgs&) {
  switch (type) {
    case gguf::TensorType::kF32:
      return matmul_f32;
    case gguf::TensorType::kF16:
      return matmul_f16;
    case gguf::TensorType::kBF16:
      return matmul_bf16;
    case gguf::TensorType::kQ8_0:
      return matmul_q8_0;
    case gguf::TensorType::kQ4_0:
      return matmul_q4_0;
    case gguf::TensorType::kQ4_1:
      return matmul_q4_1;
    case gguf::TensorType::kQ5_0:
      return matmul_q5_0;
    case gguf::TensorType::kQ5_1:
      return matmul_q5_1;
    case gguf::TensorType::kQ2_K:
      return matmul_q2_k;
    case gguf::TensorType::kQ3_K:
      return matmul_q3_k;
    case gguf::TensorType::kQ4_K:
      return matmul_q4_k;
    case gguf::TensorType::kQ5_K:
      return matmul_q5_k;
    case gguf::TensorType::kQ6_K:
      return matmul_q6_k;
  }
  return nullptr;
}

}  // namespace prumo
