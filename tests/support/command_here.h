// The command in the test's own process, where a test can stand in for the clock, the kernels and
// whoever reads what it says.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/report.h"
#include "support/command.h"

namespace prumo::testing {

/// Sends what is written to `fd` to a file while it lives.
class Redirected {
 public:
  Redirected(int fd, int file) : fd_(fd), kept_(::dup(fd)) {
    std::fflush(nullptr);
    ::dup2(file, fd);
  }
  ~Redirected() {
    std::fflush(nullptr);
    ::dup2(kept_, fd_);
    ::close(kept_);
  }
  Redirected(const Redirected&) = delete;
  Redirected& operator=(const Redirected&) = delete;

 private:
  int fd_;
  int kept_;
};

/// The same as run(); standard output goes to `out_fd` if that is an open file. What Ctrl-C does is
/// put back afterwards.
inline Ended run_here(const std::vector<std::string>& arguments, int out_fd = -1) {
  std::vector<const char*> argv = {"prumo"};
  for (const std::string& word : arguments) argv.push_back(word.c_str());
  const auto open_file = [](const char* name) {
    return ::open((folder() / name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  };
  const int out_file = open_file("out");
  const int err_file = open_file("err");
  Ended ended;
  {
    const Redirected out(STDOUT_FILENO, out_fd >= 0 ? out_fd : out_file);
    const Redirected err(STDERR_FILENO, err_file);
    ended.code = cli::run_command(static_cast<int>(argv.size()), argv.data());
  }
  ::close(out_file);
  ::close(err_file);
  cli::interrupted = false;
  std::signal(SIGINT, SIG_DFL);
  return {ended.code, contents(folder() / "out"), contents(folder() / "err")};
}

}  // namespace prumo::testing
