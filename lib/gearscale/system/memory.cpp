// SPDX-License-Identifier: Apache-2.0
// /proc/meminfo and the memory controllers of cgroup v1 and v2.
#include "gearscale/system/memory.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "gearscale/base/text.hpp"
#include "gearscale/system/files.hpp"

namespace gearscale::system {

namespace {

constexpr std::size_t kMaxBytes = 4 * 1024 * 1024;  // of mountinfo, which grows with the containers

// One mounted hierarchy that may know about memory.
struct Hierarchy {
  bool is_v2 = false;
  std::string mounted_root;  // which cgroup is at the mount point
  std::string mount_point;
};

struct FileNames {
  const char* limit;
  const char* usage;
  std::string_view reclaimable;  // line of memory.stat
};
constexpr FileNames kV1 = {"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file "};
constexpr FileNames kV2 = {"memory.max", "memory.current", "inactive_file "};

bool has_word(std::string_view list, std::string_view word) {
  const auto words = split(list, ',');
  return std::find(words.begin(), words.end(), word) != words.end();
}

// mountinfo: "36 31 0:32 ROOT MOUNT_POINT rw,relatime [tags] - TYPE SOURCE OPTIONS" (proc_pid_mountinfo(5)).
std::vector<Hierarchy> hierarchies(std::string_view mountinfo) {
  std::vector<Hierarchy> found;
  for (const auto line : split(mountinfo, '\n')) {
    const auto dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    const auto left = split(line.substr(0, dash), ' ');
    const auto right = split(line.substr(dash + 3), ' ');
    if (left.size() < 6 || right.size() < 3) continue;
    const bool is_v2 = right[0] == "cgroup2";
    if (!is_v2 && !(right[0] == "cgroup" && has_word(right[2], "memory"))) continue;
    found.push_back({is_v2, std::string(left[3]), std::string(left[4])});
  }
  return found;
}

// /proc/self/cgroup: "4:memory:/path" on v1, "0::/path" on v2. Our path below the mount point; where it cannot be seen (another
// namespace), "".
std::string own_path(std::string_view self, const Hierarchy& hierarchy) {
  for (const auto line : split(self, '\n')) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const auto controllers = line.substr(first + 1, second - first - 1);
    if (hierarchy.is_v2 ? line.substr(0, second) != "0:" : !has_word(controllers, "memory")) continue;
    std::string_view path = line.substr(second + 1);
    if (hierarchy.mounted_root != "/") {
      if (path.substr(0, hierarchy.mounted_root.size()) != hierarchy.mounted_root) return "";
      path.remove_prefix(hierarchy.mounted_root.size());
    }
    if (path == "/" || path.substr(0, 1) != "/" || path.find("/..") != std::string_view::npos) return "";
    return std::string(path);
  }
  return "";
}

std::optional<std::int64_t> read_number(const std::string& path) {
  const auto text = read_file(path, 4096);
  const auto number = text ? parse_integer(trim(*text)) : std::nullopt;  // "max" is no number: no limit
  return number && *number >= 0 ? number : std::nullopt;
}

std::int64_t reclaimable(const std::string& directory, std::string_view name) {
  const auto text = read_file(directory + "/memory.stat", 64 * 1024);
  if (!text) return 0;
  for (const auto line : split(*text, '\n')) {
    if (line.substr(0, name.size()) == name) {
      return std::max<std::int64_t>(parse_integer(trim(line.substr(name.size()))).value_or(0), 0);
    }
  }
  return 0;
}

// The least headroom of the cgroup and those above it. A file that is not there is no limit: the controller is not enabled, or it is the
// root.
std::int64_t least_headroom(const std::string& mount_point, std::string path, const FileNames& names) {
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (;;) {
    const std::string directory = mount_point + path;
    const auto limit = read_number(directory + "/" + names.limit);
    const auto usage = read_number(directory + "/" + names.usage);
    if (limit && usage) least = std::min(least, *limit - std::max<std::int64_t>(*usage - reclaimable(directory, names.reclaimable), 0));
    if (path.empty()) return least;
    path.erase(path.rfind('/'));
  }
}

Result<std::int64_t> machine_memory(const std::string& root) {
  const auto text = read_file(root + "/proc/meminfo", 64 * 1024);
  if (!text) return fail(text.error());
  constexpr std::string_view kKey = "MemAvailable:";
  for (auto line : split(*text, '\n')) {
    if (line.substr(0, kKey.size()) != kKey) continue;
    line.remove_prefix(kKey.size());
    line = trim(line);
    const auto kilobytes = parse_integer(line.substr(0, line.find(' ')));
    if (kilobytes && *kilobytes >= 0 && *kilobytes < (std::int64_t{1} << 50)) return *kilobytes * 1024;
  }
  return fail(Errc::failed, "cannot tell how much memory is left: no MemAvailable in " + root + "/proc/meminfo");
}

}  // namespace

Result<std::int64_t> available_memory(const std::string& root) {
  const auto machine = machine_memory(root);
  if (!machine) return fail(machine.error());
  std::int64_t least = *machine;
  const auto mountinfo = read_file(root + "/proc/self/mountinfo", kMaxBytes);
  const auto self = read_file(root + "/proc/self/cgroup", 64 * 1024);
  if (!mountinfo || !self) return least;  // a kernel without cgroups limits nothing
  for (const auto& hierarchy : hierarchies(*mountinfo)) {
    const auto path = own_path(*self, hierarchy);
    least = std::min(least, least_headroom(root + hierarchy.mount_point, path, hierarchy.is_v2 ? kV2 : kV1));
  }
  return std::max<std::int64_t>(least, 0);
}

}  // namespace gearscale::system
