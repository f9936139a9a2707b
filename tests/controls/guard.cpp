// Reads and writes beside a buffer, for the guard pages of support/guarded.h and support/stage.h.
#include <csignal>
#include <cstdint>
#include <cstdlib>

#include "controls/control.h"
#include "support/stage.h"

namespace {

using prumo::testing::Guarded;
using prumo::testing::Stage;
using Side = Guarded<std::byte>::Side;

constexpr std::size_t kSize = 37;
const std::byte* begin = nullptr;  // of the buffer under trial

// Says where the program was stopped, and ends it.
void on_fault(int, siginfo_t* info, void*) {
  const auto at = reinterpret_cast<std::intptr_t>(info->si_addr);
  char text[64];
  const int n = std::snprintf(text, sizeof text, "stopped at byte %td of %zu\n",
                              at - reinterpret_cast<std::intptr_t>(begin), kSize);
  [[maybe_unused]] const auto written = ::write(2, text, static_cast<std::size_t>(n));
  ::_exit(1);
}

void watch(const std::byte* buffer) {
  begin = buffer;
  struct sigaction action = {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO;
  ::sigaction(SIGSEGV, &action, nullptr);
}

std::byte look_at(const std::byte* p) {
  return *const_cast<const volatile std::byte*>(p);
}

void over_read(bool fault) {
  Guarded<std::byte> buffer(kSize, Side::kRight);
  watch(buffer.data());
  look_at(buffer.data() + (fault ? kSize : kSize - 1));
}

void under_read(bool fault) {
  Guarded<std::byte> buffer(kSize, Side::kLeft);
  watch(buffer.data());
  look_at(buffer.data() - (fault ? 1 : 0));
}

void over_write(bool fault) {
  Guarded<std::byte> buffer(kSize, Side::kRight);
  watch(buffer.data());
  const_cast<volatile std::byte&>(buffer.data()[fault ? kSize : kSize - 1]) = std::byte{1};
}

// Where a law puts its arguments, in memory that is used again.
void stage_over_read(bool fault) {
  Stage stage;
  stage.room<std::byte>(5000, Side::kRight);
  const auto* buffer = stage.room<std::byte>(kSize, Side::kRight);
  watch(buffer);
  look_at(buffer + (fault ? kSize : kSize - 1));
}

}  // namespace

int main(int argc, char** argv) {
  return prumo::testing::run_control(argc, argv,
                                     {{"over_read", over_read},
                                      {"under_read", under_read},
                                      {"over_write", over_write},
                                      {"stage_over_read", stage_over_read}});
}
