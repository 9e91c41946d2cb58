// SPDX-License-Identifier: Apache-2.0
#include "gearscale/gears/inventory.hpp"

#include <sys/stat.h>

#include "gearscale/base/text.hpp"
#include "gearscale/gears/container.hpp"
#include "support/catch.hpp"
#include "temp_directory.hpp"

namespace gearscale::gears {

TEST_CASE("what is written of containers is read back") {
  using core::ContainerState;
  std::string lines;
  for (const auto state :
       {ContainerState::unknown, ContainerState::absent, ContainerState::stopped, ContainerState::running, ContainerState::frozen}) {
    lines += format_finding(
        {.fact = {.id = "1f3a9c02", .address = *parse_ipv4("10.87.0.12"), .state = state, .created_ms = 1'764'000'000'123}, .init = 4711});
  }
  const auto findings = parse_findings(lines);
  REQUIRE(findings);
  REQUIRE(findings->size() == 5);
  const auto& fact = (*findings)[3].fact;
  CHECK(fact.id == "1f3a9c02");
  CHECK(fact.address == *parse_ipv4("10.87.0.12"));
  CHECK(fact.state == ContainerState::running);
  CHECK(fact.created_ms == 1'764'000'000'123);
  CHECK((*findings)[3].init == 4711);
  CHECK((*findings)[4].fact.state == ContainerState::frozen);
  CHECK(parse_findings("")->empty());
}

TEST_CASE("each place is judged by itself: one that cannot be read hides no other") {
  const test::TempDirectory root;
  const core::Application shop{.app = "shop", .ns = "", .uuid = "5f00"};
  const std::string ours = "lxc.group = gearscale/shop@5f00\nlxc.net.0.ipv4.address = 10.87.0.12/24\n";
  root.write("shop-00000001/config", ours + "lxc.rootfs.path = dir:/x\n");
  root.write("shop-00000003/config", ours + "lxc.rootfs.path = dir:/x\n");
  const auto odd = root / "shop-00000002/config";
  SECTION("a directory") { std::filesystem::create_directories(odd); }
  SECTION("a FIFO") {
    std::filesystem::create_directories(root / "shop-00000002");
    REQUIRE(::mkfifo(odd.c_str(), 0600) == 0);
  }
  SECTION("a link") {
    std::filesystem::create_directories(root / "shop-00000002");
    std::filesystem::create_symlink(root / "shop-00000001/config", odd);
  }
  if (!std::filesystem::exists(std::filesystem::symlink_status(odd))) return;
  const auto lines = list_containers(shop, root.path());
  REQUIRE(lines);
  const auto found = parse_findings(*lines);
  REQUIRE(found);
  REQUIRE(found->size() == 3);
  CHECK((*found)[0].fact.state == core::ContainerState::stopped);
  CHECK((*found)[0].fact.trouble.empty());
  CHECK((*found)[1].fact.state == core::ContainerState::unknown);
  CHECK((*found)[1].fact.trouble == odd + " is not a regular file: it is not touched");
  CHECK((*found)[2].fact.state == core::ContainerState::stopped);
}

TEST_CASE("a malformed line about containers is refused") {
  CHECK(parse_findings("1f3a9c02 10.0.0.1 running 1 0\n"));
  CHECK(parse_findings("1f3a9c02 10.0.0.1 running 1 2147483647\n"));
  for (const auto* line : {"x", "1f3a9c02 10.0.0.1 running 1", "1f3a9c02 10.0.0.1 walking 1 0", "1f3a9c02 10.0.0 running 1 0",
                           "1f3a9c0 10.0.0.1 running 1 0", "1f3a9c02 10.0.0.1 running x 0", "1f3a9c02 10.0.0.1 running 1 2 3",
                           "1f3a9c02 10.0.0.1 running 1 -1", "1f3a9c02 10.0.0.1 running 1 2147483648"}) {
    INFO(line);
    CHECK_FALSE(parse_findings(std::string(line) + "\n"));
  }
}

TEST_CASE("liblxc's states are ours, and what is on its way uses its address") {
  CHECK(state_of("STOPPED") == core::ContainerState::stopped);
  CHECK(state_of("FROZEN") == core::ContainerState::frozen);
  for (const auto* state : {"RUNNING", "STARTING", "STOPPING", "ABORTING", "FREEZING", "THAWED"}) {
    CHECK(state_of(state) == core::ContainerState::running);
  }
}

TEST_CASE("the message of a line in liblxc's log is found, other lines have none") {
  CHECK(lxc_log_message(
            "gearscale shop-1 20261122081815.643 ERROR    conf - ../src/lxc/conf.c:lxc_map_ids:3708 - newuidmap failed: \"a - b\"") ==
        "newuidmap failed: \"a - b\"");
  for (const auto* line :
       {"", "ERROR", "x ERROR y", "x ERROR a - b", "shop-1 20261122081815.643 INFO    conf - ../src/lxc/conf.c:1 - fine"}) {
    INFO(line);
    CHECK_FALSE(lxc_log_message(line).has_value());
  }
}

}  // namespace gearscale::gears
