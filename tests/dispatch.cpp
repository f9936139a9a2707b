// The choice of an instruction set: order, PRUMO_ISA, refusals.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <regex>
#include <set>
#include <string>

#include "support/forced_isa.h"
#include "support/house_rules.h"
#include "support/tables.h"

namespace prumo {
namespace {

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

// What isa.h says about a block's instructions: "avx2,fma,f16c" of PRUMO_AVX2_BEGIN, as each of the
// two compilers reads it.
std::vector<std::string> targets_of(const std::string& block) {
  const std::string text = testing::read(PRUMO_SOURCE_DIR "/src/kernels/isa.h");
  const std::regex target("#define PRUMO_" + block + R"(_BEGIN .*target\(\\"([\w,]+)\\"\))");
  std::vector<std::string> out;
  for (std::sregex_iterator it(text.begin(), text.end(), target), end; it != end; ++it) {
    out.push_back((*it)[1]);
  }
  return out;
}

std::set<std::string> features_of(const std::string& target) {
  static const std::regex name(R"(\w+)");
  return {std::sregex_token_iterator(target.begin(), target.end(), name), {}};
}

// A processor may have most of a set: no machine that the suite runs on shows a feature that nobody
// asks for, so the sources are read. A table's question is the text up to the one after it.
TEST(Dispatch, EveryFeatureThatABlockUsesIsAskedFor) {
  const std::string text = testing::read(PRUMO_SOURCE_DIR "/src/kernels/dispatch.cpp");
  const std::size_t begin = text.find("bool runs_here(");
  const std::size_t middle = text.find("Isa::kAvx512", begin);
  const std::size_t end = text.find("\n}", begin);
  ASSERT_LT(begin, middle);
  ASSERT_LT(middle, end);
  const std::string asked[] = {text.substr(begin, middle - begin),
                               text.substr(middle, end - middle)};
  const std::string blocks[] = {"AVX2", "AVX512"};
  ASSERT_NE(asked[1].find("avx2 &&"), std::string::npos) << "AVX2 is a part of AVX-512";
  EXPECT_EQ(text.substr(begin, end - begin).find("||"), std::string::npos) << "all, not any";
  std::set<std::string> before;
  for (std::size_t i = 0; i < std::size(blocks); ++i) {
    const std::vector<std::string> targets = targets_of(blocks[i]);
    ASSERT_EQ(targets.size(), 2u) << "clang's and GCC's";
    EXPECT_EQ(targets[0], targets[1]);
    for (const std::string& feature : features_of(targets[0])) {
      if (before.contains(feature)) continue;
      const std::regex question("supports\\(\"" + feature + "\"\\)|has_" + feature + "\\(\\)");
      EXPECT_TRUE(std::regex_search(asked[i], question)) << blocks[i] << " uses " << feature;
    }
    before = features_of(targets[0]);
  }
}

TEST(Dispatch, EveryTableIsFullAndItsOwn) {
  for_each_kernel([](std::string_view name, auto member) {
    for (const Kernels* table : testing::uncounted_tables()) {
      EXPECT_NE(table->*member.pointer, nullptr) << table->name << " " << name;
      for (const Kernels* other : testing::uncounted_tables()) {
        if (other != table) {
          EXPECT_NE(table->*member.pointer, other->*member.pointer) << name;
        }
      }
    }
  });
}

TEST(Dispatch, EveryProgramOfTheSuiteGetsTheTablesThatCount) {
  const auto given = supported_kernels();
  ASSERT_EQ(given.size(), testing::uncounted_tables().size());
  for (std::size_t i = 0; i < given.size(); ++i) {
    EXPECT_EQ(given[i], testing::tables()[i]);
    EXPECT_EQ(given[i]->name, testing::uncounted_tables()[i]->name);
    EXPECT_NE(given[i], testing::uncounted_tables()[i]);
  }
}

TEST(Dispatch, ATypeHasItsOwnProduct) {
  using enum gguf::TensorType;
  for (const Kernels* table : supported_kernels()) {
    EXPECT_EQ(table->matmul(kF32), table->matmul_f32);
    EXPECT_EQ(table->matmul(kF16), table->matmul_f16);
    EXPECT_EQ(table->matmul(kBF16), table->matmul_bf16);
    EXPECT_EQ(table->matmul(kQ8_0), table->matmul_q8_0);
    EXPECT_EQ(table->matmul(kQ4_0), table->matmul_q4_0);
    EXPECT_EQ(table->matmul(kQ4_1), table->matmul_q4_1);
    EXPECT_EQ(table->matmul(kQ5_0), table->matmul_q5_0);
    EXPECT_EQ(table->matmul(kQ5_1), table->matmul_q5_1);
    EXPECT_EQ(table->matmul(kQ2_K), table->matmul_q2_k);
    EXPECT_EQ(table->matmul(kQ3_K), table->matmul_q3_k);
    EXPECT_EQ(table->matmul(kQ4_K), table->matmul_q4_k);
    EXPECT_EQ(table->matmul(kQ5_K), table->matmul_q5_k);
    EXPECT_EQ(table->matmul(kQ6_K), table->matmul_q6_k);
  }
}

TEST(Dispatch, UnforcedIsTheBest) {
  const testing::ForcedIsa forced("");
  ASSERT_TRUE(choose_kernels().ok());
  EXPECT_EQ(choose_kernels().value(), supported_kernels().back());
  ::unsetenv("PRUMO_ISA");
  ASSERT_TRUE(choose_kernels().ok());
  EXPECT_EQ(choose_kernels().value(), supported_kernels().back());
}

TEST(Dispatch, ForcedIsThatOneOrAnError) {
  for (std::string_view name : known_isas()) {
    const testing::ForcedIsa forced(name);
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
  for (const std::string_view name :
       {"sse2", "AVX2", "avx", "avx2 ", "avx5120", "scalar,avx2", "0"}) {
    const testing::ForcedIsa forced(name);
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
