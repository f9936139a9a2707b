// The choice of an instruction set: order, PRUMO_ISA, refusals.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>

#include "support/tables.h"

namespace prumo {
namespace {

/// PRUMO_ISA for one scope; then what it was before.
class Forced {
 public:
  explicit Forced(const char* value) {
    const char* before = std::getenv("PRUMO_ISA");
    had_ = before != nullptr;
    if (had_) before_ = before;
    if (value == nullptr) {
      ::unsetenv("PRUMO_ISA");
    } else {
      ::setenv("PRUMO_ISA", value, 1);
    }
  }
  ~Forced() {
    if (had_) {
      ::setenv("PRUMO_ISA", before_.c_str(), 1);
    } else {
      ::unsetenv("PRUMO_ISA");
    }
  }
  Forced(const Forced&) = delete;
  Forced& operator=(const Forced&) = delete;

 private:
  bool had_ = false;
  std::string before_;
};

bool is_supported(std::string_view name) {
  const auto tables = supported_kernels();
  return std::any_of(tables.begin(), tables.end(),
                     [name](const Kernels* table) { return table->name == name; });
}

TEST(Dispatch, TablesRunFromScalarUpwards) {
  const auto tables = supported_kernels();
  ASSERT_FALSE(tables.empty());
  EXPECT_EQ(tables[0]->isa, Isa::kScalar);
  for (std::size_t i = 1; i < tables.size(); ++i) EXPECT_LT(tables[i - 1]->isa, tables[i]->isa);
}

TEST(Dispatch, EveryTableIsNamedInTheListOfAll) {
  const auto all = known_isas();
  EXPECT_EQ(std::set<std::string_view>(all.begin(), all.end()).size(), all.size());
  for (const Kernels* table : supported_kernels()) {
    EXPECT_NE(std::find(all.begin(), all.end(), table->name), all.end()) << table->name;
    EXPECT_EQ(all[static_cast<std::size_t>(table->isa)], table->name);
  }
}

TEST(Dispatch, TablesAgreeWithTheProcessor) {
#if defined(__x86_64__)
  EXPECT_EQ(is_supported("avx2"), __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
  if (is_supported("avx512")) {
    EXPECT_TRUE(__builtin_cpu_supports("avx512vnni"));
  }
#else
  EXPECT_EQ(supported_kernels().size(), 1u);
#endif
}

TEST(Dispatch, EveryTableIsFullAndItsOwn) {
  for_each_kernel([](std::string_view name, auto member) {
    for (const Kernels* table : supported_kernels()) {
      EXPECT_NE(table->*member.pointer, nullptr) << table->name << " " << name;
      for (const Kernels* other : supported_kernels()) {
        if (other != table) {
          EXPECT_NE(table->*member.pointer, other->*member.pointer) << name;
        }
      }
    }
  });
}

TEST(Dispatch, ATypeHasItsOwnProduct) {
  using enum gguf::TensorType;
  for (const Kernels* table : supported_kernels()) {
    EXPECT_EQ(table->matmul(kF32), table->matmul_f32);
    EXPECT_EQ(table->matmul(kF16), table->matmul_f16);
    EXPECT_EQ(table->matmul(kBF16), table->matmul_bf16);
    EXPECT_EQ(table->matmul(kQ8_0), table->matmul_q8_0);
    EXPECT_EQ(table->matmul(kQ4_0), table->matmul_q4_0);
    EXPECT_EQ(table->matmul(kQ6_K), table->matmul_q6_k);
  }
}

TEST(Dispatch, UnforcedIsTheBest) {
  for (const char* value : {static_cast<const char*>(nullptr), ""}) {
    const Forced forced(value);
    const auto chosen = choose_kernels();
    ASSERT_TRUE(chosen.ok());
    EXPECT_EQ(chosen.value(), supported_kernels().back());
  }
}

TEST(Dispatch, ForcedIsThatOneOrAnError) {
  for (std::string_view name : known_isas()) {
    const Forced forced(std::string(name).c_str());
    const auto chosen = choose_kernels();
    ASSERT_EQ(chosen.ok(), is_supported(name)) << name;
    if (chosen.ok()) {
      EXPECT_EQ(chosen.value()->name, name);
    } else {
      EXPECT_NE(chosen.error().message.find(name), std::string::npos);
      EXPECT_NE(chosen.error().message.find("lacks"), std::string::npos);
    }
  }
}

TEST(Dispatch, AnUnknownNameIsAnError) {
  for (const char* name : {"sse2", "AVX2", "avx", "avx2 ", "avx5120", "scalar,avx2", "0"}) {
    const Forced forced(name);
    const auto chosen = choose_kernels();
    ASSERT_FALSE(chosen.ok()) << name;
    EXPECT_EQ(chosen.error().code, ErrorCode::kBadArgument);
    EXPECT_EQ(chosen.error().place, "PRUMO_ISA");
    EXPECT_NE(chosen.error().message.find(name), std::string::npos);
    EXPECT_NE(chosen.error().message.find("scalar"), std::string::npos);
  }
}

}  // namespace
}  // namespace prumo
