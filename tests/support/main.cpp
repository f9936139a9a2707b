// The main of every tests/ and props/ program: GoogleTest, then the list of kernels that really
// ran.
#include <gtest/gtest.h>

#include "support/tables.h"

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (const int status = prumo::testing::refused_isas()) return status;
  const bool whole = GTEST_FLAG_GET(filter) == "*" && !GTEST_FLAG_GET(list_tests);
  const int failed = RUN_ALL_TESTS();
  const int idle = prumo::testing::report_executed(argv[0], whole, stdout);
  return failed != 0 ? failed : idle;
}
