// What the negative controls share: a program is called with the name of a case and with "fault",
// to commit it, or "sound", to do the same without the fault and without a word.
#pragma once

#include <cstdio>
#include <cstring>

namespace prumo::testing {

struct Case {
  const char* name;
  void (*run)(bool fault);
};

/// The main of a control. A case that comes back exits with 0: the fault went unseen.
template <std::size_t n>
int run_control(int argc, char** argv, const Case (&cases)[n]) {
  for (const Case& each : cases) {
    if (argc != 3 || std::strcmp(argv[1], each.name) != 0) continue;
    each.run(std::strcmp(argv[2], "fault") == 0);
    return 0;
  }
  std::fprintf(stderr, "usage: %s CASE fault|sound\n", argv[0]);
  return 2;
}

}  // namespace prumo::testing
