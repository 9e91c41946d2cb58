// SPDX-License-Identifier: Apache-2.0
// --print-config: every setting, its value and where it came from. Pure.
#pragma once

#include <string>

#include "gearscale/cli/resolve.hpp"

namespace gearscale::cli {

// Lines "key = value   # source" in the table's order; a valid conf file that gives the same values again.
std::string config_text(const Values& values);

// {"up_pct": {"value": "90.0", "source": "default"}, ...} and a line end. Values are always strings, as a conf file has them.
std::string config_json(const Values& values);

}  // namespace gearscale::cli
