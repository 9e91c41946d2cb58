// SPDX-License-Identifier: Apache-2.0
// Network devices of this network namespace, changed by rtnetlink(7): that needs no writable /sys, so it works in nested containers as well.
#pragma once

#include <string>

#include "gearscale/base/result.hpp"
#include "gearscale/system/deadline.hpp"

namespace gearscale::gears {

// One that is not there is no error.
Result<void> delete_link(const std::string& device);

// Waits until there is such a device, and it is up. False at the deadline.
bool await_up(const std::string& device, const system::Deadline& deadline);

}  // namespace gearscale::gears
