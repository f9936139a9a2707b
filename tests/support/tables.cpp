// Counts every call of every kernel, by standing between the library's tables and those who ask for
// them.
#include "support/tables.h"

#include <atomic>
#include <cstdlib>
#include <string>
#include <type_traits>
#include <utility>

#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#define PRUMO_TEST_MSAN 1
#endif
#endif

#if defined(PRUMO_TEST_MSAN)
#define PRUMO_WHY_NOT_HERE "an instruction set that MemorySanitizer does not see through"
#else
#define PRUMO_WHY_NOT_HERE "an instruction set that this processor lacks"
#endif

namespace prumo {

// The linker's --wrap: who calls f() arrives at __wrap_f, and __real_f is f.
std::span<const Kernels* const> real_supported() __asm__("__real__ZN5prumo17supported_kernelsEv");
std::span<const Kernels* const> give_supported() __asm__("__wrap__ZN5prumo17supported_kernelsEv");
Result<const Kernels*> real_choice() __asm__("__real__ZN5prumo14choose_kernelsEv");
Result<const Kernels*> give_choice() __asm__("__wrap__ZN5prumo14choose_kernelsEv");

namespace testing {
namespace {

struct Tables {
  std::vector<const Kernels*> counted;
  std::vector<Executed> kernels;
};

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
void count(const Kernels& table, Tables& out) {
  static Kernels copy = table;
  for_each_kernel([&](std::string_view name, auto member) {
    using Function = std::remove_reference_t<decltype(copy.*member.pointer)>;
    using Wrapped = Counted<isa, decltype(member), Function>;
    Wrapped::real = table.*member.pointer;
    copy.*member.pointer = &Wrapped::call;
    out.kernels.push_back({name, copy.name, &Wrapped::calls});
  });
  out.counted.push_back(&copy);
}

const Tables& all() {
  static const Tables made = [] {
    Tables out;
    for (const Kernels* table : uncounted_tables()) {
      switch (table->isa) {
        case Isa::kScalar:
          count<Isa::kScalar>(*table, out);
          break;
        case Isa::kAvx2:
          count<Isa::kAvx2>(*table, out);
          break;
        case Isa::kAvx512:
          count<Isa::kAvx512>(*table, out);
          break;
      }
    }
    return out;
  }();
  return made;
}

// Instead of them, if any.
std::vector<const Kernels*> given;

bool is_known(std::string_view isa) {
  for (const std::string_view name : known_isas()) {
    if (name == isa) return true;
  }
  return false;
}

bool is_here(std::string_view isa) {
  for (const Kernels* table : tables()) {
    if (table->name == isa) return true;
  }
  return false;
}

// "argmax" of "build/release/tests/test_argmax".
std::string_view stem_of(std::string_view program) {
  program.remove_prefix(program.rfind('/') + 1);
  return program.substr(program.find('_') + 1);
}

bool is_about(std::string_view stem, std::string_view kernel) {
  if (!kernel.starts_with(stem)) return false;
  const std::string_view rest = kernel.substr(stem.size());
  return rest.empty() || rest == "_f16" || rest == "_f32";  // others have programs of their own
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

int refuse(int status, std::string_view variable, std::string_view isa, const char* why) {
  std::fprintf(stderr, "%s: '%.*s' is %s.\n", std::string(variable).c_str(),
               static_cast<int>(isa.size()), isa.data(), why);
  return status;
}

}  // namespace

const std::vector<const Kernels*>& tables() {
  return all().counted;
}

GivenTables::GivenTables(std::vector<const Kernels*> tables) {
  given = std::move(tables);
}
GivenTables::~GivenTables() {
  given.clear();
}

const std::vector<Executed>& executed() {
  return all().kernels;
}

std::span<const Kernels* const> uncounted_tables() {
#if defined(PRUMO_TEST_MSAN)
  return real_supported().first(1);
#else
  return real_supported();
#endif
}

int refused_isas() {
  constexpr const char* kUnknown = "no instruction set";
  constexpr const char* kLacking = PRUMO_WHY_NOT_HERE;
  const std::string required = environment("PRUMO_REQUIRE_ISA");
  for (std::string_view rest = required; !rest.empty();) {
    const std::string_view name = rest.substr(0, rest.find(','));
    if (!is_known(name)) return refuse(2, "PRUMO_REQUIRE_ISA", name, kUnknown);
    if (!is_here(name)) return refuse(1, "PRUMO_REQUIRE_ISA", name, kLacking);
    rest.remove_prefix(name.size());
    if (!rest.empty()) rest.remove_prefix(1);
  }
  const std::string forced = environment("PRUMO_ISA");
  if (forced.empty() || is_here(forced)) return 0;
  if (!is_known(forced)) return refuse(2, "PRUMO_ISA", forced, kUnknown);
  return refuse(kSkipped, "Skipped. PRUMO_ISA", forced, kLacking);
}

int report_executed(std::string_view program, bool whole, std::FILE* to) {
  std::size_t ran = 0;
  std::string list;
  std::string missing;
  std::string strangers;
  const std::string only = environment("PRUMO_ONLY_ISA");
  for (const Executed& e : executed()) {
    const bool called = e.calls() != 0;
    if (!called && !is_about(stem_of(program), e.kernel)) continue;
    std::string& line = called ? list : missing;
    line.append(1, ' ').append(e.kernel).append(1, '/').append(e.isa);
    if (!called) continue;
    ++ran;
    if (only.empty() || e.isa == only) continue;
    strangers.append(1, ' ').append(e.kernel).append(1, '/').append(e.isa);
  }
  std::fprintf(to, "kernels executed: %zu of %zu%s%s\n", ran, executed().size(),
               list.empty() ? "" : ":", list.c_str());
  for (std::string_view isa : known_isas()) {
    if (!is_here(isa)) {
      std::fprintf(to, "skipped: every kernel of %s, " PRUMO_WHY_NOT_HERE "\n",
                   std::string(isa).c_str());
    }
  }
  if (!strangers.empty()) {
    std::fprintf(to, "executed, though PRUMO_ONLY_ISA is %s:%s\n", only.c_str(), strangers.c_str());
    return 1;
  }
  if (missing.empty() || !whole) return 0;
  std::fprintf(to, "never executed, though the suite is about it:%s\n", missing.c_str());
  return 1;
}

}  // namespace testing

std::span<const Kernels* const> give_supported() {
  return testing::given.empty() ? testing::tables() : testing::given;
}

Result<const Kernels*> give_choice() {
#if defined(PRUMO_TEST_MSAN)
  return testing::tables().front();
#else
  const auto chosen = real_choice();
  if (!chosen.ok()) return chosen.error();
  const auto uncounted = testing::uncounted_tables();
  std::size_t i = 0;
  while (uncounted[i] != *chosen) ++i;
  return testing::tables()[i];
#endif
}

}  // namespace prumo
