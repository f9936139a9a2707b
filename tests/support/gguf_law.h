// The law of the reader: for any bytes, the verdict, the reason and the view of a second parser.
#pragma once

#include <string>

#include "gguf/reader.h"
#include "support/counting_new.h"
#include "support/gguf_oracle.h"
#include "support/input.h"
#include "support/ready_test.h"

namespace prumo::testing {

/// "" or how the reader departs from the oracle on an exact copy of the bytes; memory stays within
/// 16 bytes a byte. `reason` is the reader's.
inline std::string gguf_fault(std::span<const std::byte> bytes, gguf::Reason& reason) {
  const auto copy = exact_copy<std::byte>(bytes.data(), bytes.size());
  const std::span<const std::byte> exact(copy.get(), bytes.size());
  reason = gguf::Reason::kOutOfMemory;
  const PeakMemory peak;
  const Result<gguf::File> parsed = gguf::File::parse(exact, &reason);
  const std::size_t used = peak.bytes();
  if (used > 16 * bytes.size() + 65536) {
    return std::to_string(used) + " bytes of memory for a file of " + std::to_string(bytes.size());
  }
  return difference(GgufOracle(exact), reason, parsed, exact);
}
inline std::string gguf_law(const std::vector<std::byte>& file, gguf::Reason& reason) {
  return ready(gguf_fault(file, reason), "gguf_law", file);
}
inline std::string gguf_law(const std::vector<std::byte>& file) {
  gguf::Reason reason = gguf::Reason::kNone;
  return gguf_law(file, reason);
}

}  // namespace prumo::testing
