// Takes a gigabyte for an input that begins with "m".
#include <cstddef>
#include <cstdint>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0 && data[0] == 'm') {
    const std::vector<char> all(std::size_t{1} << 30, 'x');
    return all[data[0]] == 'x' ? 0 : 1;
  }
  return 0;
}
