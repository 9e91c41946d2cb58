// SPDX-License-Identifier: Apache-2.0
// cgroups(7); Documentation/admin-guide/cgroup-v1/cpuacct.rst and cgroup-v2.rst of the kernel; proc_pid_stat(5).
#include "gearscale/gears/cpu_time.hpp"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

#include "gearscale/base/text.hpp"
#include "gearscale/system/files.hpp"

namespace gearscale::gears {

namespace {

constexpr std::size_t kMaxProcFile = 4 * 1024 * 1024;
constexpr std::string_view kController = "cpuacct";
constexpr std::size_t kFirstTime = 11;  // utime, counted from the state, which follows the name

std::string proc(int pid, const char* file) { return "/proc/" + std::to_string(pid) + "/" + file; }

std::optional<std::chrono::nanoseconds> used_in_namespace_of(int pid) {
  struct stat wanted {}, found {};
  struct Close {
    void operator()(DIR* directory) const { ::closedir(directory); }
  };
  const std::unique_ptr<DIR, Close> processes(::opendir("/proc"));
  if (!processes || ::stat(proc(pid, "ns/pid").c_str(), &wanted) != 0) return std::nullopt;
  std::int64_t ticks = 0;
  while (const dirent* entry = ::readdir(processes.get())) {
    const auto number = parse_integer(entry->d_name);
    if (!number || ::stat(proc(static_cast<int>(*number), "ns/pid").c_str(), &found) != 0) continue;
    if (found.st_ino != wanted.st_ino || found.st_dev != wanted.st_dev) continue;
    const auto text = system::read_file(proc(static_cast<int>(*number), "stat"), kMaxProcFile);
    if (text) ticks += ticks_of(*text).value_or(0);
  }
  return std::chrono::nanoseconds(ticks * (1'000'000'000 / ::sysconf(_SC_CLK_TCK)));
}

}  // namespace

CpuTime CpuTime::find(const std::vector<CgroupMount>& mounts, std::string_view proc_cgroup, std::string_view container, int pid) {
  CpuTime time;
  time.pid_ = pid;
  if (const auto payload = payload_cgroup(mounts, kController, proc_cgroup, container)) {
    time.v2_ = payload->v2;
    time.file_ = payload->directory + (time.v2_ ? "/cpu.stat" : "/cpuacct.usage");
  }
  return time;
}

CpuTime CpuTime::of(int pid, std::string_view container) {
  const auto mountinfo = system::read_file("/proc/self/mountinfo", kMaxProcFile);
  const auto cgroup = system::read_file(proc(pid, "cgroup"), kMaxProcFile);
  return find(mountinfo ? mounts_with(kController, *mountinfo) : std::vector<CgroupMount>(), cgroup ? *cgroup : std::string(), container, pid);
}

std::optional<std::chrono::nanoseconds> CpuTime::used() const {
  const auto text = file_.empty() ? Result<std::string>(std::string()) : system::read_file(file_, kMaxProcFile);
  if (!text) return std::nullopt;
  if (v2_) return usage_of(*text);
  if (file_.empty()) return used_in_namespace_of(pid_);
  const auto nanoseconds = parse_integer(trim(*text));
  return nanoseconds ? std::optional(std::chrono::nanoseconds(*nanoseconds)) : std::nullopt;
}

std::optional<std::chrono::nanoseconds> usage_of(std::string_view cpu_stat) {
  constexpr std::string_view kUsage = "usage_usec ";
  for (const auto line : split(cpu_stat, '\n')) {
    if (!line.starts_with(kUsage)) continue;
    const auto microseconds = parse_integer(line.substr(kUsage.size()));
    if (microseconds) return std::chrono::microseconds(*microseconds);
  }
  return std::nullopt;
}

std::optional<std::int64_t> ticks_of(std::string_view proc_stat) {
  const auto name_end = proc_stat.rfind(") ");
  if (name_end == std::string_view::npos) return std::nullopt;
  const auto fields = split(proc_stat.substr(name_end + 2), ' ');
  std::int64_t ticks = 0;
  for (std::size_t field = kFirstTime; field < kFirstTime + 4; ++field) {
    const auto number = field < fields.size() ? parse_integer(fields[field]) : std::nullopt;
    if (!number) return std::nullopt;
    ticks += *number;
  }
  return ticks;
}

}  // namespace gearscale::gears
