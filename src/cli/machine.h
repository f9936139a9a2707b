// What the machine can do, measured: the limits that a speed is compared with.
#pragma once

#include <cstddef>

#include "base/result.h"
#include "base/threads.h"
#include "kernels/kernels.h"

namespace prumo::cli {

/// The best of several sequential reads of `bytes` bytes (of kMostReadBytes where they are more),
/// each member of the team reading its own part, unasked, and asking ahead of one cache or of two.
/// As large as what a token reads, the buffer lies where the model does: in a cache, if it fits. In
/// GB/s, 10^9 bytes. kOutOfMemory when there is no room.
Result<double> read_bandwidth(ThreadTeam& team, std::size_t bytes);

/// No cache is larger.
inline constexpr std::size_t kMostReadBytes = std::size_t{512} << 20;

/// The best rate of vpdpbusd on registers, all members at once, in 10^9 operations a second (a
/// multiplication and an addition are two). 0 for a table that does not use this instruction.
double int8_peak(ThreadTeam& team, Isa isa);

/// The most memory that this process has had resident, in bytes.
std::size_t peak_resident_bytes();

}  // namespace prumo::cli
