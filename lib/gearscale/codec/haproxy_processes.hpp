// SPDX-License-Identifier: Apache-2.0
// run/haproxy.processes: which processes of HAProxy there were, so that who starts anew knows those that a reload left behind. And a process as
// /proc/PID/stat shows it. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gearscale/base/result.hpp"

namespace gearscale::codec {

inline constexpr std::size_t kLongestProcessesFile = 64 * 1024;

// A pid alone may be another process's by now; with the time when its process began it is one process of one boot.
struct ProcessMark {
  std::int64_t pid = 0;     // 0: none
  std::uint64_t start = 0;  // ticks of the kernel's clock since its boot
  friend bool operator==(const ProcessMark&, const ProcessMark&) = default;
};

struct HaproxyProcesses {
  std::string boot_id;
  ProcessMark current;               // the one that answered last
  std::vector<ProcessMark> earlier;  // those before it that had not ended yet
  friend bool operator==(const HaproxyProcesses&, const HaproxyProcesses&) = default;
};

std::string format_haproxy_processes(const HaproxyProcesses& processes);
// Errc::failed when any line is not what it has to be, or one is missing.
Result<HaproxyProcesses> parse_haproxy_processes(std::string_view text);

struct ProcessStat {
  std::string name;
  std::int64_t parent = 0;
  std::uint64_t start = 0;
};
// proc(5): fields 2, 4 and 22. The name may contain anything, parentheses too. Errc::failed when it is not such a line.
Result<ProcessStat> parse_process_stat(std::string_view text);

}  // namespace gearscale::codec
