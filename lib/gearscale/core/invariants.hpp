// SPDX-License-Identifier: Apache-2.0
// What must hold: registry, containers, HAProxy and haproxy.cfg agree. The one function that tests, the simulation and `haproxy_ctld --check`
// use. Pure.
#pragma once

#include <string>
#include <vector>

#include "gearscale/core/reconcile.hpp"

namespace gearscale::core {

// Everything as it is at one moment.
struct Everything {
  const Registry* registry = nullptr;
  std::vector<ContainerFact> containers;  // all with our mark
  std::vector<ServerFact> servers;        // all of ours in the running HAProxy
  bool file_agrees = true;                // our block of haproxy.cfg holds the gears that serve or drain, and no others
  Limits limits;
  std::vector<std::string> faults;     // that only the machine knows: a sentence each
  std::vector<std::string> leftovers;  // of gears that are gone: temp files, empty cgroup directories, veths, mounts; one phrase each
};

// One sentence for each break; none when all holds. Gears between two states are excused as long as their deadlines are not over by more than
// `grace`; a failed or removing gear, and one that starts, may have a container and a server or not.
std::vector<std::string> broken_invariants(const Everything& seen, Millis grace, Time now);

// Is no gear between two states? Then what broken_invariants() finds is not on its way to be mended.
bool is_at_rest(const Registry& registry);

}  // namespace gearscale::core
