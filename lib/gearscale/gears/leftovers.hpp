// SPDX-License-Identifier: Apache-2.0
// What a container that died badly may leave on the host besides its directory and its cgroups: a network cable, mounts, liblxc's lock
// file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gearscale/base/result.hpp"
#include "gearscale/gears/ownership.hpp"
#include "gearscale/system/deadline.hpp"

namespace gearscale::gears {

// Makes sure that no network device of this name (veth_of) is in the way of a stopped gear: one whose two ends are both here is left from a
// start that was cut short and is deleted; one whose other end is in a network namespace that is just being destroyed is waited for.
// Errc::failed when it is still there at the deadline, or cannot be deleted.
Result<void> clear_veth(const std::string& device, const system::Deadline& deadline);

// The mount points below a directory, innermost first, in the reverse of the order in which /proc/self/mountinfo lists them.
std::vector<std::string> mounts_below(std::string_view mountinfo, const std::string& directory);
// The name that follows the directory in a path below it: "shop-1" of /var/lib/lxc/shop-1/rootfs. Empty for the directory itself, which may
// well be a mount point, and for what is not below it.
std::string_view name_below(std::string_view path, std::string_view directory);
// Detaches them. How many there were.
int unmount_below(const std::string& directory);

// What gears of ours other than the `known` ones left on this machine, one phrase each: notes of unfinished work and empty directories beside
// the containers, cgroup directories, cables on the bridge, mounts.
Result<std::vector<std::string>> find_leftovers(const core::Application& application, const std::string& lxc_path, const std::string& bridge,
                                                const std::vector<std::string>& known);

// liblxc keeps a lock file for each container that ever was, in /run/lxc/lock: removes this one's.
void remove_lxc_lock(const Place& place);

}  // namespace gearscale::gears
