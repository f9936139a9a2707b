// Reads one past its input when that begins with "ab", in a function of its own.
#include <cstddef>
#include <cstdint>

namespace {

__attribute__((noinline)) int past_the_end(const std::uint8_t* data, std::size_t size) {
  volatile int sum = 0;
  for (std::size_t i = 0; i <= size; ++i) sum = sum + data[i];
  return sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || data[0] != 'a' || data[1] != 'b') return 0;
  return past_the_end(data, size) < 0 ? 1 : 0;
}
