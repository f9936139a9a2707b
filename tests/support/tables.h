// Every kernel table of this processor, with each call counted, so that a program can say what it
// really ran. In every program of tests/, props/ and fuzz/ the linker lets supported_kernels() and
// choose_kernels() give these tables (support/CMakeLists.txt): what a model or a session calls is
// counted too.
#pragma once

#include <cstdint>
#include <cstdio>
#include <span>
#include <string_view>
#include <vector>

#include "kernels/kernels.h"

namespace prumo::testing {

/// One kernel of one instruction set and how often it was called.
struct Executed {
  std::string_view kernel;
  std::string_view isa;
  std::uint64_t (*calls)();
};

/// The supported tables, weakest first (the scalar reference is tables()[0]), with counted calls.
/// Under MemorySanitizer the scalar one alone: clang 14 does not see through AVX instructions.
const std::vector<const Kernels*>& tables();

/// While it lives, supported_kernels() gives these tables, the reference first. One at a time.
class GivenTables {
 public:
  explicit GivenTables(std::vector<const Kernels*> tables);
  ~GivenTables();
  GivenTables(const GivenTables&) = delete;
  GivenTables& operator=(const GivenTables&) = delete;
};

/// The library's own tables, which count nothing.
std::span<const Kernels* const> uncounted_tables();

/// Every kernel of tables(), in their order.
const std::vector<Executed>& executed();

/// Exit status of a suite that ctest shows as skipped.
inline constexpr int kSkipped = 77;

/// Whether this machine may run the suite, before it begins: 0 to go on, else the exit status, with
/// a sentence on stderr. kSkipped when PRUMO_ISA forces an instruction set that this processor
/// lacks; 1 when PRUMO_REQUIRE_ISA (names with commas between them) has one; 2 when either has a
/// name that is none.
int refused_isas();

/// Ends a suite: prints how many kernels ran on which instruction sets, and which sets this
/// processor lacks. Returns 1 when a kernel that `program` is named after (test_argmax,
/// prop_attention for attention_f16 and _f32) never ran on one of the sets, or when PRUMO_ONLY_ISA
/// names a set and another ran, else 0. `whole` is false when only a part of the suite ran: then no
/// kernel is demanded.
int report_executed(std::string_view program, bool whole, std::FILE* to);

}  // namespace prumo::testing
