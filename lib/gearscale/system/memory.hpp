// SPDX-License-Identifier: Apache-2.0
// How much memory is left for new gears. Whether that is enough is not decided here.
#pragma once

#include <cstdint>
#include <string>

#include "gearscale/base/result.hpp"

namespace gearscale::system {

// Bytes: the lowest of MemAvailable and what our own cgroup and each cgroup above it may still take (limit - usage + page cache that the
// kernel would give up first, as MemAvailable counts it too), never below 0. Both cgroup versions; a limit that is none does not count.
// `root` is put before each path, for tests. Errc::failed when /proc/meminfo cannot be read or has no MemAvailable.
Result<std::int64_t> available_memory(const std::string& root = "");

}  // namespace gearscale::system
