// SPDX-License-Identifier: Apache-2.0
// Which cgroup layout this machine has, whether limits can be had in it, and the empty directories that liblxc leaves behind.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gearscale/base/result.hpp"
#include "gearscale/gears/gear_config.hpp"
#include "gearscale/gears/ownership.hpp"

namespace gearscale::gears {

CgroupLayout cgroup_layout(const std::string& mount = "/sys/fs/cgroup");

// Can the limits of the options be set here? Errc::config naming the setting and the missing controller.
Result<void> check_limits(const Options& options, CgroupLayout layout, const std::string& mount = "/sys/fs/cgroup");

// Is this the name of a cgroup directory that liblxc makes for exactly this container? lxc.monitor.NAME, lxc.payload.NAME, and the same
// with -1, -2, ... which it takes when the plain one is still there. The number after the dash, 0 for a plain name, -1 when it is not one.
int cgroup_number(std::string_view directory, std::string_view container);

// Where a hierarchy of cgroups is mounted.
struct CgroupMount {
  bool v2 = false;
  std::string options;  // of the file system: with the controllers of v1
  std::string root;     // what of the hierarchy is mounted there
  std::string path;
};
std::vector<CgroupMount> cgroup_mounts(std::string_view mountinfo);

// The hierarchies that have this controller of v1, and v2; v1 ones first, because liblxc prefers them.
std::vector<CgroupMount> mounts_with(std::string_view controller, std::string_view mountinfo);

// A directory of a container's cgroups.
struct PayloadCgroup {
  std::string directory;
  bool v2 = false;
};
// The one in the first of these hierarchies that has it. `proc_cgroup`: /proc/PID/cgroup of any process in the container. The process may have
// moved deeper (systemd does): the directory named after the container counts. Nothing when there is none: the process is not this
// container's, or its config puts the cgroups elsewhere.
std::optional<PayloadCgroup> payload_cgroup(const std::vector<CgroupMount>& mounts, std::string_view controller, std::string_view proc_cgroup,
                                            std::string_view container);

// Where containers' cgroups may be: the mount points of all hierarchies, and there the place of our own process and of init.
std::vector<std::string> cgroup_places(std::string_view mountinfo, const std::vector<std::string>& own_paths);
std::vector<std::string> cgroup_places();

// Removes what of that is empty, children first (rmdir: one in use stays). Waits up to `patience` for a monitor that is just leaving.
// How many are left because they are in use.
int remove_empty_cgroups(const Place& container, core::Millis patience);

}  // namespace gearscale::gears
