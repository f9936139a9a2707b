// `prumo verify` on a processor with one more instruction set, "broken": the scalar one, but that
// the last of 40 sums and more is a bit off, if a fault is asked for. Verify must end with 1, and
// what it says to type must show the same difference again.
#include <unistd.h>

#include <bit>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <vector>

#include "cli/command.h"
#include "control.h"
#include "kernels/kernels.h"

namespace prumo {

std::span<const Kernels* const> real_kernels() __asm__("__real__ZN5prumo17supported_kernelsEv");
std::span<const Kernels* const> more_kernels() __asm__("__wrap__ZN5prumo17supported_kernelsEv");

namespace {

void (*sound_add)(const float*, std::size_t, float*);

void broken_add(const float* x, std::size_t n, float* y) {
  sound_add(x, n, y);
  if (n >= 40) y[n - 1] = std::bit_cast<float>(std::bit_cast<std::uint32_t>(y[n - 1]) ^ 1u);
}

bool broken = false;

}  // namespace

std::span<const Kernels* const> more_kernels() {
  static Kernels last = *real_kernels().front();
  static std::vector<const Kernels*> all;
  if (all.empty()) {
    all.assign(real_kernels().begin(), real_kernels().end());
    all.push_back(&last);
    last.name = "broken";
    sound_add = last.add;
  }
  last.add = broken ? broken_add : sound_add;
  return all;
}

}  // namespace prumo

namespace {

// Runs the command; what it writes to standard error is in `said`, and there too in the end.
int run(const std::vector<const char*>& words, std::string& said) {
  char path[] = "/tmp/prumo-control-XXXXXX";
  const int file = ::mkstemp(path);
  const int kept = ::dup(2);
  ::dup2(file, 2);
  const int status = prumo::cli::run_command(static_cast<int>(words.size()), words.data());
  std::fflush(stderr);
  ::dup2(kept, 2);
  ::close(kept);
  ::close(file);
  std::ifstream in(path);
  said.assign(std::istreambuf_iterator<char>(in), {});
  ::unlink(path);
  std::fputs(said.c_str(), stderr);
  return status;
}

int status = 0;

void verify(bool fault) {
  prumo::broken = fault;
  std::string said;
  status = run({"prumo", "verify", "--seconds", "0", "--seed", "7"}, said);
  std::smatch again;
  const std::regex command("'prumo verify --kernel ([a-z0-9_]+) --seed ([0-9]+) --input ([0-9]+)'");
  if (!std::regex_search(said, again, command)) {
    if (fault) status = 3;  // it has to say how to see it again
    return;
  }
  const std::string kernel = again[1], seed = again[2], input = again[3];
  std::string said_again;
  const int other = run({"prumo", "verify", "--kernel", kernel.c_str(), "--seed", seed.c_str(),
                         "--input", input.c_str()},
                        said_again);
  if (other != status || said_again != said) status = 3;
}

}  // namespace

int main(int argc, char** argv) {
  const int misuse = prumo::testing::run_control(argc, argv, {{"table", verify}});
  return misuse != 0 ? misuse : status;
}
