// SPDX-License-Identifier: Apache-2.0
#include "gearscale/gears/ties.hpp"

#include "gearscale/gears/gear_config.hpp"
#include "support/catch.hpp"

namespace gearscale::gears {

namespace {

constexpr std::uint32_t kAddress = 0x0a4d2a0b;  // 10.77.42.11

Tie wanted() { return {.device = "gs1f3a9c02", .bridge = "br0", .address = kAddress, .isolated = true}; }

BridgeState whole() {
  BridgeState seen;
  seen.ports["gs1f3a9c02"] = {.learning = false, .floods = false, .isolated = true, .locked = true, .sticky_macs = {mac_of(kAddress)}};
  seen.neighbours = {{kAddress, mac_of(kAddress)}};
  return seen;
}

}  // namespace

TEST_CASE("a gear is tied when no part is missing; one without a port is nobody's to tie") {
  CHECK(missing(wanted(), whole()).empty());
  CHECK(missing(wanted(), BridgeState{}).empty());
}

TEST_CASE("each missing part is named") {
  auto seen = whole();
  auto& port = seen.ports["gs1f3a9c02"];
  SECTION("learning") {
    port.learning = true;
    CHECK(missing(wanted(), seen) == "its port learns MACs");
  }
  SECTION("flooding") {
    port.floods = true;
    CHECK(missing(wanted(), seen) == "its port gets frames for unknown MACs");
  }
  SECTION("the lock, where the kernel knows it") {
    port.locked = false;
    CHECK(missing(wanted(), seen) == "its port is not locked");
    port.locked.reset();
    CHECK(missing(wanted(), seen).empty());
  }
  SECTION("isolation, in both directions") {
    port.isolated = false;
    CHECK(missing(wanted(), seen) == "its port is not isolated");
    auto open = wanted();
    open.isolated = false;
    CHECK(missing(open, seen).empty());
    CHECK(missing(open, whole()) == "its port is isolated");
  }
  SECTION("the MAC at the port, also when another one is there") {
    port.sticky_macs = {mac_of(kAddress + 1)};
    CHECK(missing(wanted(), seen) == "the bridge does not hold its MAC to its port");
  }
  SECTION("the address among the neighbours, also with another MAC, and all together") {
    seen.neighbours = {{kAddress, mac_of(kAddress + 1)}, {kAddress + 1, mac_of(kAddress)}};
    CHECK(missing(wanted(), seen) == "the host does not hold its address to its MAC");
    port.locked = false;
    CHECK(missing(wanted(), seen) == "its port is not locked, the host does not hold its address to its MAC");
  }
}

TEST_CASE("a neighbour of the pool that no gear has and no port serves is a stray") {
  auto seen = whole();
  const auto all = [&](std::vector<std::uint32_t> used) { return strays(seen, kAddress, kAddress + 2, used); };
  CHECK(all({}).empty());  // another application's gear, say: a port serves it
  seen.ports.clear();
  CHECK(all({}) == std::vector{kAddress});
  CHECK(all({kAddress}).empty());
  CHECK(strays(seen, kAddress + 1, kAddress + 2, {}).empty());
  CHECK(strays(seen, kAddress - 2, kAddress - 1, {}).empty());
  seen.neighbours = {{kAddress, "00:16:3e:00:00:01"}, {kAddress + 2, mac_of(kAddress + 2)}, {kAddress + 3, mac_of(kAddress + 3)}};
  CHECK(all({}) == std::vector{kAddress + 2});
}

TEST_CASE("what is not there can neither be tied nor looked at, and has nothing to untie") {
  const auto tied = tie({.device = "gs00000000", .bridge = "gst-no-bridge", .address = kAddress});
  REQUIRE_FALSE(tied);
  CHECK(tied.error().message == "cannot tie the bridge port gs00000000 to its address and MAC: no such device");
  const auto seen = look_at_bridge("gst-no-bridge");
  REQUIRE_FALSE(seen);
  CHECK(seen.error().message == "cannot look at bridge gst-no-bridge: no such device");
  CHECK(untie_address("gst-no-bridge", kAddress));
  CHECK_FALSE(is_loose("gs00000000"));
  CHECK(is_loose("lo"));
}

}  // namespace gearscale::gears
