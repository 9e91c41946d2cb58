// SPDX-License-Identifier: Apache-2.0
// A container's monitor answers liblxc on an abstract socket, and liblxc believes whoever answers: the state, and the process that is sent the
// halt signal. Anybody on the host can take the name while no monitor has it. So who listens is asked of the kernel first.
#pragma once

#include <string>

#include "gearscale/base/result.hpp"

namespace gearscale::gears {

// The name without its leading zero byte, as liblxc makes it (lxc_make_abstract_socket_name): LXC_PATH/NAME/command, a hash where that is too long.
std::string monitor_socket_name(const std::string& lxc_path, const std::string& name);

// Does root's (or the effective user's) process listen there? While it does nobody else can. Errc::config when it is somebody else's,
// Errc::failed when it cannot be told. Waits for nothing.
Result<bool> has_monitor(const std::string& lxc_path, const std::string& name);

}  // namespace gearscale::gears
