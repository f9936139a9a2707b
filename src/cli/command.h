// The whole command as a function.
#pragma once

namespace prumo::cli {

/// Runs a command line as `prumo` does (argv[0] is the command's name): data to standard output,
/// all else to standard error. Returns the exit code; no exception comes out.
int run_command(int argc, const char* const* argv);

}  // namespace prumo::cli
