// SPDX-License-Identifier: Apache-2.0
// Tests of the available memory, with files like the kernel's below a directory.
#include "gearscale/system/memory.hpp"

#include "gearscale/system/files.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using namespace gearscale;
using system::available_memory;
using test::error_of;

namespace {

constexpr std::int64_t kMiB = 1024 * 1024;

struct Machine {
  test::TempDir dir;

  void put(const std::string& path, const std::string& content) const {
    REQUIRE(error_of(system::make_directory(system::directory_of(dir / path), 0755)) == "");
    test::spit(dir / path, content);
  }
  void meminfo(std::int64_t mib) const {
    const std::string available = "MemAvailable:   " + std::to_string(mib * 1024) + " kB\n";
    put("proc/meminfo", "MemTotal:       16000000 kB\nMemFree:          100000 kB\n" + available);
  }
  void cgroup(const std::string& own, const std::string& mounts) const {
    put("proc/self/cgroup", own);
    put("proc/self/mountinfo", "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n" + mounts);
  }
  void limit(const std::string& directory, const std::string& max, std::int64_t used_mib) const {
    put(directory + "/memory.max", max + "\n");
    put(directory + "/memory.current", std::to_string(used_mib * kMiB) + "\n");
  }
  void limit_v1(const std::string& directory, const std::string& max, std::int64_t used_mib) const {
    put(directory + "/memory.limit_in_bytes", max + "\n");
    put(directory + "/memory.usage_in_bytes", std::to_string(used_mib * kMiB) + "\n");
  }
  std::int64_t mib() const {
    const auto bytes = available_memory(dir.path());
    REQUIRE(error_of(bytes) == "");
    return *bytes / kMiB;
  }
};

const std::string kMountV2 = "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
const std::string kMountV1 =
    "33 31 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n";

}  // namespace

TEST_CASE_METHOD(Machine, "without cgroups the machine's MemAvailable counts") {
  meminfo(3000);
  CHECK(mib() == 3000);
  cgroup("0::/\n", "");
  CHECK(mib() == 3000);
}

TEST_CASE_METHOD(Machine, "without MemAvailable there is no answer") {
  CHECK(available_memory(dir.path()).error().sys_errno == ENOENT);
  for (const auto* content : {"", "MemFree: 100 kB\n", "MemAvailable: x kB\n", "MemAvailable: -5 kB\n", "MemAvailable:\n"}) {
    put("proc/meminfo", content);
    CHECK(!available_memory(dir.path()));
  }
}

TEST_CASE_METHOD(Machine, "v2: the tightest of our cgroup and those above it counts") {
  meminfo(3000);
  cgroup("0::/lxc/lb/app\n", kMountV2);
  limit("sys/fs/cgroup/lxc/lb/app", "max", 100);
  limit("sys/fs/cgroup/lxc/lb", std::to_string(1000 * kMiB), 400);
  limit("sys/fs/cgroup/lxc", std::to_string(2000 * kMiB), 500);
  limit("sys/fs/cgroup/other", std::to_string(10 * kMiB), 9);
  CHECK(mib() == 600);
  limit("sys/fs/cgroup/lxc", std::to_string(2000 * kMiB), 1500);
  CHECK(mib() == 500);
  meminfo(300);
  CHECK(mib() == 300);
}

TEST_CASE_METHOD(Machine, "page cache that the kernel gives up first is not in the way, active memory is") {
  meminfo(3000);
  cgroup("0::/app\n", kMountV2);
  limit("sys/fs/cgroup/app", std::to_string(1000 * kMiB), 900);
  put("sys/fs/cgroup/app/memory.stat", "anon 1\nactive_file 99999999\ninactive_file " + std::to_string(700 * kMiB) + "\nworkingset 1\n");
  CHECK(mib() == 800);
  put("sys/fs/cgroup/app/memory.stat", "inactive_file " + std::to_string(5000 * kMiB) + "\n");  // read a moment later than the usage
  CHECK(mib() == 1000);
}

TEST_CASE_METHOD(Machine, "a cgroup over its limit leaves nothing, never less") {
  meminfo(3000);
  cgroup("0::/app\n", kMountV2);
  limit("sys/fs/cgroup/app", std::to_string(100 * kMiB), 100);
  CHECK(mib() == 0);
  limit("sys/fs/cgroup/app", std::to_string(100 * kMiB), 130);
  CHECK(available_memory(dir.path()).value() == 0);
}

TEST_CASE_METHOD(Machine, "v1: the memory hierarchy counts, with its unlimited value ignored and a v2 mount beside it") {
  meminfo(3000);
  cgroup("5:cpu:/wrong\n4:memory:/lxc/app\n0::/\n",
         kMountV1 + "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  limit_v1("sys/fs/cgroup/memory/lxc/app", "9223372036854771712", 100);
  limit_v1("sys/fs/cgroup/memory", "9223372036854771712", 2000);
  limit_v1("sys/fs/cgroup/cpu/wrong", "1", 1);
  CHECK(mib() == 3000);
  limit_v1("sys/fs/cgroup/memory/lxc", std::to_string(512 * kMiB), 500);
  put("sys/fs/cgroup/memory/lxc/memory.stat", "inactive_file 7\ntotal_inactive_file " + std::to_string(100 * kMiB) + "\n");
  CHECK(mib() == 112);
}

TEST_CASE_METHOD(Machine, "in a container without a cgroup namespace the mount shows our part only") {
  meminfo(3000);
  cgroup("0::/lxc/lb/app\n", "31 23 0:28 /lxc/lb /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  limit("sys/fs/cgroup/app", std::to_string(1000 * kMiB), 100);
  limit("sys/fs/cgroup", std::to_string(700 * kMiB), 100);
  CHECK(mib() == 600);
}

TEST_CASE_METHOD(Machine, "of a cgroup that this namespace does not show only the visible root counts") {
  meminfo(3000);
  limit("sys/fs/cgroup", std::to_string(700 * kMiB), 100);
  for (const auto* own : {"0::/../../elsewhere\n", "0::/..\n", "0::nonsense\n", "", "junk\n:\n::\n"}) {
    cgroup(own, kMountV2);
    CHECK(mib() == 600);
  }
  cgroup("0::/lxc/lb2/app\n", "31 23 0:28 /lxc/lb /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  CHECK(mib() == 600);
  cgroup("0::/foo/ba/x\n", "31 23 0:28 /lxc/lb /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");  // as long as the root, but another place
  limit("sys/fs/cgroup/x", std::to_string(10 * kMiB), 9);
  CHECK(mib() == 600);
}

TEST_CASE("this machine has an answer") {
  const auto bytes = available_memory();
  REQUIRE(error_of(bytes) == "");
  CHECK(*bytes > kMiB);
}
