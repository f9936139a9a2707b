// The smallest user of the library: a model that is not there is an error with a place.
#include "prumo.h"

#include <cstdio>

int main() {
  const auto model = prumo::Model::load("no-such-model.gguf");
  if (model || model.error().code != prumo::ErrorCode::kIo) return 1;
  std::printf("%s: %s\n", model.error().place.c_str(), model.error().message.c_str());
  return 0;
}
