// SPDX-License-Identifier: Apache-2.0
// Programs of the application that run around a gear's life on the host: pre_start_gear, post_start_gear, pre_stop_gear. Runs in a job's
// process.
#pragma once

#include <string>
#include <vector>

#include "gearscale/gears/options.hpp"
#include "gearscale/ports.hpp"

namespace gearscale::gears {

struct HookCall {
  const char* hook;   // the name of the file
  const char* state;  // what the gear is doing: starting, preparing or stopping
};

// Is there a file of that name in hooks_dir?
bool has_hook(const Options& options, const char* hook);

// Runs it, if it is there, and waits for its end, at most hook_timeout and at most `patience`; then its process group is killed. It is
// started without a shell, in /, without input, and its environment holds PATH, LC_ALL=C and GEAR_NAME, GEAR_ID, GEAR_CONTAINER,
// GEAR_SERVER, GEAR_ADDRESS, GEAR_PORT, GEAR_STATE, GEAR_APP, GEAR_NAMESPACE, GEAR_TEMPLATE. Each line that it prints (64 KiB and 200 lines
// at most) is added to the log as "pre_start_gear: LINE". A job that was cut short and is repeated runs its hooks again: they must bear
// that. Should the job be killed, the hook is killed with it, though not what the hook has started. Errc::config when the file is not a
// regular, executable one of root or ourselves that nobody else may write, or when somebody else could exchange it (system::check_trusted);
// Errc::failed, with the last line of its output, when it fails or is late.
Result<void> run_hook(const Options& options, const GearSpec& gear, HookCall call, core::Millis patience, std::vector<std::string>& log);

}  // namespace gearscale::gears
