// SPDX-License-Identifier: Apache-2.0
// haproxy_ctld --check: do registry, LXC, HAProxy and haproxy.cfg agree? Looks, changes nothing.
#pragma once

#include <string>
#include <vector>

#include "gearscale/app/executor.hpp"

namespace gearscale::app {

struct CheckReport {
  int gears = 0;                    // entries in the registry
  bool at_rest = false;             // no gear is between two states
  std::vector<std::string> broken;  // one sentence each; none: all holds
};

// One look. `temp_files`: leftovers that only the caller can know. A gear between two states is excused until `grace` after its deadline.
// Errors: those of the store, of LXC and of HAProxy. Waits for their deadlines at most. Takes no lock, so a change that
// comes in between shows as a break: look again.
Result<CheckReport> check(const Ports& ports, const core::Limits& limits, core::Millis grace,
                          std::vector<std::string> temp_files);

}  // namespace gearscale::app
