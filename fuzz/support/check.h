// What a fuzz target needs: a check that cannot be compiled out, and the input (support/input.h).
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

#include "support/input.h"
#include "support/tables.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace prumo::fuzz {

/// Writes one line with the place, the reason and the instruction sets, then traps.
[[noreturn]] inline void fail(const char* file, int line, const std::string& what) {
  std::string text = std::string(file) + ":" + std::to_string(line) + ": " + what + " [isas:";
  for (const Kernels* table : supported_kernels()) text += " " + std::string(table->name);
  text += "]\n";
  [[maybe_unused]] const auto written = ::write(2, text.data(), text.size());
  __builtin_trap();
}

#define CHECK(condition, what) \
  ((condition) ? void()        \
               : ::prumo::fuzz::fail(__FILE__, __LINE__, std::string(#condition ": ") + (what)))

using testing::exact_copy;
using testing::Input;

}  // namespace prumo::fuzz
