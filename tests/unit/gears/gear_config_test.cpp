// SPDX-License-Identifier: Apache-2.0
#include "gearscale/gears/gear_config.hpp"

#include <algorithm>

#include "gearscale/base/text.hpp"
#include "support/catch.hpp"

namespace gearscale::gears {

namespace {

Options options() {
  Options made;
  made.application = {.app = "shop", .ns = "prod", .uuid = "5f00"};
  made.template_name = "web";
  made.bridge = "br0";
  made.pool = {*parse_ipv4("10.87.0.10"), *parse_ipv4("10.87.0.250"), 24};
  made.idmap = IdMap{1'000'000, 65'536};
  return made;
}

CloneConfig clone() {
  return {.id = "1f3a9c02", .address = *parse_ipv4("10.87.0.12"), .cgroups = CgroupLayout::v1, .overlay = true, .rootfs_options = ""};
}

std::string value(const std::vector<ConfigItem>& items, const std::string& key) {
  const auto found = std::find_if(items.begin(), items.end(), [&](const ConfigItem& item) { return item.key == key; });
  return found == items.end() ? "-" : found->value;
}

}  // namespace

TEST_CASE("an address makes its own MAC") {
  CHECK(mac_of(*parse_ipv4("10.87.0.12")) == "00:16:3e:57:00:0c");
  CHECK(mac_of(*parse_ipv4("10.255.255.254")) == "00:16:3e:ff:ff:fe");
  CHECK(mac_of(*parse_ipv4("10.87.0.12")) != mac_of(*parse_ipv4("10.87.1.12")));
}

TEST_CASE("a network device is named after its gear, within the kernel's 15 characters") {
  CHECK(veth_of("1f3a9c02") == "gs1f3a9c02");
  CHECK(veth_of("1f3a9c02").size() <= 15);
}

TEST_CASE("a clone has the mark and a network of its own") {
  auto given = options();
  given.gateway = *parse_ipv4("10.87.0.1");
  CHECK(clone_config(given, clone()) == std::vector<ConfigItem>{
                                            {"lxc.group", "gearscale/shop/prod@5f00"},
                                            {"lxc.net.0.type", "veth"},
                                            {"lxc.net.0.link", "br0"},
                                            {"lxc.net.0.flags", "up"},
                                            {"lxc.net.0.name", "eth0"},
                                            {"lxc.net.0.veth.pair", "gs1f3a9c02"},
                                            {"lxc.net.0.hwaddr", "00:16:3e:57:00:0c"},
                                            {"lxc.net.0.ipv4.address", "10.87.0.12/24"},
                                            {"lxc.net.0.ipv4.gateway", "10.87.0.1"},
                                            {"lxc.rootfs.options", "userxattr"},
                                        });
  given.gateway = 0;
  CHECK(value(clone_config(given, clone()), "lxc.net.0.ipv4.gateway") == "-");
}

TEST_CASE("userxattr is for overlays of idmapped templates, beside the options the template has") {
  auto what = clone();
  CHECK(value(clone_config(options(), what), "lxc.rootfs.options") == "userxattr");
  what.rootfs_options = "noatime";
  CHECK(value(clone_config(options(), what), "lxc.rootfs.options") == "noatime,userxattr");
  what.rootfs_options = "userxattr,noatime";
  CHECK(value(clone_config(options(), what), "lxc.rootfs.options") == "-");
  what.rootfs_options = "";
  what.overlay = false;
  CHECK(value(clone_config(options(), what), "lxc.rootfs.options") == "-");
  what.overlay = true;
  auto privileged = options();
  privileged.idmap = std::nullopt;
  CHECK(value(clone_config(privileged, what), "lxc.rootfs.options") == "-");
}

TEST_CASE("limits are written for the cgroup layout in use") {
  auto given = options();
  given.gear_memory = 256 * 1024 * 1024;
  given.gear_cpu = 1.5;
  given.gear_pids = 100;
  auto what = clone();
  const auto v1 = clone_config(given, what);
  CHECK(value(v1, "lxc.cgroup.memory.limit_in_bytes") == "268435456");
  CHECK(value(v1, "lxc.cgroup.cpu.cfs_period_us") == "100000");
  CHECK(value(v1, "lxc.cgroup.cpu.cfs_quota_us") == "150000");
  CHECK(value(v1, "lxc.cgroup.pids.max") == "100");
  what.cgroups = CgroupLayout::v2;
  const auto v2 = clone_config(given, what);
  CHECK(value(v2, "lxc.cgroup2.memory.max") == "268435456");
  CHECK(value(v2, "lxc.cgroup2.cpu.max") == "150000 100000");
  CHECK(value(v2, "lxc.cgroup2.pids.max") == "100");
  const auto other = [](const char* prefix) { return [prefix](const ConfigItem& item) { return item.key.starts_with(prefix); }; };
  CHECK(std::none_of(v1.begin(), v1.end(), other("lxc.cgroup2.")));
  CHECK(std::none_of(v2.begin(), v2.end(), other("lxc.cgroup.")));
  CHECK(clone_config(options(), what).size() + 3 == v2.size());  // no limits, no items
}

TEST_CASE("a tiny share of a CPU is the least that the kernel takes") {
  auto given = options();
  given.gear_cpu = 0.001;
  CHECK(value(clone_config(given, clone()), "lxc.cgroup.cpu.cfs_quota_us") == "1000");
  given.gear_cpu = 0.01;
  CHECK(value(clone_config(given, clone()), "lxc.cgroup.cpu.cfs_quota_us") == "1000");
  given.gear_cpu = 0.011;
  CHECK(value(clone_config(given, clone()), "lxc.cgroup.cpu.cfs_quota_us") == "1100");
}

TEST_CASE("a template fits when its idmap is exactly the configured one") {
  const auto given = options();
  CHECK(check_template_idmap(given, "u 0 1000000 65536\ng 0 1000000 65536\n"));
  CHECK(check_template_idmap(given, "g 0 1000000 65536\nu 0 1000000 65536"));
  for (const auto* other : {"", "u 0 1000000 65536", "u 0 1000000 65536\ng 0 1000000 65535", "u 0 1000001 65536\ng 0 1000001 65536",
                            "u 0 1000000 65536\ng 0 1000000 65536\nu 70000 1000 1"}) {
    INFO(other);
    const auto fits = check_template_idmap(given, other);
    REQUIRE_FALSE(fits);
    CHECK(fits.error().code == Errc::config);
    CHECK(fits.error().message.find("Make the template again") != std::string::npos);
  }
  auto privileged = options();
  privileged.idmap = std::nullopt;
  CHECK(check_template_idmap(privileged, ""));
  const auto mapped = check_template_idmap(privileged, "u 0 1000000 65536\ng 0 1000000 65536");
  REQUIRE_FALSE(mapped);
  CHECK(mapped.error().message.find("template web has lxc.idmap 'g 0 1000000 65536, u 0 1000000 65536', but idmap is none") == 0);
}

}  // namespace gearscale::gears
