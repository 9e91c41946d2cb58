// SPDX-License-Identifier: Apache-2.0
// From whatever is there to nothing at all. Runs in a job's process; may be killed at any point and run again.
#pragma once

#include "gearscale/gears/steps.hpp"

namespace gearscale::gears {

// Runs pre_stop_gear, asks the container to halt (lxc.signal.halt; a frozen one is unfrozen first), kills it after stop_timeout (0: at
// once), destroys it, and removes what liblxc leaves: empty cgroup directories, a network cable, mounts, lock and log file. Success also
// when nothing was there; a foreign container is left alone, which is a success too: nothing of ours is there. Blocks, at most about until
// the deadline. The result is for people: "gone in 83 ms (stop 71, destroy 12)". Errc::failed when something stays.
Result<std::string> tear_down(Job& job);

}  // namespace gearscale::gears
