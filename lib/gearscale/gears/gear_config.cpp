// SPDX-License-Identifier: Apache-2.0
// Key names as in lxc.container.conf(5), liblxc 5 and 6; lxc.cgroup.* is gone in LXC 7 together with cgroup v1.
#include "gearscale/gears/gear_config.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "gearscale/base/text.hpp"

namespace gearscale::gears {

namespace {

constexpr std::int64_t kCpuPeriodUs = 100'000;  // the kernel's default period of CPU bandwidth control
constexpr std::int64_t kLeastQuotaUs = 1'000;   // the kernel refuses less

std::int64_t cpu_quota(double cores) {
  return std::max(kLeastQuotaUs, static_cast<std::int64_t>(std::llround(cores * static_cast<double>(kCpuPeriodUs))));
}

void add_limits(std::vector<ConfigItem>& items, const Options& options, CgroupLayout layout) {
  const bool v2 = layout == CgroupLayout::v2;
  if (options.gear_memory > 0) {
    items.push_back({v2 ? "lxc.cgroup2.memory.max" : "lxc.cgroup.memory.limit_in_bytes", std::to_string(options.gear_memory)});
  }
  if (options.gear_cpu > 0) {
    const auto quota = std::to_string(cpu_quota(options.gear_cpu));
    const auto period = std::to_string(kCpuPeriodUs);
    if (v2) {
      items.push_back({"lxc.cgroup2.cpu.max", quota + " " + period});
    } else {
      items.push_back({"lxc.cgroup.cpu.cfs_period_us", period});
      items.push_back({"lxc.cgroup.cpu.cfs_quota_us", quota});
    }
  }
  if (options.gear_pids > 0) items.push_back({v2 ? "lxc.cgroup2.pids.max" : "lxc.cgroup.pids.max", std::to_string(options.gear_pids)});
}

std::string idmap_text(const std::optional<IdMap>& map) {
  if (!map) return "none";
  return std::to_string(map->base) + ":" + std::to_string(map->count);
}

}  // namespace

std::array<std::uint8_t, 6> mac_bytes_of(std::uint32_t address) {
  const auto byte = [address](int shift) { return static_cast<std::uint8_t>(address >> shift & 255); };
  return {0x00, 0x16, 0x3e, byte(16), byte(8), byte(0)};
}

std::string mac_of(std::uint32_t address) {
  const auto mac = mac_bytes_of(address);
  char text[18];
  std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
  return text;
}

std::string veth_of(std::string_view id) { return "gs" + std::string(id); }

std::vector<std::string> keys_not_inherited() {
  return {
      "lxc.group",           // the mark is ours to give; other groups may be started or stopped together by their owner
      "lxc.net",             // address, MAC and link of the template
      "lxc.start.auto",      // the controller brings gears back, not the boot scripts
      "lxc.log.file",        // all gears would write to the template's
      "lxc.rootfs.managed",  // liblxc destroys only what it manages
  };
}

std::vector<ConfigItem> clone_config(const Options& options, const CloneConfig& clone) {
  std::vector<ConfigItem> items = {
      {"lxc.group", core::container_group(options.application)},
      {"lxc.net.0.type", "veth"},
      {"lxc.net.0.link", options.bridge},
      {"lxc.net.0.flags", "up"},
      {"lxc.net.0.name", "eth0"},
      {"lxc.net.0.veth.pair", veth_of(clone.id)},
      {"lxc.net.0.hwaddr", mac_of(clone.address)},
      {"lxc.net.0.ipv4.address", format_ipv4(clone.address) + "/" + std::to_string(options.pool.prefix)},
  };
  if (options.gateway != 0) items.push_back({"lxc.net.0.ipv4.gateway", format_ipv4(options.gateway)});
  if (clone.overlay && options.idmap) {
    // An overlay mounted in a user namespace may not use trusted.* attributes: without user.* ones instead, a directory of the template
    // that was removed cannot be made again inside the gear (EIO).
    const auto words = split(clone.rootfs_options, ',');
    const bool there = std::find(words.begin(), words.end(), "userxattr") != words.end();
    const auto options_before = trim(clone.rootfs_options);
    if (!there) items.push_back({"lxc.rootfs.options", options_before.empty() ? "userxattr" : std::string(options_before) + ",userxattr"});
  }
  add_limits(items, options, clone.cgroups);
  return items;
}

Result<void> check_template_idmap(const Options& options, std::string_view template_idmap) {
  std::vector<std::string> lines;
  for (const auto line : split(template_idmap, '\n')) {
    if (!trim(line).empty()) lines.emplace_back(trim(line));
  }
  std::sort(lines.begin(), lines.end());
  std::vector<std::string> wanted;
  if (options.idmap) {
    const auto range = " 0 " + std::to_string(options.idmap->base) + " " + std::to_string(options.idmap->count);
    wanted = {"g" + range, "u" + range};
  }
  if (lines == wanted) return {};
  std::string has;
  for (const auto& line : lines) has += (has.empty() ? "" : ", ") + printable(line);
  return fail(Errc::config, "template " + options.template_name + " has lxc.idmap " + (has.empty() ? "none" : "'" + has + "'") +
                                ", but idmap is " + idmap_text(options.idmap) +
                                ": the owners of its files do not fit. Make the template again for this idmap" +
                                " (scripts/make-template NAME), or set idmap to what the template has");
}

}  // namespace gearscale::gears
