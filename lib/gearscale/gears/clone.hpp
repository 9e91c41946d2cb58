// SPDX-License-Identifier: Apache-2.0
// From the stopped template to a whole, stopped gear; and back to nothing. Runs in a job's process.
#pragma once

#include "gearscale/gears/gear_config.hpp"
#include "gearscale/gears/ownership.hpp"
#include "gearscale/gears/options.hpp"
#include "gearscale/ports.hpp"

namespace gearscale::gears {

// Is the template fit to be cloned: defined, stopped, with the idmap of the options? And can our clones be had here: limits, idmap, rsync
// where it is needed, directories that a mapped root can pass? Errc::config saying what to do.
Result<void> check_template(const Options& options);

// Clones the template to `place`, where nothing may be. The note is announced before and withdrawn after: whatever happens in between, the
// next look tells half_made. Errc::config as check_template; Errc::failed when the clone does not succeed, with liblxc's reason.
Result<void> make_clone(const Options& options, const GearSpec& gear, const Place& place, WorkNote& note);

// Destroys what stands at `place`: a container of ours, whole or not; should it run, it is killed. The note must have been announced.
// Nothing is left of it in lxc_path; success when nothing was there. Errc::failed when something stays.
Result<void> destroy_remains(const Place& place);

}  // namespace gearscale::gears
