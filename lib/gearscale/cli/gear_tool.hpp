// SPDX-License-Identifier: Apache-2.0
// add-gear and remove-gear, and haproxy_ctld -u / -d, which are the same for one gear.
#pragma once

#include <string>

#include "gearscale/app/manual.hpp"
#include "gearscale/cli/options.hpp"

namespace gearscale::cli {

enum class GearTool { add, remove };

// Carries the command out and, unless no_wait, waits until the gears serve or are gone. Results on stdout, progress and notes on stderr.
// Returns the exit code; errors as the ports have them.
Result<int> run_gear_tool(GearTool tool, const std::string& called_as, const GearToolOptions& options);

}  // namespace gearscale::cli
