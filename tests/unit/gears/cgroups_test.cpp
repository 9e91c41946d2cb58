// SPDX-License-Identifier: Apache-2.0
#include "gearscale/gears/cgroups.hpp"

#include "support/catch.hpp"
#include "temp_directory.hpp"

namespace gearscale::gears {

using test::TempDirectory;

TEST_CASE("only the cgroup directories of exactly this container are its own") {
  CHECK(cgroup_number("lxc.monitor.shop-1f3a9c02", "shop-1f3a9c02") == 0);
  CHECK(cgroup_number("lxc.payload.shop-1f3a9c02", "shop-1f3a9c02") == 0);
  CHECK(cgroup_number("lxc.monitor.shop-1f3a9c02-1", "shop-1f3a9c02") == 1);
  CHECK(cgroup_number("lxc.payload.shop-1f3a9c02-12", "shop-1f3a9c02") == 12);
  for (const auto* other :
       {"lxc.monitor.shop-1f3a9c0", "lxc.monitor.shop-1f3a9c021", "lxc.monitor.shop-1f3a9c02-", "lxc.monitor.shop-1f3a9c02-0",
        "lxc.monitor.shop-1f3a9c02-01", "lxc.monitor.shop-1f3a9c02-1a", "lxc.monitor.shop-1f3a9c02--1", "lxc.monitor.shop-1f3a9c02-prod",
        "lxc.monitor.xshop-1f3a9c02", "lxc.pivot", "shop-1f3a9c02", "", "lxc.monitor.", "lxc.monitor.shop-1f3a9c02-123456"}) {
    INFO(other);
    CHECK(cgroup_number(other, "shop-1f3a9c02") == -1);
  }
}

TEST_CASE("cgroups are looked for in each hierarchy, at its top and where we are") {
  const std::string mountinfo =
      "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
      "30 25 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755\n"
      "36 30 0:32 / /sys/fs/cgroup/memory rw,relatime shared:1 - cgroup cgroup rw,memory\n"
      "37 30 0:33 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
      "garbage\n\n- cgroup\n a b - cgroup x\n";
  CHECK(cgroup_places(mountinfo, {"/", "/system.slice"}) ==
        std::vector<std::string>{"/sys/fs/cgroup/memory", "/sys/fs/cgroup/memory/system.slice", "/sys/fs/cgroup/unified",
                                 "/sys/fs/cgroup/unified/system.slice"});
  CHECK(cgroup_places("", {"/"}).empty());
}

TEST_CASE("limits are possible where their controllers are, and only then") {
  const TempDirectory root;
  Options options;
  CHECK(check_limits(options, CgroupLayout::v2, root.path()));  // no limits, no controllers

  root.write("cgroup.controllers", "cpuset cpu pids\n");
  options.gear_cpu = 1;
  options.gear_pids = 10;
  CHECK(check_limits(options, CgroupLayout::v2, root.path()));
  options.gear_memory = 1;
  const auto v2 = check_limits(options, CgroupLayout::v2, root.path());
  REQUIRE_FALSE(v2);
  CHECK(v2.error().code == Errc::config);
  CHECK(v2.error().message == "gear_memory needs the cgroup controller 'memory', which is not in " + root.path() +
                                  "/cgroup.controllers: enable it, or set gear_memory = 0");

  root.write("cpu/cgroup.procs", "");
  root.write("memory/cgroup.procs", "");
  const auto v1 = check_limits(options, CgroupLayout::v1, root.path());
  REQUIRE_FALSE(v1);
  CHECK(v1.error().message.find("gear_pids needs the cgroup controller 'pids'") == 0);
  root.write("pids/cgroup.procs", "");
  CHECK(check_limits(options, CgroupLayout::v1, root.path()));
}

TEST_CASE("a directory that is no cgroup2 mount counts as the old layout") { CHECK(cgroup_layout("/tmp") == CgroupLayout::v1); }

}  // namespace gearscale::gears
