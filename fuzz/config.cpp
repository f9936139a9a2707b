// The keys of a Llama, each right or wrong in some way: tests/support/config_law.h has the rules
// that they are held against, and the format of the input.
#include "support/config_law.h"

#include "support/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string fault = prumo::testing::config_law(std::as_bytes(std::span(data, size)));
  CHECK(fault.empty(), fault);
  return 0;
}
