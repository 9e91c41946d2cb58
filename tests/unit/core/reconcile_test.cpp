// SPDX-License-Identifier: Apache-2.0
#include "gearscale/core/reconcile.hpp"

#include "support/catch.hpp"

using namespace gearscale::core;
using namespace std::chrono_literals;

namespace {

constexpr Time kNow{1h};

constexpr auto kFrozen = StandbyPolicy::State::frozen;
constexpr auto kStopped = StandbyPolicy::State::stopped;

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
  const auto changes =
      reconcile(registry, {{"00000001", 7, ContainerState::running, 5}}, {{"00000001", 7, ServerState::up}}, kFrozen, {}, kNow);
  CHECK(changes.empty());
  CHECK(registry.gears[0].state == GearState::serving);
}

TEST_CASE("a gear that should serve but whose container stopped or is gone starts again with a new deadline") {
  for (const auto& containers : {std::vector<ContainerFact>{}, std::vector<ContainerFact>{{"00000001", 7, ContainerState::stopped, 5}}}) {
    auto registry = with(GearState::serving);
    CHECK(reconcile(registry, containers, {}, kFrozen, {}, kNow).size() == 1);
    CHECK(registry.gears[0].state == GearState::starting);
    CHECK(registry.gears[0].deadline == kNow + 60s);
  }
}

TEST_CASE("a lost registry is rebuilt: what runs and is enrolled serves, the rest is destroyed or leaves HAProxy") {
  Registry registry;
  const auto changes = reconcile(registry,
                                 {{"00000001", 7, ContainerState::running, 5},
                                  {"00000002", 8, ContainerState::running, 6},
                                  {"00000003", 9, ContainerState::stopped, 7},
                                  {"00000004", 0, ContainerState::running, 8}},
                                 {{"00000001", 7, ServerState::up}, {"00000003", 9, ServerState::down}, {"00000005", 11, ServerState::up}},
                                 kFrozen, {}, kNow);
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
  CHECK(reconcile(registry, {{"00000001", 7, ContainerState::running, 5}}, {{"00000001", 7, ServerState::up}}, kFrozen, {}, kNow).empty());
  CHECK(registry.gears[0].state == GearState::draining);
}

TEST_CASE("a gear that should serve but whose container is frozen is started: a start wakes it") {
  auto registry = with(GearState::serving);
  CHECK(reconcile(registry, {{"00000001", 7, ContainerState::frozen, 5}}, {{"00000001", 7, ServerState::up}}, kFrozen, {}, kNow).size() ==
        1);
  CHECK(registry.gears[0].state == GearState::starting);
}

TEST_CASE("a container that could not be looked at changes nothing") {
  for (const auto state : {GearState::serving, GearState::standby}) {
    auto registry = with(state);
    CHECK(reconcile(registry, {{"00000001", 7, ContainerState::unknown, 5}}, {}, kFrozen, {}, kNow).empty());
    CHECK(registry.gears[0].state == state);
  }
}

TEST_CASE("a standby is prepared again unless its container is as the pool wants it") {
  using C = ContainerState;
  struct Row {
    StandbyPolicy::State pool;
    C container;
    bool kept;
  };
  for (const auto& row : {Row{kFrozen, C::frozen, true}, Row{kFrozen, C::stopped, false}, Row{kFrozen, C::running, false},
                          Row{kFrozen, C::absent, false}, Row{kStopped, C::frozen, false}, Row{kStopped, C::stopped, true},
                          Row{kStopped, C::running, false}, Row{kStopped, C::absent, false}}) {
    CAPTURE(to_string(row.container), row.kept);
    auto registry = with(GearState::standby);
    std::vector<ContainerFact> containers{{"00000001", 7, row.container, 5}};
    if (row.container == C::absent) containers.clear();
    CHECK(reconcile(registry, containers, {}, row.pool, {}, kNow).size() == (row.kept ? 0 : 1));
    CHECK(registry.gears[0].state == (row.kept ? GearState::standby : GearState::preparing));
    if (!row.kept) CHECK(registry.gears[0].deadline == kNow + 60s);
  }
}

TEST_CASE("a standby that was woken, and a crash came before that was written down, keeps its entry: HAProxy has it") {
  for (const auto container : {ContainerState::running, ContainerState::frozen}) {
    auto registry = with(GearState::standby);
    CHECK(reconcile(registry, {{"00000001", 7, container, 5}}, {{"00000001", 7, ServerState::up}}, kFrozen, {}, kNow).empty());
    REQUIRE(registry.gears[0].state == GearState::standby);
    GearView view;
    view.gear = &registry.gears[0];
    view.server = ServerState::up;
    view.container = container;
    CHECK(next_step(view, {}, kNow) == StepKind::adopt);
  }
}

TEST_CASE("what was being prepared, started or removed goes on by itself") {
  for (const auto state : {GearState::preparing, GearState::starting, GearState::removing, GearState::failed}) {
    auto registry = with(state);
    CHECK(reconcile(registry, {}, {}, kFrozen, {}, kNow).empty());
    CHECK(registry.gears[0].state == state);
  }
}

TEST_CASE("a frozen container without an entry is destroyed, also when the pool could use it: nobody knows what it is") {
  Registry registry;
  CHECK(reconcile(registry, {{"00000001", 7, ContainerState::frozen, 5}}, {}, kFrozen, {}, kNow).size() == 1);
  REQUIRE(registry.gears.size() == 1);
  CHECK(registry.gears[0].state == GearState::failed);
  CHECK_FALSE(registry.gears[0].note.empty());
}
