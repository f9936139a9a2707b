// Finds nothing, but has coverage to find.
#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  volatile int depth = 0;
  for (std::size_t i = 0; i < size && i < 6; ++i) {
    if (data[i] != "inside"[i]) return 0;
    depth = depth + 1;
  }
  return 0;
}
