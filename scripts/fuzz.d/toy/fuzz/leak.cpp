// Loses 40 bytes on an input that begins with "l".
#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  int* volatile lost = size > 0 && data[0] == 'l' ? new int[10] : nullptr;
  lost = nullptr;
  return lost == nullptr ? 0 : 1;
}
