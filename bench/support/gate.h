// Proved before timed: the main of every benchmark. It refuses to time a library whose tests have
// not passed.
#pragma once

namespace prumo::bench {

/// Google Benchmark's main behind the gate. Own options, besides Google Benchmark's:
///   --unproved    time the library whatever the stamp says; every output says UNPROVED
///   --stamp FILE  the stamp to look at instead of the build folder's
/// Returns the exit status: 1 when it refuses, 2 for an unknown argument. `after`, if given, runs
/// once the benchmarks have, and its status is the program's.
int run_behind_gate(int argc, char** argv, int (*after)() = nullptr);

/// "UNPROVED: <why>" when the gate was passed by --unproved, else "": for tables of one's own.
const char* unproved_mark();

}  // namespace prumo::bench

#define PRUMO_BENCH_MAIN()                            \
  int main(int argc, char** argv) {                   \
    return prumo::bench::run_behind_gate(argc, argv); \
  }                                                   \
  static_assert(true, "a semicolon follows")
