// The main of every tests/ and props/ program: GoogleTest, then the list of kernels that really
// ran.
#include <gtest/gtest.h>

#include "support/tables.h"

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  const int status = RUN_ALL_TESTS();
  prumo::testing::print_executed(stdout);
  return status;
}
