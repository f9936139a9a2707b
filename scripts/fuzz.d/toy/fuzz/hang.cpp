// Never ends on an input that begins with "h".
#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  volatile bool again = size > 0 && data[0] == 'h';
  while (again) {
  }
  return 0;
}
