// A leak for LeakSanitizer.
#include "controls/control.h"

namespace {

int* volatile kept = nullptr;

void leak(bool fault) {
  for (int i = 0; i < 100; ++i) {  // the last may still lie in a register
    kept = new int(i);
    if (!fault) delete kept;
  }
  kept = nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  return prumo::testing::run_control(argc, argv, {{"leak", leak}});
}
