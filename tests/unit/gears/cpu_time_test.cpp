// SPDX-License-Identifier: Apache-2.0
#include "gearscale/gears/cpu_time.hpp"

#include <unistd.h>

#include "support/catch.hpp"
#include "temp_directory.hpp"

using namespace std::chrono_literals;

namespace gearscale::gears {

TEST_CASE("the usage of a cpu.stat is one line of it") {
  CHECK(usage_of("usage_usec 1500\nuser_usec 1000\nsystem_usec 500\n") == 1500us);
  CHECK(usage_of("user_usec 7\nusage_usec 12") == 12us);
  for (const auto* text : {"", "usage_usec", "usage_usec \n", "usage_usec 1x\n", "usage_usec  1\n", "xusage_usec 1\n"}) CHECK_FALSE(usage_of(text));
}

TEST_CASE("the ticks of a process are found behind its name, whatever that is") {
  CHECK(ticks_of("7 (init) S 1 2 3 4 5 6 7 8 9 10 100 20 3 4 20 0 1") == 127);
  CHECK(ticks_of("7 (a) b) 1 (c) S 1 2 3 4 5 6 7 8 9 10 1 2 3 4 20") == 10);
  for (const auto* text : {"", "7 (init)", "7 (init) S 1 2 3 4 5 6 7 8 9 10 1 2 3", "7 (init) S 1 2 3 4 5 6 7 8 9 10 1 2 3 x 5"}) {
    CHECK_FALSE(ticks_of(text));
  }
}

TEST_CASE("processor time is read from the container's own cgroup, in both layouts") {
  const test::TempDirectory directory;
  directory.write("lxc.payload.shop-1f3a9c02/cpuacct.usage", "123456\n");
  directory.write("lxc.payload.shop-1f3a9c02/cpu.stat", "usage_usec 99\n");
  const std::vector<CgroupMount> v1{{.v2 = false, .options = "rw,cpuacct", .root = "/", .path = directory.path()}};
  const std::vector<CgroupMount> v2{{.v2 = true, .options = "rw", .root = "/", .path = directory.path()}};
  const auto* cgroup = "4:cpu,cpuacct:/lxc.payload.shop-1f3a9c02\n0::/lxc.payload.shop-1f3a9c02/init.scope\n";
  CHECK(CpuTime::find(v1, cgroup, "shop-1f3a9c02", 1).used() == 123456ns);
  CHECK(CpuTime::find(v2, cgroup, "shop-1f3a9c02", 1).used() == 99us);
  CHECK_FALSE(CpuTime::find(v2, "0::/lxc.payload.shop-1f3a9c02-1\n", "shop-1f3a9c02", 1).used());  // it is gone
}

TEST_CASE("where no hierarchy counts it, the processes of the pid namespace are added up") {
  const auto time = CpuTime::find({}, "0::/\n", "shop-1f3a9c02", ::getpid());
  const auto before = time.used();
  REQUIRE(before);
  const auto end = std::chrono::steady_clock::now() + 60s;
  auto after = before;
  while (std::chrono::steady_clock::now() < end && *after < *before + 30ms) after = time.used();
  CHECK(*after >= *before + 30ms);
  CHECK_FALSE(CpuTime::find({}, "", "shop-1f3a9c02", 0x7ffffffe).used());
}

}  // namespace gearscale::gears
