// SPDX-License-Identifier: Apache-2.0
// Network devices of this network namespace, changed by rtnetlink(7): that needs no writable /sys, so it works in nested containers as well.
#pragma once

#include <string>

#include "gearscale/base/result.hpp"

namespace gearscale::gears {

// One that is not there is no error.
Result<void> delete_link(const std::string& device);

// Makes the device, a port of a Linux bridge, an isolated one: it exchanges frames with the bridge itself and with ports that are not
// isolated, with no other isolated port. Errc::failed when it is not there or no such port.
Result<void> isolate_port(const std::string& device);

}  // namespace gearscale::gears
