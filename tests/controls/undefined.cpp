// Undefined behaviour for UndefinedBehaviorSanitizer.
#include <climits>
#include <cstddef>

#include "controls/control.h"

namespace {

void signed_overflow(bool fault) {
  volatile int x = INT_MAX - 1;
  x = x + (fault ? 2 : 1);
}

void misaligned_load(bool fault) {
  alignas(int) static std::byte bytes[2 * sizeof(int)] = {};
  volatile std::size_t at = fault ? 1 : sizeof(int);
  volatile int x = *reinterpret_cast<const int*>(bytes + at);
  static_cast<void>(x);
}

void wide_shift(bool fault) {
  volatile int by = fault ? 32 : 31;
  volatile unsigned x = 1u << by;
  static_cast<void>(x);
}

}  // namespace

int main(int argc, char** argv) {
  return prumo::testing::run_control(argc, argv,
                                     {{"signed_overflow", signed_overflow},
                                      {"misaligned_load", misaligned_load},
                                      {"wide_shift", wide_shift}});
}
