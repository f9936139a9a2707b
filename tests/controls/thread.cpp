// A data race for ThreadSanitizer.
#include <atomic>
#include <thread>

#include "controls/control.h"

namespace {

int plain = 0;
std::atomic<int> atomic{0};

void data_race(bool fault) {
  const auto add = [fault] {
    if (fault) {
      ++plain;
    } else {
      ++atomic;
    }
  };
  std::thread first(add);
  std::thread second(add);
  first.join();
  second.join();
}

}  // namespace

int main(int argc, char** argv) {
  return prumo::testing::run_control(argc, argv, {{"data_race", data_race}});
}
