// SPDX-License-Identifier: Apache-2.0
#include "gearscale/core/invariants.hpp"

#include "support/catch.hpp"

using namespace gearscale::core;
using namespace std::chrono_literals;

namespace {

constexpr Time kNow{1h};
constexpr Millis kGrace{5s};

// One gear in this state, with all that belongs to it.
struct Scene {
  explicit Scene(GearState state) {
    Gear gear;
    gear.id = "00000001";
    gear.address = 7;
    enter(gear, state, Timeouts{}, kNow);
    registry.gears.push_back(gear);
    seen.registry = &registry;
    const bool sleeps = state == GearState::standby;
    seen.containers = {{"00000001", 7, sleeps ? ContainerState::frozen : ContainerState::running, 5}};
    if (state == GearState::serving || state == GearState::draining) seen.servers = {{"00000001", 7, ServerState::up}};
  }
  std::vector<std::string> broken(Time now = kNow) const { return broken_invariants(seen, kGrace, now); }

  Registry registry;
  Everything seen;
};

void only(const std::vector<std::string>& broken, const std::string& part) {
  REQUIRE(broken.size() == 1);
  CHECK(broken[0].find(part) != std::string::npos);
}

}  // namespace

TEST_CASE("a gear that has what its state asks for breaks nothing") {
  for (const auto state : {GearState::preparing, GearState::standby, GearState::starting, GearState::serving, GearState::draining,
                           GearState::removing, GearState::failed}) {
    CAPTURE(to_string(state));
    const Scene scene(state);
    CHECK(scene.broken().empty());
    CHECK(is_at_rest(scene.registry) == (state == GearState::serving || state == GearState::standby));
  }
}

TEST_CASE("a gear that serves or drains has a running container and a server") {
  for (const auto state : {GearState::serving, GearState::draining}) {
    Scene scene(state);
    scene.seen.servers.clear();
    only(scene.broken(), "has no server");
    scene = Scene(state);
    scene.seen.registry = &scene.registry;
    scene.seen.containers.clear();
    only(scene.broken(), "has no container");
    for (const auto container : {ContainerState::stopped, ContainerState::frozen}) {
      Scene other(state);
      other.seen.containers[0].state = container;
      only(other.broken(), "has a container that is");
    }
  }
}

TEST_CASE("a standby has a container and no server") {
  Scene scene(GearState::standby);
  scene.seen.servers = {{"00000001", 7, ServerState::maint}};
  only(scene.broken(), "has a server");
  scene.seen.servers.clear();
  scene.seen.containers.clear();
  only(scene.broken(), "has no container");
}

TEST_CASE("a state that has to end may last as long as its deadline and the grace") {
  for (const auto state : {GearState::preparing, GearState::starting, GearState::draining, GearState::removing, GearState::failed}) {
    CAPTURE(to_string(state));
    const Scene scene(state);
    const auto end = scene.registry.gears[0].deadline + kGrace;
    CHECK(scene.broken(end).empty());
    only(scene.broken(end + 1ms), "is past its deadline");
  }
}

TEST_CASE("a gear that waits for its turn to boot is not late while the farm moves on") {
  Scene scene(GearState::starting);
  const auto& waiting = scene.registry.gears[0];
  const auto boot = waiting.deadline - waiting.since;
  auto other = waiting;
  other.id = "00000002";
  other.address = 8;
  enter(other, GearState::standby, Timeouts{}, kNow + 10min);
  scene.registry.gears.push_back(other);
  scene.seen.containers.push_back({"00000002", 8, ContainerState::frozen, 5});
  CHECK(scene.broken(kNow + 10min + boot + kGrace).empty());
  only(scene.broken(kNow + 10min + boot + kGrace + 1ms), "gear 00000001 (starting) is past its deadline");
}

TEST_CASE("what no entry knows is a break") {
  Scene scene(GearState::serving);
  scene.seen.containers.push_back({"00000002", 8, ContainerState::stopped, 5});
  only(scene.broken(), "container of gear 00000002");
  scene.seen.containers.pop_back();
  scene.seen.servers.push_back({"00000003", 9, ServerState::maint});
  only(scene.broken(), "server of gear 00000003");
  scene.seen.servers.pop_back();
  scene.seen.leftovers = {"the network device gs00000004"};
  only(scene.broken(), "left over: the network device gs00000004");
  scene.seen.leftovers.clear();
  scene.seen.faults = {"gear 00000001 is not tied"};
  only(scene.broken(), "gear 00000001 is not tied");
  scene.seen.faults.clear();
  scene.seen.file_agrees = false;
  only(scene.broken(), "haproxy.cfg");
}

TEST_CASE("addresses are used once, and are those of the containers") {
  Scene scene(GearState::serving);
  scene.seen.containers[0].address = 8;
  only(scene.broken(), "its container at 0.0.0.8");
  scene.seen.containers[0].address = 7;
  auto second = scene.registry.gears[0];
  second.id = "00000002";
  second.state = GearState::starting;
  second.deadline = kNow;
  scene.registry.gears.push_back(second);
  only(scene.broken(), "used twice");
}

TEST_CASE("a fresh gear may be there beside scale_max while every other one is DOWN") {
  Scene scene(GearState::serving);
  auto fresh = scene.registry.gears[0];
  fresh.id = "00000002";
  fresh.address = 8;
  enter(fresh, GearState::starting, Timeouts{}, kNow);
  scene.registry.gears.push_back(fresh);
  scene.seen.limits.max = 1;
  scene.seen.servers[0].state = ServerState::down;
  CHECK(scene.broken().empty());
  fresh.id = "00000003";
  fresh.address = 9;
  scene.registry.gears.push_back(fresh);
  only(scene.broken(), "3 gears serve or start, scale_max is 1");
  scene.seen.limits.max = 2;
  only(scene.broken(), "3 gears serve or start, scale_max is 2");
}

TEST_CASE("limits count the gears that serve or start, not those that replace another one") {
  Scene scene(GearState::serving);
  auto second = scene.registry.gears[0];
  second.id = "00000002";
  second.address = 8;
  enter(second, GearState::starting, Timeouts{}, kNow);
  scene.registry.gears.push_back(second);
  scene.seen.limits.max = 2;
  CHECK(scene.broken().empty());
  scene.seen.limits.max = 1;
  only(scene.broken(), "2 gears serve or start, scale_max is 1");
  scene.registry.gears[1].replaces = "00000001";
  CHECK(scene.broken().empty());
}

TEST_CASE("a container that is left alone breaks something, by its own words, and is said once") {
  Scene scene(GearState::serving);
  scene.seen.containers.push_back({"00000002", 0, ContainerState::unknown, 5, "its config is a directory"});
  only(scene.broken(), "its config is a directory");
  scene.seen.containers.pop_back();
  scene.seen.containers[0].state = ContainerState::unknown;
  scene.seen.containers[0].trouble = "its config is a FIFO";
  only(scene.broken(), "its config is a FIFO");
}
