// Products with Q4_1 weights of any shape and bits: every table against the file's own layout.
#include "support/product_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return prumo::fuzz::fuzz_product(prumo::gguf::TensorType::kQ4_1, data, size);
}
