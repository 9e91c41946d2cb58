// SPDX-License-Identifier: Apache-2.0
#include "gearscale/core/reconcile.hpp"

#include "support/catch.hpp"

using namespace gearscale::core;
using namespace std::chrono_literals;

namespace {

constexpr Time kNow{1h};

Registry with(GearState state) {
  Registry registry;
  Gear gear;
  gear.id = "00000001";
  gear.address = 7;
  enter(gear, state, Timeouts{}, kNow - 1h);
  registry.gears.push_back(gear);
  return registry;
}

}  // namespace

TEST_CASE("nothing changes when registry, containers and servers agree") {
  auto registry = with(GearState::serving);
  const auto changes = reconcile(registry, {{"00000001", 7, ContainerState::running, 5}}, {{"00000001", 7, ServerState::up}}, {}, kNow);
  CHECK(changes.empty());
  CHECK(registry.gears[0].state == GearState::serving);
}

TEST_CASE("a gear that should serve but whose container stopped or is gone starts again with a new deadline") {
  for (const auto& containers : {std::vector<ContainerFact>{}, std::vector<ContainerFact>{{"00000001", 7, ContainerState::stopped, 5}}}) {
    auto registry = with(GearState::serving);
    CHECK(reconcile(registry, containers, {}, {}, kNow).size() == 1);
    CHECK(registry.gears[0].state == GearState::starting);
    CHECK(registry.gears[0].deadline == kNow + 60s);
  }
}

TEST_CASE("a lost registry is rebuilt: what runs and is enrolled serves, the rest is destroyed or leaves HAProxy") {
  Registry registry;
  const auto changes =
      reconcile(registry,
                {{"00000001", 7, ContainerState::running, 5},
                 {"00000002", 8, ContainerState::running, 6},
                 {"00000003", 9, ContainerState::stopped, 7},
                 {"00000004", 0, ContainerState::running, 8}},
                {{"00000001", 7, ServerState::up}, {"00000003", 9, ServerState::down}, {"00000005", 11, ServerState::up}}, {}, kNow);
  CHECK(changes.size() == 5);
  REQUIRE(registry.gears.size() == 5);
  CHECK(find_gear(registry, "00000001")->state == GearState::serving);
  CHECK(find_gear(registry, "00000001")->address == 7);
  CHECK(find_gear(registry, "00000001")->created_ms == 5);
  CHECK(find_gear(registry, "00000002")->state == GearState::failed);
  CHECK(find_gear(registry, "00000003")->state == GearState::failed);
  CHECK(find_gear(registry, "00000004")->state == GearState::failed);
  CHECK(find_gear(registry, "00000005")->state == GearState::removing);
}

TEST_CASE("an intent to remove survives, whatever the container does") {
  auto registry = with(GearState::draining);
  CHECK(reconcile(registry, {{"00000001", 7, ContainerState::running, 5}}, {{"00000001", 7, ServerState::up}}, {}, kNow).empty());
  CHECK(registry.gears[0].state == GearState::draining);
}
