// The clock that times are told by.
#pragma once

#include <cstdint>

namespace prumo {

/// Nanoseconds since some moment; they never go back. It has a source of its own, so that a program
/// which defines it has another clock: a test, whose clock stands unless it is moved.
std::uint64_t now_ns();

}  // namespace prumo
