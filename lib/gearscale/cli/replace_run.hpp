// SPDX-License-Identifier: Apache-2.0
// haproxy_ctld --replace and --replace --status: the command, its progress and its report.
#pragma once

#include "gearscale/base/result.hpp"
#include "gearscale/cli/options.hpp"

namespace gearscale::cli {

// Begins (or goes on with) a rolling replacement and waits for its end; a running daemon carries it on, without one this process does.
Result<int> run_replace(const ControllerOptions& options);

// How far the last one is. kExitFailed when it has stopped.
Result<int> show_replacement(const ControllerOptions& options);

}  // namespace gearscale::cli
