// SPDX-License-Identifier: Apache-2.0
// haproxy_ctld: the controller in its modes.
#pragma once

#include "gearscale/cli/options.hpp"
#include "gearscale/cli/ready_report.hpp"

namespace gearscale::cli {

// haproxy_ctld in any mode but automatic.
Result<int> run_controller_once(const ControllerOptions& options);

// The loop: takes the pid file, reports when it is ready, and runs until TERM or INT; HUP re-reads the configuration and reopens the logs.
// All failures before the loop go through `ready`; the exit code is returned.
int run_controller_loop(const ControllerOptions& options, ReadyReport& ready, bool foreground);

}  // namespace gearscale::cli
