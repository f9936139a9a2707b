// The command `prumo`.
#include <csignal>

#include "cli/command.h"

int main(int argc, char** argv) {
  // A reader that goes away is an error of writing, not a signal.
  std::signal(SIGPIPE, SIG_IGN);
  return prumo::cli::run_command(argc, argv);
}
