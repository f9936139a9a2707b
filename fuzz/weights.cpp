// The tensors of a small Llama with changes made to them: tests/support/weights_law.h has the list
// of tensors that they are held against, and the format of the input.
#include "support/weights_law.h"

#include "support/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string fault = prumo::testing::weights_law(std::as_bytes(std::span(data, size)));
  CHECK(fault.empty(), fault);
  return 0;
}
