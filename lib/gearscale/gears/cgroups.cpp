// SPDX-License-Identifier: Apache-2.0
// cgroups(7): v1 has a hierarchy for each controller, v2 has one for all.
#include "gearscale/gears/cgroups.hpp"

#include <dirent.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "gearscale/base/text.hpp"
#include "gearscale/system/deadline.hpp"
#include "gearscale/system/files.hpp"

namespace gearscale::gears {

namespace {

constexpr std::size_t kMaxProcFile = 4 * 1024 * 1024;
constexpr int kMaxDepth = 16;

bool has_controller(const std::string& mount, CgroupLayout layout, const std::string& controller) {
  if (layout == CgroupLayout::v1) {
    // A hierarchy may hold several controllers (cpu,cpuacct); distributions link each name to it.
    return ::access((mount + "/" + controller + "/cgroup.procs").c_str(), F_OK) == 0;
  }
  const auto text = system::read_file(mount + "/cgroup.controllers", kMaxProcFile);
  if (!text) return false;
  const auto words = split(trim(*text), ' ');
  return std::find(words.begin(), words.end(), controller) != words.end();
}

bool has_word(std::string_view list, std::string_view word) {
  const auto words = split(list, ',');
  return std::find(words.begin(), words.end(), word) != words.end();
}

// "/a/lxc.payload.shop-1/init.scope" -> "/a/lxc.payload.shop-1"
std::optional<std::string_view> payload_of(std::string_view path, std::string_view container) {
  constexpr std::string_view kPayload = "lxc.payload.";
  for (auto begin = path.find('/'); begin != std::string_view::npos; begin = path.find('/', begin + 1)) {
    const auto end = std::min(path.find('/', begin + 1), path.size());
    const auto name = path.substr(begin + 1, end - begin - 1);
    if (name == "..") return std::nullopt;
    if (name.starts_with(kPayload) && cgroup_number(name, container) >= 0) return path.substr(0, end);
  }
  return std::nullopt;
}

// The names of the directories in a directory; none when it cannot be read.
std::vector<std::string> directories_in(const std::string& path) {
  std::vector<std::string> names;
  struct Close {
    void operator()(DIR* directory) const { ::closedir(directory); }
  };
  const std::unique_ptr<DIR, Close> directory(::opendir(path.c_str()));
  if (!directory) return names;
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

bool remove_tree(const std::string& path, int depth) {
  if (depth < kMaxDepth) {
    for (const auto& name : directories_in(path)) remove_tree(path + "/" + name, depth + 1);
  }
  return ::rmdir(path.c_str()) == 0 || errno == ENOENT;
}

// "9:name=systemd:/a/b" -> "/a/b", once each.
std::vector<std::string> paths_in(std::string_view proc_cgroup) {
  std::vector<std::string> paths;
  for (const auto line : split(proc_cgroup, '\n')) {
    const auto first = line.find(':');
    const auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const auto path = std::string(line.substr(second + 1));
    if (path.starts_with('/') && path.find("/..") == std::string::npos && std::find(paths.begin(), paths.end(), path) == paths.end()) {
      paths.push_back(path);
    }
  }
  return paths;
}

}  // namespace

CgroupLayout cgroup_layout(const std::string& mount) {
  struct statfs info {};
  const bool v2 = ::statfs(mount.c_str(), &info) == 0 && info.f_type == CGROUP2_SUPER_MAGIC;
  return v2 ? CgroupLayout::v2 : CgroupLayout::v1;
}

Result<void> check_limits(const Options& options, CgroupLayout layout, const std::string& mount) {
  const struct {
    bool wanted;
    const char* setting;
    const char* controller;
  } limits[] = {{options.gear_memory > 0, "gear_memory", "memory"},
                {options.gear_cpu > 0, "gear_cpu", "cpu"},
                {options.gear_pids > 0, "gear_pids", "pids"}};
  for (const auto& limit : limits) {
    if (!limit.wanted || has_controller(mount, layout, limit.controller)) continue;
    const auto where = layout == CgroupLayout::v2 ? mount + "/cgroup.controllers" : mount;
    return fail(Errc::config, std::string(limit.setting) + " needs the cgroup controller '" + limit.controller + "', which is not in " +
                                  where + ": enable it, or set " + limit.setting + " = 0");
  }
  return {};
}

int cgroup_number(std::string_view directory, std::string_view container) {
  for (const std::string_view prefix : {"lxc.monitor.", "lxc.payload."}) {
    if (!directory.starts_with(prefix)) continue;
    auto rest = directory.substr(prefix.size());
    if (!rest.starts_with(container)) return -1;
    rest.remove_prefix(container.size());
    if (rest.empty()) return 0;
    if (rest.size() < 2 || rest.size() > 6 || rest.front() != '-') return -1;
    const auto number = parse_integer(rest.substr(1));
    return number && *number > 0 && rest[1] != '0' ? static_cast<int>(*number) : -1;
  }
  return -1;
}

std::vector<CgroupMount> cgroup_mounts(std::string_view mountinfo) {
  std::vector<CgroupMount> mounts;
  for (const auto line : split(mountinfo, '\n')) {
    // "36 25 0:32 / /sys/fs/cgroup/memory rw,relatime shared:1 - cgroup cgroup rw,memory"
    const auto dash = std::min(line.find(" - "), line.size());
    const auto fields = split(line.substr(0, dash), ' ');
    const auto tail = split(line.substr(std::min(dash + 3, line.size())), ' ');
    if (fields.size() < 5 || tail.size() < 3 || (tail[0] != "cgroup" && tail[0] != "cgroup2")) continue;
    mounts.push_back(
        {.v2 = tail[0] == "cgroup2", .options = std::string(tail[2]), .root = std::string(fields[3]), .path = std::string(fields[4])});
  }
  return mounts;
}

std::vector<CgroupMount> mounts_with(std::string_view controller, std::string_view mountinfo) {
  auto mounts = cgroup_mounts(mountinfo);
  std::erase_if(mounts, [&](const CgroupMount& mount) { return !mount.v2 && !has_word(mount.options, controller); });
  std::stable_sort(mounts.begin(), mounts.end(), [](const auto& a, const auto& b) { return a.v2 < b.v2; });
  return mounts;
}

std::optional<PayloadCgroup> payload_cgroup(const std::vector<CgroupMount>& mounts, std::string_view controller, std::string_view proc_cgroup,
                                            std::string_view container) {
  for (const auto& mount : mounts) {
    for (const auto line : split(proc_cgroup, '\n')) {
      // "6:freezer:/lxc.payload.shop-1", and "0::/lxc.payload.shop-1" in v2
      const auto fields = split(line, ':');
      if (fields.size() < 3 || (mount.v2 ? fields[0] != "0" : !has_word(fields[1], controller))) continue;
      auto payload = payload_of(line.substr(fields[0].size() + fields[1].size() + 2), container);
      if (!payload) continue;
      if (mount.root != "/") {
        if (!payload->starts_with(mount.root + "/")) continue;
        payload->remove_prefix(mount.root.size());
      }
      return PayloadCgroup{.directory = mount.path + std::string(*payload), .v2 = mount.v2};
    }
  }
  return std::nullopt;
}

std::vector<std::string> cgroup_places(std::string_view mountinfo, const std::vector<std::string>& own_paths) {
  std::vector<std::string> places;
  for (const auto& mount : cgroup_mounts(mountinfo)) {
    places.push_back(mount.path);
    for (const auto& path : own_paths) {
      if (path != "/") places.push_back(mount.path + path);
    }
  }
  return places;
}

std::vector<std::string> cgroup_places() {
  std::string own;
  for (const auto* file : {"/proc/self/cgroup", "/proc/1/cgroup"}) {
    const auto text = system::read_file(file, kMaxProcFile);
    if (text) own += *text;
  }
  const auto mountinfo = system::read_file("/proc/self/mountinfo", kMaxProcFile);
  return mountinfo ? cgroup_places(*mountinfo, paths_in(own)) : std::vector<std::string>();
}

int remove_empty_cgroups(const Place& container, core::Millis patience) {
  const auto places = cgroup_places();
  const system::Deadline deadline(patience);
  for (;;) {
    int left = 0;
    for (const auto& place : places) {
      for (const auto& name : directories_in(place)) {
        const int number = cgroup_number(name, container.name);
        if (number < 0) continue;
        // "NAME-1" may also be the plain directory of another container of that name.
        const auto other = container.directory() + "-" + std::to_string(number);
        if (number > 0 && ::access(other.c_str(), F_OK) == 0) continue;
        if (!remove_tree(place + "/" + name, 0)) ++left;
      }
    }
    if (left == 0 || deadline.is_over()) return left;
    ::poll(nullptr, 0, 2);
  }
}

}  // namespace gearscale::gears
