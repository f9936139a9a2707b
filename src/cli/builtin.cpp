#include "cli/builtin.h"

extern "C" {
extern const std::byte prumo_builtin_begin[];
extern const std::byte prumo_builtin_end[];
}

namespace prumo {

std::span<const std::byte> builtin_model() {
  return {prumo_builtin_begin, prumo_builtin_end};
}

}  // namespace prumo
