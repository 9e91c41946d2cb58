// SPDX-License-Identifier: Apache-2.0
// From whatever is there to a gear that stands by, running or stopped. Runs in a job's process; may be killed at any point and run again.
#pragma once

#include "gearscale/gears/steps.hpp"

namespace gearscale::gears {

// Where standbys are frozen: as bring_up; `settle` freezes it when its boot has ended, and with standby_settle = 0 it is frozen here. A gear
// that runs already has to answer one probe: one that does not is no standby. One that is frozen and alive is left as it is.
// Stopped: cloned only; one that runs is stopped as tear_down does, wherever its boot is: its init ends what it had begun. "standby in 61 ms
// (clone 6, start 30, probe 8)". Errors as bring_up.
Result<std::string> stand_by(Job& job);

}  // namespace gearscale::gears
