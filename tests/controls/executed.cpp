// A suite about argmax, for the counter of kernels that ran: it runs every kernel of every
// instruction set on next to nothing, and argmax on all sets but the best when it is told to leave
// that out. Its program is called test_argmax, as the rule goes by the name.
#include <array>
#include <cstring>

#include "support/tables.h"

namespace {

using prumo::AttentionArgs;
using prumo::Kernels;
using prumo::MatmulArgs;
using prumo::MergeArgs;
using prumo::QuantizedBlock;
using prumo::SoftmaxResult;

// Enough of everything for the smallest call of each kind.
struct Memory {
  std::array<float, 8192> in{};
  std::array<float, 8192> out{};
  QuantizedBlock block{};
};
alignas(64) Memory memory;

void call(prumo::ArgmaxResult (*f)(const float*, std::size_t)) {
  f(memory.in.data(), 1);
}
void call(void (*f)(const float*, std::size_t, float*)) {
  f(memory.in.data(), 1, memory.out.data());
}
void call(void (*f)(const float*, std::size_t, float, float, std::uint64_t*)) {
  std::uint64_t sum = 0;
  f(memory.in.data(), 1, 0, 1, &sum);
}
void call(std::size_t (*f)(const float*, std::size_t, float, std::uint32_t, std::uint32_t*)) {
  std::uint32_t id = 0;
  f(memory.in.data(), 1, 0, 0, &id);
}
void call(void (*f)(const float*, std::size_t, QuantizedBlock*)) {
  f(memory.in.data(), 32, &memory.block);
}
void call(void (*f)(const float*, const float*, std::size_t, float, float*)) {
  f(memory.in.data(), memory.in.data(), 1, 1, memory.out.data());
}
void call(void (*f)(float*, const float*, std::size_t)) {
  f(memory.out.data(), memory.in.data(), 1);
}
void call(SoftmaxResult (*f)(const float*, std::size_t, float, float*)) {
  f(memory.in.data(), 1, 1, memory.out.data());
}
void call(void (*f)(const float*, const float*, std::size_t, float*)) {
  f(memory.in.data(), memory.in.data(), 1, memory.out.data());
}
void call(void (*f)(const float*, std::size_t, std::uint16_t*)) {
  std::uint16_t half = 0;
  f(memory.in.data(), 1, &half);
}
void call(void (*f)(const AttentionArgs&)) {
  const auto* bytes = reinterpret_cast<const std::byte*>(memory.in.data());
  float* out = memory.out.data();
  AttentionArgs args{};
  args.q = memory.in.data();
  args.tokens = args.heads = args.n_keys = 1;
  args.head_dim = 2;
  args.keys = args.values = bytes;
  args.value_stride = 16;
  args.scale = 1;
  args.scores = out;
  args.max = out + 1024;
  args.sum = out + 1025;
  args.out = out + 2048;
  f(args);
}
void call(void (*f)(const MergeArgs&)) {
  const float* in = memory.in.data();
  f({in, in, in, 1, 1, 16, 2, 1, memory.out.data()});
}
void call(void (*f)(const MatmulArgs&)) {
  f({nullptr, 0, 0, 0, 0, nullptr, nullptr, 0});
}

}  // namespace

int main(int argc, char** argv) {
  if (const int status = prumo::testing::refused_isas()) return status;
  const bool fault = argc == 2 && std::strcmp(argv[1], "fault") == 0;
  for (const Kernels* table : prumo::testing::tables()) {
    prumo::for_each_kernel([&](std::string_view name, auto member) {
      const bool best = table == prumo::testing::tables().back();
      if (!(fault && best && name == "argmax")) call(table->*member.pointer);
    });
  }
  return prumo::testing::report_executed(argv[0], true, stdout);
}
