// SPDX-License-Identifier: Apache-2.0
// What a gear's LXC config says beyond its template's: the mark, the network, the limits. Pure text; no liblxc, no files.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gearscale/base/result.hpp"
#include "gearscale/gears/options.hpp"

namespace gearscale::gears {

struct ConfigItem {
  std::string key;
  std::string value;
  friend bool operator==(const ConfigItem&, const ConfigItem&) = default;
};

// v2: /sys/fs/cgroup is one cgroup2 file system. v1: anything else (hybrid layouts included), where liblxc takes the lxc.cgroup.* keys.
enum class CgroupLayout { v1, v2 };

// The same address has the same MAC for ever: a neighbour's ARP entry of an earlier gear stays right. 00:16:3e is what LXC uses; the rest
// are the address's last three bytes, unique within any network smaller than a /8.
std::array<std::uint8_t, 6> mac_bytes_of(std::uint32_t address);
std::string mac_of(std::uint32_t address);

// The host's end of a gear's network cable: gs1f3a9c02. At most 15 characters, as the kernel wants it.
std::string veth_of(std::string_view id);

// Keys of a template that say something of the template alone, or that only we may say: forgotten before the clone's own are set.
std::vector<std::string> keys_not_inherited();

struct CloneConfig {
  std::string id;
  std::uint32_t address = 0;
  CgroupLayout cgroups = CgroupLayout::v1;
  bool overlay = true;         // false: a full copy
  std::string rootfs_options;  // the template's lxc.rootfs.options
};

// The items of a clone, in order. A key that stands here is cleared first, so that list-like ones (addresses) hold ours alone.
std::vector<ConfigItem> clone_config(const Options& options, const CloneConfig& clone);

// A template's lxc.idmap, as liblxc lists it ("u 0 100000 65536\ng 0 100000 65536"), against the configured one. Errc::config when they
// differ: the files of an idmapped template are shifted, so a clone of it works with the template's own range only.
Result<void> check_template_idmap(const Options& options, std::string_view template_idmap);

}  // namespace gearscale::gears
