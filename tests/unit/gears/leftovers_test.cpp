// SPDX-License-Identifier: Apache-2.0
#include "gearscale/gears/leftovers.hpp"

#include "support/catch.hpp"

namespace gearscale::gears {

TEST_CASE("the mounts below a directory are found, the last made first, and no others") {
  const std::string mountinfo =
      "22 1 0:21 / / rw - ext4 /dev/vda rw\n"
      "30 22 0:40 / /var/lib/lxc/shop-1/rootfs rw - overlay overlay rw,lowerdir=/a\n"
      "31 30 0:41 / /var/lib/lxc/shop-1/rootfs/my\\040data rw - tmpfs tmpfs rw\n"
      "32 22 0:42 / /var/lib/lxc/shop-10/rootfs rw - overlay overlay rw\n"
      "33 22 0:43 / /var/lib/lxc/shop-1 rw - tmpfs tmpfs rw\n"
      "garbage\n";
  CHECK(mounts_below(mountinfo, "/var/lib/lxc/shop-1") ==
        std::vector<std::string>{"/var/lib/lxc/shop-1", "/var/lib/lxc/shop-1/rootfs/my data", "/var/lib/lxc/shop-1/rootfs"});
  CHECK(mounts_below(mountinfo, "/var/lib/lxc/shop-2").empty());
  CHECK(mounts_below("", "/").empty());
}

TEST_CASE("a mount point's first name below a directory is the gear's, and the directory itself has none") {
  CHECK(name_below("/var/lib/lxc/shop-1/rootfs", "/var/lib/lxc") == "shop-1");
  CHECK(name_below("/var/lib/lxc/shop-1", "/var/lib/lxc") == "shop-1");
  CHECK(name_below("/var/lib/lxc/", "/var/lib/lxc").empty());
  CHECK(name_below("/var/lib/lxc", "/var/lib/lxc").empty());
  CHECK(name_below("/var/lib/lxc2/shop-1", "/var/lib/lxc").empty());
  CHECK(name_below("", "/var/lib/lxc").empty());
}

TEST_CASE("a directory of containers that is a mount point is searched like any other") {
  // /proc is one everywhere.
  const auto found = find_leftovers({.app = "shop"}, "/proc", "gst-no-bridge", {});
  REQUIRE(found);
  CHECK(found->empty());
}

TEST_CASE("a network device that is not there is not in the way, one that is somebody's is") {
  CHECK(clear_veth("gs00000000", system::Deadline(core::Millis(0))));
  const auto loopback = clear_veth("lo", system::Deadline(core::Millis(0)));
  REQUIRE_FALSE(loopback);
  CHECK(loopback.error().message.find("the network device lo is there already") == 0);
}

}  // namespace gearscale::gears
