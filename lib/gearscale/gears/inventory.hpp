// SPDX-License-Identifier: Apache-2.0
// Which containers of ours there are, as text lines: a Child finds them, the controller reads them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gearscale/base/result.hpp"
#include "gearscale/core/reconcile.hpp"
#include "gearscale/gears/ownership.hpp"

namespace gearscale::gears {

// One of ours: its state by liblxc; `stopped` when it is half made, `absent` when there is none of ours, `unknown` when its config is
// broken. Runs in a Child.
Result<core::ContainerFact> inspect_place(const Place& place, std::string_view id);
// All of ours under lxc_path, one line each. Runs in a Child.
Result<std::string> list_containers(const core::Application& application, const std::string& lxc_path);

// "1f3a9c02 10.0.0.7 running 1764000000000\n"
std::string format_fact(const core::ContainerFact& fact);
// Such lines; Errc::failed when one is malformed.
Result<std::vector<core::ContainerFact>> parse_facts(std::string_view text);

}  // namespace gearscale::gears
