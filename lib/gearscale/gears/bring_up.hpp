// SPDX-License-Identifier: Apache-2.0
// From whatever is there to a gear that answers. Runs in a job's process; may be killed at any point and run again.
#pragma once

#include <string>

#include "gearscale/gears/options.hpp"
#include "gearscale/ports.hpp"

namespace gearscale::gears {

// What is there               what is done
//   nothing                     clone, start, probe
//   half made                   destroy what is there; then as above
//   whole, stopped              start, probe
//   whole, frozen               unfreeze, probe
//   whole, running              probe
//   foreign                     Errc::config; it is not touched
// Blocks until the gear answers its probe or the deadline is over. "ready in 31 ms (clone 6, start 17, probe 8)", without the parts that
// there was no need for. Errc::config for what only a person can mend; Errc::unavailable while another process works on the container;
// Errc::failed for the rest, also at once when the container dies meanwhile. A failure leaves the container as it is: tear_down is asked
// for by whoever decides.
Result<std::string> bring_up(const Options& options, const GearSpec& gear, core::Millis patience);

}  // namespace gearscale::gears
