// SPDX-License-Identifier: Apache-2.0
// Which containers of ours there are, as text lines: a Child finds them, the controller reads them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gearscale/base/result.hpp"
#include "gearscale/core/reconcile.hpp"
#include "gearscale/gears/freezer.hpp"
#include "gearscale/gears/ownership.hpp"

namespace gearscale::gears {

// A container, and its init process where it runs.
struct Finding {
  core::ContainerFact fact;
  int init = 0;
};

// One that may be ours: its state by liblxc, but frozen or running as its cgroup says, which liblxc does not see when a gear is woken by that;
// `stopped` when it is half made, `absent` when there is none of ours, `unknown` when its config is broken; `unknown`
// and why (trouble) when its place cannot be read, or liblxc may not be pointed at it. Each place is judged by itself. Runs in a Child.
Finding inspect_place(const Place& place, std::string_view id, const std::vector<CgroupMount>& freezers);
// All of ours under lxc_path, one line each. Runs in a Child.
Result<std::string> list_containers(const core::Application& application, const std::string& lxc_path);

// "1f3a9c02 10.0.0.7 running 1764000000000 4711\n", the trouble behind it where there is one.
std::string format_finding(const Finding& finding);
// Such lines; Errc::failed when one is malformed.
Result<std::vector<Finding>> parse_findings(std::string_view text);

}  // namespace gearscale::gears
