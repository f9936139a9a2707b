// The house's rules, checked on the tree itself: support/house_rules.h has them. Each is also seen
// to fail, on a tree with that fault planted and no other.
#include <gtest/gtest.h>
#include <unistd.h>

#include "support/house_rules.h"

namespace prumo::testing {
namespace {

const fs::path kRoot = PRUMO_SOURCE_DIR;

void expect_none(const Faults& faults) {
  std::string list;
  for (const std::string& fault : faults) list += "\n  " + fault;
  EXPECT_TRUE(faults.empty()) << list;
}

TEST(Tidy, EveryKernelHasItsSiblings) {
  expect_none(kernels_without_siblings(kRoot));
}
TEST(Tidy, EveryKernelIsInTheTable) {
  expect_none(kernels_outside_the_table(kRoot));
}
TEST(Tidy, FilesAreShort) {
  expect_none(long_files(kRoot));
}
TEST(Tidy, TheLibraryNeitherPrintsNorEndsTheProgram) {
  expect_none(forbidden_in_the_library(kRoot));
}
TEST(Tidy, EveryFileIsInATarget) {
  if (!fs::exists(PRUMO_COMPILE_COMMANDS)) {
    GTEST_SKIP() << "this build wrote no " PRUMO_COMPILE_COMMANDS "; the presets do";
  }
  expect_none(files_in_no_target(kRoot, compiled_files(PRUMO_COMPILE_COMMANDS)));
}
TEST(Tidy, EveryHeaderIsIncluded) {
  expect_none(headers_nobody_includes(kRoot));
}
TEST(Tidy, EveryUnitHasATest) {
  expect_none(units_without_a_test(kRoot));
}
TEST(Tidy, NoFileIsCompiledForAnInstructionSet) {
  expect_none(instruction_set_flags(kRoot));
}
TEST(Tidy, NoTestIsLeftToChance) {
  expect_none(chance_in_tests(kRoot));
}
TEST(Tidy, AWarningTurnedOffIsNamed) {
  expect_none(unnamed_nolint(kRoot));
}
TEST(Tidy, NothingIsLeftToDo) {
  expect_none(notes_to_oneself(kRoot));
}
TEST(Tidy, EveryFuzzTargetChecks) {
  expect_none(targets_without_a_check(kRoot));
}
TEST(Tidy, EveryTestAsserts) {
  expect_none(tests_without_an_assertion(kRoot));
}
TEST(Tidy, CorporaAreSmall) {
  expect_none(large_corpora(kRoot));
}

// An empty tree to plant faults in.
class PlantedFaults : public ::testing::Test {
 protected:
  PlantedFaults() {
    root_ = fs::temp_directory_path() / ("prumo-tidy-" + std::to_string(::getpid()));
    fs::create_directories(root_);
  }
  ~PlantedFaults() override { fs::remove_all(root_); }
  PlantedFaults(const PlantedFaults&) = delete;
  PlantedFaults& operator=(const PlantedFaults&) = delete;

  void plant(const fs::path& path, const std::string& text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  fs::path root_;
};

TEST_F(PlantedFaults, AKernelWithoutEachOfItsSiblings) {
  const std::vector<std::string> siblings = {"tests/lonely.cpp", "props/lonely.cpp",
                                             "fuzz/lonely.cpp", "bench/lonely.cpp"};
  plant("src/kernels/lonely.cpp", "");
  plant("fuzz/corpus/lonely/seed", "");
  for (const std::string& path : siblings) plant(path, "");
  EXPECT_EQ(kernels_without_siblings(root_), Faults{});
  for (const std::string& path : siblings) {
    fs::remove(root_ / path);
    EXPECT_EQ(kernels_without_siblings(root_), Faults{"lonely has no " + path});
    plant(path, "");
  }
  fs::remove_all(root_ / "fuzz/corpus");
  EXPECT_EQ(kernels_without_siblings(root_), Faults{"lonely has no fuzz/corpus"});
}

TEST_F(PlantedFaults, AKernelMissingFromEitherList) {
  const std::string in_table = ".one = space::one, .two = space::two";
  const std::string one = "f(\"one\", KernelMember<&Kernels::one>{});";
  const std::string two = "f(\"two\", KernelMember<&Kernels::two>{});";
  plant("src/kernels/declarations.h", "void one(const float* x); \\\n void two(int n); \\\n");
  plant("src/kernels/dispatch.cpp", in_table);
  plant("src/kernels/kernels.h", one + two);
  EXPECT_EQ(kernels_outside_the_table(root_), Faults{});
  plant("src/kernels/kernels.h", one);
  EXPECT_EQ(kernels_outside_the_table(root_), Faults{"two is not in for_each_kernel"});
  plant("src/kernels/kernels.h", one + two);
  plant("src/kernels/dispatch.cpp", ".one = space::one, .two = space::one");
  EXPECT_EQ(kernels_outside_the_table(root_), Faults{"two is not in the table"});
  plant("src/kernels/declarations.h", "");
  EXPECT_EQ(kernels_outside_the_table(root_), Faults{"no kernel is declared"});
}

TEST_F(PlantedFaults, AFileOfKernelsThatDeclaresNone) {
  plant("src/kernels/dispatch.cpp", ".two_f16 = space::two_f16");
  plant("src/kernels/kernels.h", "f(\"two_f16\", KernelMember<&Kernels::two_f16>{});");
  plant("src/kernels/declarations.h", "void two_f16(const float* x); \\\n");
  plant("src/kernels/two.cpp", "");
  plant("src/kernels/pack.cpp", "");
  EXPECT_EQ(kernels_outside_the_table(root_), Faults{});
  plant("src/kernels/wo.cpp", "");  // no part of another's name will do
  EXPECT_EQ(kernels_outside_the_table(root_), Faults{"wo.cpp has no kernel in declarations.h"});
}

TEST_F(PlantedFaults, ALongFile) {
  plant("src/base/full.cpp", std::string(kMostLines, '\n'));
  EXPECT_EQ(long_files(root_), Faults{});
  plant("props/long.cpp", std::string(kMostLines + 1, '\n'));
  EXPECT_EQ(long_files(root_), Faults{"long.cpp has 501 lines"});
}

TEST_F(PlantedFaults, EachWayToPrintOrToEnd) {
  plant("src/base/good.cpp",
        "// abort() is not called\nconst char* s = \"printf(\";\nsnprintf(s, 1, s);\nput(s);\n");
  plant("src/cli/main.cpp", "exit(1);");
  EXPECT_EQ(forbidden_in_the_library(root_), Faults{});
  for (const std::string code :
       {"printf(", "fprintf(",    "vprintf(",   "vfprintf(", "dprintf(",        "vdprintf(",
        "puts(",   "fputs(",      "putc(",      "fputc(",    "putchar(",        "fwrite(",
        "perror(", "std::cout",   "std::cerr",  "std::clog", "abort(",          "exit(",
        "_exit(",  "quick_exit(", "terminate(", "raise(",    "__builtin_trap(", "throw"}) {
    plant("src/base/bad.cpp", "void f() { " + code + " 1;");
    EXPECT_EQ(forbidden_in_the_library(root_), Faults{"bad.cpp uses " + code});
  }
}

TEST_F(PlantedFaults, CodeBehindAQuoteThatBeginsNoString) {
  for (const std::string before : {"c == '\"'", "c == '\\'' || c == '\"'", "n = 1'000; c = '\"'"}) {
    plant("src/base/bad.cpp", before + "; abort(); c = '\"'; \"\";\n");
    EXPECT_EQ(forbidden_in_the_library(root_), Faults{"bad.cpp uses abort("}) << before;
  }
  plant("src/base/bad.cpp", "n = 1'000; s = \"it's abort()\"; c = '\"'; // abort()\n");
  EXPECT_EQ(forbidden_in_the_library(root_), Faults{});
}

TEST_F(PlantedFaults, AFileInNoTarget) {
  plant("src/base/built.cpp", "");
  plant("tests/built.cpp", "");
  plant("bench/left_out.cpp", "");
  const fs::path commands = root_ / "compile_commands.json";
  plant("compile_commands.json", "[{\"file\": \"" + (root_ / "src/base/built.cpp").string() +
                                     "\"},\n{\"file\": \"" + (root_ / "tests/built.cpp").string() +
                                     "\"}]");
  EXPECT_EQ(files_in_no_target(root_, compiled_files(commands)), Faults{});
  plant("src/elsewhere/lost.cpp", "");
  EXPECT_EQ(files_in_no_target(root_, compiled_files(commands)),
            Faults{"src/elsewhere/lost.cpp is in no target"});
  fs::remove(root_ / "src/elsewhere/lost.cpp");
  plant("tests/deep/lost.cpp", "");
  EXPECT_EQ(files_in_no_target(root_, compiled_files(commands)),
            Faults{"tests/deep/lost.cpp is in no target"});
}

TEST_F(PlantedFaults, AHeaderThatNobodyIncludes) {
  plant("src/base/used.h", "");
  plant("src/base/used.cpp", "#include \"base/used.h\"\n");
  EXPECT_EQ(headers_nobody_includes(root_), Faults{});
  plant("tests/support/lost.h", "");
  EXPECT_EQ(headers_nobody_includes(root_), Faults{"nobody includes support/lost.h"});
}

TEST_F(PlantedFaults, AUnitWithoutATest) {
  plant("src/gguf/reader.cpp", "");
  plant("tests/gguf_reader.cpp", "");
  plant("props/gguf_reader.cpp", "");
  plant("src/gguf/file.cpp", "");
  plant("src/gguf/format.cpp", "");
  plant("tests/gguf_format.cpp", "");
  EXPECT_EQ(units_without_a_test(root_), Faults{});
  plant("src/model/lost.cpp", "");
  plant("props/lost.cpp", "");
  EXPECT_EQ(units_without_a_test(root_), Faults{"model/lost.cpp has no tests/lost.cpp"});
  plant("tests/lost.cpp", "");
  fs::remove(root_ / "props/lost.cpp");
  EXPECT_EQ(units_without_a_test(root_), Faults{"model/lost.cpp has no props/lost.cpp"});
}

TEST_F(PlantedFaults, AnInstructionSetFlag) {
  plant("src/kernels/argmax.cpp", "// never -march=native\n");
  EXPECT_EQ(instruction_set_flags(root_), Faults{});
  for (const std::string flag : {"-march=native", "-mavx2", "-mfma", "-msse4.2"}) {
    plant("src/CMakeLists.txt", "target_compile_options(x PRIVATE " + flag + ")");
    EXPECT_EQ(instruction_set_flags(root_), Faults{"src/CMakeLists.txt has " + flag});
  }
  fs::remove(root_ / "src/CMakeLists.txt");
  plant("CMakePresets.json", "-march=x86-64-v3");
  EXPECT_EQ(instruction_set_flags(root_), Faults{"CMakePresets.json has -march=x86-64-v3"});
}

TEST_F(PlantedFaults, ATestLeftToChance) {
  plant("bench/timed.cpp", "std::chrono::steady_clock::now();");
  plant("tests/good.cpp", "// rand() and time(nullptr)\nround_time(1);\n");
  EXPECT_EQ(chance_in_tests(root_), Faults{});
  for (const std::string code : {"rand(", "srand(", "time(", "random_device", "system_clock"}) {
    plant("props/bad.cpp", "x = std::" + code + " y");
    EXPECT_EQ(chance_in_tests(root_), Faults{"props/bad.cpp has " + code});
  }
  plant("fuzz/src/timed.cpp", "rand()");  // a checkout may lie in a folder of any name
  EXPECT_EQ(chance_in_tests(root_ / "fuzz"), Faults{});
}

TEST_F(PlantedFaults, AWarningTurnedOffWithoutAName) {
  plant("src/base/good.h", "int x;  // NOLINT(bugprone-x,google-y)\n");
  EXPECT_EQ(unnamed_nolint(root_), Faults{});
  plant("src/base/bad.h",
        "int x;  // NO"
        "LINTNEXTLINE\n");
  EXPECT_EQ(unnamed_nolint(root_), Faults{"src/base/bad.h has // NO"
                                          "LINTNEXTLINE"});
}

TEST_F(PlantedFaults, ANoteToOneself) {
  plant("README.md", "All that is to do is done.\n");
  EXPECT_EQ(notes_to_oneself(root_), Faults{});
  for (const std::string end : {"DO", "TAL"}) {
    plant("scripts/x", "# TO" + end + ": more\n");
    EXPECT_EQ(notes_to_oneself(root_), end == "DO" ? Faults{"scripts/x has TO" + end} : Faults{});
  }
}

TEST_F(PlantedFaults, AFuzzTargetThatChecksNothing) {
  plant("fuzz/good.cpp", "CHECK(a == b, \"\");");
  plant("fuzz/support/replay.cpp", "");
  EXPECT_EQ(targets_without_a_check(root_), Faults{});
  plant("fuzz/bad.cpp", "parse(data, size); return 0;");
  EXPECT_EQ(targets_without_a_check(root_), Faults{"bad.cpp checks nothing"});
}

TEST_F(PlantedFaults, ATestThatAssertsNothing) {
  const std::string good = "\nTEST(A, B) {\n  EXPECT_EQ(1, f());\n}\n";
  plant("tests/good.cpp", good);
  plant("tests/helped.cpp",
        "void held(int x) {\n  EXPECT_EQ(x, 1);\n}\n\nTEST(A, B) {\n  held(1);\n}\n");
  plant("props/good.cpp", "RC_ASSERT(x);");
  EXPECT_EQ(tests_without_an_assertion(root_), Faults{});
  plant("tests/bad.cpp", good + "TEST(A, C) {\n  f();\n}\n" + good);
  EXPECT_EQ(tests_without_an_assertion(root_), Faults{"bad.cpp: TEST(A, C) asserts nothing"});
  fs::remove(root_ / "tests/bad.cpp");
  plant("props/bad.cpp", "f();");
  EXPECT_EQ(tests_without_an_assertion(root_), Faults{"bad.cpp asserts nothing"});
}

TEST_F(PlantedFaults, ACorpusThatIsTooLargeOrEmpty) {
  for (std::size_t i = 0; i < kMostSeeds; ++i) plant("fuzz/corpus/x/" + std::to_string(i), "a");
  EXPECT_EQ(large_corpora(root_), Faults{});
  plant("fuzz/corpus/x/more", "a");
  EXPECT_EQ(large_corpora(root_), Faults{"corpus x has 201 files"});
  fs::remove_all(root_ / "fuzz/corpus/x");
  plant("fuzz/corpus/x/one", std::string(kMostSeedBytes + 1, 'a'));
  EXPECT_EQ(large_corpora(root_), Faults{"corpus x has 1048577 bytes"});
  fs::remove(root_ / "fuzz/corpus/x/one");
  EXPECT_EQ(large_corpora(root_), Faults{"corpus x has 0 files"});
}

}  // namespace
}  // namespace prumo::testing
