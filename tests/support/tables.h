// Every kernel table of this processor, with each call counted: a suite that walks tables() can say
// what ran.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/kernels.h"

namespace prumo::testing {

/// One kernel of one instruction set and how often a suite called it.
struct Executed {
  std::string_view kernel;
  std::string_view isa;
  std::uint64_t (*calls)();
};

inline std::vector<Executed>& executed() {
  static std::vector<Executed> list;
  return list;
}

template <Isa isa, class Member, class Signature>
struct Counted;

template <Isa isa, class Member, class R, class... Args>
struct Counted<isa, Member, R (*)(Args...)> {
  inline static R (*real)(Args...) = nullptr;
  inline static std::atomic<std::uint64_t> count{0};
  static R call(Args... args) {
    count.fetch_add(1, std::memory_order_relaxed);
    return real(args...);
  }
  static std::uint64_t calls() { return count.load(std::memory_order_relaxed); }
};

template <Isa isa>
const Kernels* counted(const Kernels& table) {
  static Kernels copy = table;
  for_each_kernel([&](std::string_view name, auto member) {
    using Function = std::remove_reference_t<decltype(copy.*member.pointer)>;
    using Wrapped = Counted<isa, decltype(member), Function>;
    Wrapped::real = table.*member.pointer;
    copy.*member.pointer = &Wrapped::call;
    executed().push_back({name, copy.name, &Wrapped::calls});
  });
  return &copy;
}

/// The supported tables, weakest first (the scalar reference is tables()[0]), with counted calls.
inline const std::vector<const Kernels*>& tables() {
  static const std::vector<const Kernels*> list = [] {
    std::vector<const Kernels*> out;
    for (const Kernels* table : supported_kernels()) {
      switch (table->isa) {
        case Isa::kScalar:
          out.push_back(counted<Isa::kScalar>(*table));
          break;
        case Isa::kAvx2:
          out.push_back(counted<Isa::kAvx2>(*table));
          break;
        case Isa::kAvx512:
          out.push_back(counted<Isa::kAvx512>(*table));
          break;
      }
    }
    return out;
  }();
  return list;
}

/// Prints which kernels ran on which instruction sets, and which sets this processor lacks. A suite
/// that never asked for tables() prints nothing.
inline void print_executed(std::FILE* to) {
  if (executed().empty()) return;
  std::size_t ran = 0;
  std::string list;
  for (const Executed& e : executed()) {
    if (e.calls() == 0) continue;
    ++ran;
    list.append(1, ' ').append(e.kernel).append(1, '/').append(e.isa);
  }
  std::fprintf(to, "kernels executed: %zu of %zu:%s\n", ran, executed().size(), list.c_str());
  for (std::string_view isa : known_isas()) {
    bool here = false;
    for (const Kernels* table : supported_kernels()) here = here || table->name == isa;
    if (!here)
      std::fprintf(to, "skipped: %s (this processor lacks it)\n", std::string(isa).c_str());
  }
}

}  // namespace prumo::testing
