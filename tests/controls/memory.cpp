// A decision on memory that nobody wrote, for MemorySanitizer.
#include <cstdlib>

#include "controls/control.h"

namespace {

void uninitialised_branch(bool fault) {
  auto* x = static_cast<volatile int*>(std::malloc(sizeof(int)));
  if (!fault) *x = 1;
  if (*x == 12345) std::puts("a rare value");
  std::free(const_cast<int*>(x));
}

}  // namespace

int main(int argc, char** argv) {
  return prumo::testing::run_control(argc, argv, {{"uninitialised_branch", uninitialised_branch}});
}
