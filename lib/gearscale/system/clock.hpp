// SPDX-License-Identifier: Apache-2.0
// The real clocks, the name of this boot, and the one source of randomness: fresh gear ids.
#pragma once

#include <cstdint>
#include <string>

#include "gearscale/base/result.hpp"
#include "gearscale/ports.hpp"

namespace gearscale::system {

class SystemClock final : public Clock {
 public:
  core::Time now() override;             // CLOCK_MONOTONIC, the same for all processes of this boot; whole ms
  std::int64_t system_micros() override;  // CLOCK_REALTIME
};

// The kernel's random name of this boot, 36 characters: steady times are comparable only while it is the same. Errc::failed when /proc has
// none.
Result<std::string> boot_id();

// 8 lowercase hex digits from the kernel's random numbers. Whether a gear bears it already is the caller's to check.
std::string random_gear_id();

}  // namespace gearscale::system
