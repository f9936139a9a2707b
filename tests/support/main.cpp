// The main of every tests/ and props/ program: GoogleTest, then the list of kernels that really
// ran.
#include <gtest/gtest.h>

#include <cstdio>

#include "support/tables.h"

namespace {

/// What a report of a failure needs from elsewhere: the machine it was, and how to see it again.
class Failures : public ::testing::EmptyTestEventListener {
 public:
  explicit Failures(const char* program) : program_(program) {}

 private:
  void OnTestEnd(const ::testing::TestInfo& test) override {
    if (!test.result()->Failed()) return;
    std::printf("instruction sets here:");
    for (const prumo::Kernels* table : prumo::testing::tables()) {
      std::printf(" %.*s", static_cast<int>(table->name.size()), table->name.data());
    }
    std::printf("\nagain: %s --gtest_filter=%s.%s\n", program_, test.test_suite_name(),
                test.name());
  }
  const char* program_;
};

}  // namespace

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (const int status = prumo::testing::refused_isas()) return status;
  const bool listed = GTEST_FLAG_GET(list_tests);
  const bool whole = GTEST_FLAG_GET(filter) == "*" && !listed;
  const auto& all = *::testing::UnitTest::GetInstance();
  ::testing::UnitTest::GetInstance()->listeners().Append(new Failures(argv[0]));
  int failed = RUN_ALL_TESTS();
  if (!listed && all.test_to_run_count() == 0) {
    std::printf("no test has a name that was asked for\n");
    failed = 1;
  }
  const int idle = prumo::testing::report_executed(argv[0], whole, stdout);
  if (failed != 0 || idle != 0) return failed != 0 ? failed : idle;
  const bool skipped =
      all.test_to_run_count() > 0 && all.skipped_test_count() == all.test_to_run_count();
  return skipped ? prumo::testing::kSkipped : 0;
}
