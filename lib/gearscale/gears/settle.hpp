// SPDX-License-Identifier: Apache-2.0
// A standby that runs is frozen when its boot has ended. Runs in a job's process; may be killed at any point and run again.
#pragma once

#include "gearscale/gears/steps.hpp"

namespace gearscale::gears {

// Waits for the end of the boot (await_boot_end), then for one answer to the probe, and freezes it: a boot that is frozen half-way goes on after
// the thaw with every timeout of its jobs over. With standby_settle = 0 nothing is waited for. One that is frozen and alive is left as it is.
// "frozen in 1,012 ms (boot 1003, probe 1, freeze 2)"; job.frozen is true. When the boot goes on until the deadline that is a success, too,
// with the reason as text, and it runs. Errc::failed when it does not run, dies, does not answer or cannot be frozen.
Result<std::string> settle(Job& job);

}  // namespace gearscale::gears
