// SPDX-License-Identifier: Apache-2.0
// haproxy_ctld --check, for operators and tests.
#pragma once

#include "gearscale/base/result.hpp"
#include "gearscale/cli/options.hpp"

namespace gearscale::cli {

// Looks until all holds, or for five seconds: what was just changed may still be on its way. kExitDone, or kExitFailed with a list of what does
// not hold. Changes nothing.
Result<int> run_check(const ControllerOptions& options);

}  // namespace gearscale::cli
