// SPDX-License-Identifier: Apache-2.0
#include "gearscale/app/manual.hpp"

#include "support/catch.hpp"
#include "support/world.hpp"

using namespace gearscale;
using core::GearState;
using test::World;
using Kind = app::ManualRequest::Kind;

namespace {

Result<app::ManualResult> run(World& world, const app::ManualRequest& request, bool dry_run = false) {
  auto settings = world.settings();
  settings.dry_run = dry_run;
  settings.by = "add-gear";
  return app::command(settings, world.ports, world.ids(), world.limits, request);
}

}  // namespace

TEST_CASE("add-gear leaves durable intents for exactly the gears asked for") {
  World world;
  world.populate(1);
  const auto done = run(world, {Kind::add, 2, {}});
  REQUIRE(done);
  CHECK(done->ids.size() == 2);
  CHECK(done->decision.reason == core::Reason::forced);
  CHECK(world.in_state(GearState::starting) == 2);
  CHECK(world.store.registry.last_addition == world.clock.now());
  CHECK(world.host.begun == 0);  // whoever drives begins the jobs
}

TEST_CASE("add-gear obeys scale_max whole or not at all") {
  World world;
  world.populate(1);
  world.limits.max = 2;
  const auto refused = run(world, {Kind::add, 2, {}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::limit);
  CHECK(world.store.saves == 0);
  CHECK(run(world, {Kind::add, 1, {}}));
  CHECK(run(world, {Kind::add, 1, {}}).error().code == Errc::limit);  // the one on its way counts
}

TEST_CASE("remove-gear drains the gear with the fewest sessions, never below scale_min") {
  World world;
  world.populate(2);
  const auto done = run(world, {Kind::remove, 1, {}});
  REQUIRE(done);
  CHECK(done->ids == std::vector<std::string>{world.store.registry.gears[1].id});
  CHECK(world.in_state(GearState::draining) == 1);
  const auto refused = run(world, {Kind::remove, 1, {}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::limit);
}

TEST_CASE("remove-gear of a named gear: unknown, pinned, leaving already, serving") {
  World world;
  world.populate(3);
  const auto first = world.store.registry.gears[0].id;
  CHECK(run(world, {Kind::remove, 1, {"ffffffff"}}).error().code == Errc::usage);
  REQUIRE(run(world, {Kind::pin, 1, {first}}));
  CHECK(run(world, {Kind::remove, 1, {first}}).error().code == Errc::limit);
  REQUIRE(run(world, {Kind::unpin, 1, {first}}));
  REQUIRE(run(world, {Kind::remove, 1, {first}}));
  CHECK(world.store.registry.gears[0].state == GearState::draining);
  const auto again = run(world, {Kind::remove, 1, {first}});
  REQUIRE(again);
  CHECK(again->ids.empty());  // nothing left to do
}

TEST_CASE("all gears pinned refuse a removal with a limit") {
  World world;
  world.populate(2);
  REQUIRE(run(world, {Kind::pin, 1, {world.store.registry.gears[0].id, world.store.registry.gears[1].id}}));
  const auto refused = run(world, {Kind::remove, 1, {}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::limit);
  CHECK(refused.error().message.find("pinned") != std::string::npos);
}

TEST_CASE("a dry run names the gears and changes nothing") {
  World world;
  world.populate(2);
  CHECK(run(world, {Kind::add, 2, {}}, true)->ids.size() == 2);
  CHECK(run(world, {Kind::remove, 1, {}}, true)->ids.size() == 1);
  CHECK(run(world, {Kind::pin, 1, {world.store.registry.gears[0].id}}, true)->ids.size() == 1);
  CHECK(world.store.saves == 0);
}

TEST_CASE("without HAProxy, without memory and with an exhausted pool nothing is begun") {
  World world;
  world.populate(1);
  world.balancer.down = Error{Errc::unavailable, "no socket"};
  CHECK(run(world, {Kind::add, 1, {}}).error().code == Errc::unavailable);
  world.balancer.down.reset();
  world.host.no_room = Error{Errc::limit, "memory"};
  CHECK(run(world, {Kind::add, 1, {}}).error().code == Errc::limit);
  world.host.no_room.reset();
  CHECK(run(world, {Kind::add, 253, {}}).error().code == Errc::limit);
  CHECK(world.store.saves == 0);
  CHECK(run(world, {Kind::add, 252, {}}));
}

TEST_CASE("a lost registry is rebuilt before a command counts gears") {
  World world;
  world.populate(2);
  world.store.registry = {};
  world.store.corrupt = true;
  world.limits.max = 2;
  CHECK(run(world, {Kind::add, 1, {}}).error().code == Errc::limit);
  CHECK(world.in_state(GearState::serving) == 2);
}

TEST_CASE("a gear that is still on its way, to serve or to stand by, is not removed yet") {
  World world;
  world.populate(3);
  const auto second = world.store.registry.gears[1].id;
  for (const auto state : {GearState::starting, GearState::preparing}) {
    world.store.registry.gears[1].state = state;
    CHECK(run(world, {Kind::remove, 1, {second}}).error().code == Errc::unavailable);
  }
}

TEST_CASE("a standby may always be removed by its name, and leaves at once") {
  World world;
  world.populate(2);
  world.limits.min = 1;
  const auto second = world.store.registry.gears[1].id;
  world.store.registry.gears[1].state = GearState::standby;
  world.balancer.servers.erase(second);
  REQUIRE(run(world, {Kind::remove, 1, {second}}));
  CHECK(world.gear(second)->state == GearState::removing);
  CHECK(world.gear(second)->dismissed);
}
