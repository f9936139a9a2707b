// What `dequantize` owes on any bytes: the values that the format gives them, exactly.
#pragma once

#include <string>
#include <vector>

#include "kernels/dequantize.h"
#include "support/quant_oracle.h"
#include "support/ready_test.h"
#include "support/stage.h"

namespace prumo::testing {

/// `row` holds whole blocks.
inline std::string dequantize_fault(gguf::TensorType type, const std::vector<std::byte>& row,
                                    Side side) {
  static Stage row_stage;
  static Output out_stage;
  const BlockFormat format = block_format(type);
  const std::size_t n = row.size() / format.bytes * format.elements;
  float* out = out_stage.room<float>(n, side);
  dequantize(type, row_stage.put(row.data(), row.size(), side), n, out);
  std::vector<float> wanted(n);
  for (std::size_t i = 0; i < n; ++i) {
    wanted[i] = static_cast<float>(weight_value(type, row.data(), i));
  }
  std::string fault = difference(out, wanted.data(), n);
  if (fault.empty() && !out_stage.intact()) fault = "it wrote beside out";
  return fault.empty() ? fault : std::string(format.name) + ": " + fault;
}
/// The same, with a test to paste.
inline std::string dequantize_law(gguf::TensorType type, const std::vector<std::byte>& row,
                                  Side side) {
  return ready(dequantize_fault(type, row, side), "dequantize_law", type, row, side);
}

}  // namespace prumo::testing
