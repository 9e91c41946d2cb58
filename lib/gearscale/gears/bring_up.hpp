// SPDX-License-Identifier: Apache-2.0
// From whatever is there to a gear that answers. Runs in a job's process; may be killed at any point and run again.
#pragma once

#include "gearscale/gears/steps.hpp"

namespace gearscale::gears {

// What is there               what is done
//   nothing                     clone, start, probe
//   half made                   destroy what is there; then as above
//   whole, stopped              start, probe
//   whole, frozen               unfreeze, probe
//   whole, running              probe
//   foreign                     Errc::config; it is not touched
// A gear that was woken by its cgroup is running, and liblxc still calls it frozen: it learns better here. One that dies meanwhile and that
// was not started here is started once more. Hooks run around a start only: none for a gear that runs already.
// Blocks until the gear answers its probe or the deadline is over. "ready in 31 ms (clone 6, start 17, probe 8)", without the parts that
// there was no need for. Errc::config for what only a person can mend; Errc::unavailable while another process works on the container;
// Errc::failed for the rest, also at once when the container dies meanwhile. A failure leaves the container as it is: tear_down is asked
// for by whoever decides.
Result<std::string> bring_up(Job& job);

}  // namespace gearscale::gears
