// SPDX-License-Identifier: Apache-2.0
// The processor time that a container's processes have used: v1 cpuacct.usage, v2 cpu.stat.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "gearscale/gears/cgroups.hpp"

namespace gearscale::gears {

class CpuTime {
 public:
  // `pid`: any process in the container.
  static CpuTime of(int pid, std::string_view container);
  // The same by the text of /proc/PID/cgroup.
  static CpuTime find(const std::vector<CgroupMount>& mounts, std::string_view proc_cgroup, std::string_view container, int pid);

  // Since its start. Where no hierarchy counts it, that of the processes that share its pid namespace now, with what they have waited for.
  // Nothing when neither can be read.
  std::optional<std::chrono::nanoseconds> used() const;

 private:
  std::string file_;  // empty: none counts
  bool v2_ = false;
  int pid_ = 0;
};

// "usage_usec" of a cpu.stat.
std::optional<std::chrono::nanoseconds> usage_of(std::string_view cpu_stat);
// utime, stime, cutime and cstime of a /proc/PID/stat, in ticks of the clock. A process may be called anything: the last ')' ends its name.
std::optional<std::int64_t> ticks_of(std::string_view proc_stat);

}  // namespace gearscale::gears
