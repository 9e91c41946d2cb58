// SPDX-License-Identifier: Apache-2.0
#include "gearscale/core/reconcile.hpp"

#include <utility>

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

Facts facts(std::vector<ContainerFact> containers, std::vector<ServerFact> servers = {}, StandbyPolicy::State standbys = kFrozen) {
  return Facts{std::move(containers), std::move(servers), standbys, AddressPool{5, 100, 24}, true};
}

// What was said of it.
std::vector<std::string> brought_together(Registry& registry, const Facts& seen) { return reconcile(registry, seen, {}, kNow).changes; }

}  // namespace

TEST_CASE("nothing changes when registry, containers and servers agree") {
  auto registry = with(GearState::serving);
  const auto changes =
      brought_together(registry, facts({{"00000001", 7, ContainerState::running, 5}}, {{"00000001", 7, ServerState::up}}));
  CHECK(changes.empty());
  CHECK(registry.gears[0].state == GearState::serving);
}

TEST_CASE("a gear that should serve but whose container stopped or is gone starts again with a new deadline") {
  for (const auto& containers : {std::vector<ContainerFact>{}, std::vector<ContainerFact>{{"00000001", 7, ContainerState::stopped, 5}}}) {
    auto registry = with(GearState::serving);
    CHECK(brought_together(registry, facts(containers)).size() == 1);
    CHECK(registry.gears[0].state == GearState::starting);
    CHECK(registry.gears[0].deadline == kNow + 60s);
  }
}

TEST_CASE("a lost registry is rebuilt: what runs and is enrolled serves, what runs at an address of the pool is tried, the rest leaves") {
  Registry registry;
  const auto changes = brought_together(registry, facts(
                                 {{"00000001", 7, ContainerState::running, 5},
                                  {"00000002", 8, ContainerState::running, 6},
                                  {"00000003", 9, ContainerState::stopped, 7},
                                  {"00000004", 0, ContainerState::running, 8}},
                                 {{"00000001", 7, ServerState::up}, {"00000003", 9, ServerState::down}, {"00000005", 11, ServerState::up}},
                                 kFrozen));
  CHECK(changes.size() == 5);
  REQUIRE(registry.gears.size() == 5);
  CHECK(find_gear(registry, "00000001")->state == GearState::serving);
  CHECK(find_gear(registry, "00000001")->address == 7);
  CHECK(find_gear(registry, "00000001")->created_ms == 5);
  CHECK(find_gear(registry, "00000002")->state == GearState::starting);
  CHECK(find_gear(registry, "00000002")->deadline == kNow + 60s);
  CHECK(find_gear(registry, "00000003")->state == GearState::failed);
  CHECK(find_gear(registry, "00000004")->state == GearState::failed);
  CHECK(find_gear(registry, "00000005")->state == GearState::removing);
}

TEST_CASE("an intent to remove survives, whatever the container does") {
  auto registry = with(GearState::draining);
  CHECK(brought_together(registry, facts({{"00000001", 7, ContainerState::running, 5}}, {{"00000001", 7, ServerState::up}})).empty());
  CHECK(registry.gears[0].state == GearState::draining);
}

TEST_CASE("a gear that should serve but whose container is frozen is started: a start wakes it") {
  auto registry = with(GearState::serving);
  CHECK(brought_together(registry, facts({{"00000001", 7, ContainerState::frozen, 5}}, {{"00000001", 7, ServerState::up}})).size() ==
        1);
  CHECK(registry.gears[0].state == GearState::starting);
}

TEST_CASE("a container that could not be looked at changes nothing") {
  for (const auto state : {GearState::serving, GearState::standby}) {
    auto registry = with(state);
    CHECK(brought_together(registry, facts({{"00000001", 7, ContainerState::unknown, 5}})).empty());
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
  for (const auto& row : {Row{kFrozen, C::frozen, true}, Row{kFrozen, C::stopped, false}, Row{kFrozen, C::running, true},
                          Row{kFrozen, C::absent, false}, Row{kStopped, C::frozen, false}, Row{kStopped, C::stopped, true},
                          Row{kStopped, C::running, false}, Row{kStopped, C::absent, false}}) {
    CAPTURE(to_string(row.container), row.kept);
    auto registry = with(GearState::standby);
    std::vector<ContainerFact> containers{{"00000001", 7, row.container, 5}};
    if (row.container == C::absent) containers.clear();
    CHECK(brought_together(registry, facts(containers, {}, row.pool)).size() == (row.kept ? 0 : 1));
    CHECK(registry.gears[0].state == (row.kept ? GearState::standby : GearState::preparing));
    if (!row.kept) CHECK(registry.gears[0].deadline == kNow + 60s);
  }
}

TEST_CASE("a standby that was woken, and a crash came before that was written down, keeps its entry: HAProxy has it") {
  for (const auto container : {ContainerState::running, ContainerState::frozen}) {
    auto registry = with(GearState::standby);
    CHECK(brought_together(registry, facts({{"00000001", 7, container, 5}}, {{"00000001", 7, ServerState::up}})).empty());
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
    CHECK(brought_together(registry, facts({})).empty());
    CHECK(registry.gears[0].state == state);
  }
}

TEST_CASE("a container without an entry and a server is tried when its address is one of the pool and free") {
  using C = ContainerState;
  struct Row {
    std::uint32_t address;
    C container;
    GearState then;
  };
  for (const auto& row : {Row{5, C::running, GearState::starting}, Row{100, C::frozen, GearState::preparing},
                          Row{4, C::running, GearState::failed}, Row{101, C::frozen, GearState::failed}, Row{7, C::running, GearState::failed},
                          Row{8, C::stopped, GearState::failed}, Row{0, C::running, GearState::failed}}) {
    CAPTURE(row.address, to_string(row.container));
    auto registry = with(GearState::serving);
    const auto changes = brought_together(
        registry, facts({{"00000001", 7, C::running, 5}, {"00000002", row.address, row.container, 6}}, {{"00000001", 7, ServerState::up}}));
    CHECK(changes.size() == 1);
    REQUIRE(registry.gears.size() == 2);
    CHECK(registry.gears[1].state == row.then);
    CHECK(registry.gears[1].note.empty() == (row.then != GearState::failed));
    CHECK((registry.gears[1].address == 0 || row.address != 7));  // two of one address would make the registry unreadable
  }
}

TEST_CASE("of two containers with one address the older one is adopted, whatever their order") {
  for (const bool older_first : {true, false}) {
    Registry registry;
    const auto older = older_first ? "00000001" : "00000002";
    const std::vector<ContainerFact> containers{{"00000001", 7, ContainerState::running, older_first ? 5 : 6},
                                                {"00000002", 7, ContainerState::running, older_first ? 6 : 5}};
    brought_together(registry, facts(containers, {{"00000001", 7, ServerState::up}, {"00000002", 7, ServerState::up}}));
    REQUIRE(registry.gears.size() == 2);
    for (const auto& gear : registry.gears) CHECK((gear.state == GearState::serving) == (gear.id == older));
  }
}

TEST_CASE("a serving gear whose container has another address is remade") {
  auto registry = with(GearState::serving);
  const auto seen = facts({{"00000001", 8, ContainerState::running, 5}}, {{"00000001", 7, ServerState::up}});
  const auto done = reconcile(registry, seen, {}, kNow);
  CHECK(done.changes.size() == 1);
  CHECK(done.lost == 1);
  CHECK(registry.gears[0].state == GearState::failed);
  CHECK(registry.gears[0].dismissed);
}

TEST_CASE("of two entries with one address the newer one is remade") {
  auto registry = with(GearState::serving);
  registry.gears.push_back(registry.gears[0]);
  registry.gears[1].id = "00000002";
  registry.gears[0].created_ms = 9;
  const std::vector<ContainerFact> containers{{"00000001", 7, ContainerState::running, 9}, {"00000002", 7, ContainerState::running, 0}};
  const auto done = reconcile(registry, facts(containers), {}, kNow);
  CHECK(done.lost == 1);
  CHECK(registry.gears[0].state == GearState::failed);
  CHECK(registry.gears[0].address == 0);
  CHECK(registry.gears[1].state == GearState::serving);
}

TEST_CASE("while somebody watches, a serving gear whose container ended is left to its own next step") {
  auto registry = with(GearState::serving);
  auto seen = facts({{"00000001", 7, ContainerState::stopped, 5}});
  seen.at_start = false;
  CHECK(brought_together(registry, seen).empty());
  CHECK(registry.gears[0].state == GearState::serving);
}

TEST_CASE("what is left alone changes nothing, whether an entry knows of it or not") {
  const ContainerFact left{"00000001", 0, ContainerState::unknown, 5, "its config is a directory"};
  Registry registry;
  CHECK(brought_together(registry, facts({left})).empty());
  CHECK(registry.gears.empty());
  for (const auto state : {GearState::serving, GearState::standby, GearState::draining}) {
    registry = with(state);
    CHECK(brought_together(registry, facts({left})).empty());
    CHECK(registry.gears[0].state == state);
  }
}
