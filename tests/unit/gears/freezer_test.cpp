// SPDX-License-Identifier: Apache-2.0
#include "gearscale/gears/freezer.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/catch.hpp"

namespace gearscale::gears {

namespace {

constexpr const char* kV1 =
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "36 31 0:33 / /sys/fs/cgroup/devices rw,relatime - cgroup cgroup rw,devices\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n"
    "37 31 0:34 / /sys/fs/cgroup/freezer rw,relatime shared:7 - cgroup cgroup rw,freezer\n";
constexpr const char* kV2 = "47 46 0:38 / /sys/fs/cgroup rw,relatime - cgroup2 none rw,nsdelegate\n";

std::string file_of(const char* mountinfo, const char* proc_cgroup, const char* container = "shop-1f3a9c02") {
  const auto freezer = Freezer::find(freezer_mounts(mountinfo), proc_cgroup, container);
  return freezer ? freezer->file() : "none";
}

}  // namespace

TEST_CASE("the mounts that can freeze are found, v1 first") {
  const auto paths = [](const char* mountinfo) {
    std::vector<std::string> list;
    for (const auto& mount : freezer_mounts(mountinfo)) list.push_back(mount.path);
    return list;
  };
  CHECK(paths(kV1) == std::vector<std::string>{"/sys/fs/cgroup/freezer", "/sys/fs/cgroup/unified"});
  CHECK(paths(kV2) == std::vector<std::string>{"/sys/fs/cgroup"});
  CHECK(freezer_mounts("37 31 0:34 / /x rw - cgroup cgroup rw,freezers\n- cgroup2\n1 2 3 - cgroup2 none rw\nx\n\n").empty());
}

TEST_CASE("a process's own container is found in its cgroups, and where it is frozen") {
  const auto* both = "9:name=systemd:/lxc.payload.shop-1f3a9c02\n6:cpu,freezer:/lxc.payload.shop-1f3a9c02\n0::/lxc.payload.shop-1f3a9c02\n";
  CHECK(file_of(kV1, both) == "/sys/fs/cgroup/freezer/lxc.payload.shop-1f3a9c02/freezer.state");
  CHECK(file_of(kV2, both) == "/sys/fs/cgroup/lxc.payload.shop-1f3a9c02/cgroup.freeze");
  CHECK(file_of(kV1, "6:freezer:/\n0::/lxc.payload.shop-1f3a9c02\n") == "/sys/fs/cgroup/unified/lxc.payload.shop-1f3a9c02/cgroup.freeze");
  SECTION("its processes may have moved deeper, and the container may be in another one") {
    CHECK(file_of(kV2, "0::/lxc.payload.lb/lxc.payload.shop-1f3a9c02-2/init.scope\n") ==
          "/sys/fs/cgroup/lxc.payload.lb/lxc.payload.shop-1f3a9c02-2/cgroup.freeze");
  }
  SECTION("only a part of the hierarchy is mounted") {
    const auto* part = "47 46 0:38 /lxc.payload.lb /sys/fs/cgroup rw,relatime - cgroup2 none rw\n";
    CHECK(file_of(part, "0::/lxc.payload.lb/lxc.payload.shop-1f3a9c02\n") == "/sys/fs/cgroup/lxc.payload.shop-1f3a9c02/cgroup.freeze");
    CHECK(file_of(part, "0::/lxc.payload.lb2/lxc.payload.shop-1f3a9c02\n") == "none");
  }
  SECTION("any other process is not believed") {
    for (const auto* text :
         {"", "0::/", "0::/lxc.payload.shop-1f3a9c03", "0::/lxc.monitor.shop-1f3a9c02", "0::/../lxc.payload.shop-1f3a9c02",
          "0::/lxc.payload.shop-1f3a9c02x", "5:devices:/lxc.payload.shop-1f3a9c02", "0:", "x"}) {
      INFO(text);
      CHECK(file_of(kV2, text) == "none");
    }
  }
  CHECK_FALSE(Freezer::of(freezer_mounts(), ::getpid(), "shop-1f3a9c02"));
  CHECK_FALSE(Freezer::of(freezer_mounts(), 0, "shop-1f3a9c02"));
}

TEST_CASE("a process is alive until it has ended or SIGKILL waits for it") {
  CHECK(is_alive(::getpid()));
  CHECK_FALSE(is_alive(0));
  CHECK_FALSE(is_alive(-1));
  const pid_t child = ::fork();
  if (child == 0) {
    for (;;) ::pause();
  }
  REQUIRE(child > 0);
  CHECK(is_alive(child));
  ::kill(child, SIGKILL);
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT);
  CHECK_FALSE(is_alive(child));  // a zombie
  ::waitpid(child, nullptr, 0);
  CHECK_FALSE(is_alive(child));
}

}  // namespace gearscale::gears
