// SPDX-License-Identifier: Apache-2.0
#include "gearscale/app/manual.hpp"

#include "spies.hpp"

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

namespace {

Result<app::ManualResult> remove_gear(World& world, const std::string& id, bool now = false) {
  return run(world, {Kind::remove, 1, {id}, now});
}

}  // namespace

TEST_CASE("the only gear that is proven to serve stays while the other one was just woken, and may go when that one has answered") {
  for (const bool at_once : {true, false}) {
    CAPTURE(at_once);
    World world;
    world.populate(1);
    app::Controller daemon(world.daemon(1), world.ports, world.ids());
    test::stand_by(world, daemon, 1);
    const auto healthy = world.first(GearState::serving);
    const auto woken = world.first(GearState::standby);
    world.balancer.load = 9;
    while (world.in_state(GearState::serving) == 1) world.run(daemon, core::Millis{100});
    world.store.registry.gears[1].unconfirmed = true;  // as in the moment after its waking
    CHECK(world.servers_up() == 2);
    const auto refused = remove_gear(world, healthy, at_once);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::limit);
    CHECK(refused.error().message.find("1 of 2 are proven to serve") != std::string::npos);
    CHECK(world.gear(healthy)->state == GearState::serving);
    world.run(daemon, core::Millis{200});  // it is asked, and answers
    CHECK_FALSE(world.gear(woken)->unconfirmed);
    CHECK(remove_gear(world, healthy, at_once));
  }
}

TEST_CASE("a standby that is woken is unconfirmed in the registry until it has answered, also over a crash") {
  World world;
  world.populate(1);
  std::string woken;
  {
    app::Controller daemon(world.daemon(1), world.ports, world.ids());
    test::stand_by(world, daemon, 1);
    woken = world.first(GearState::standby);
    world.balancer.load = 9;
    world.host.thawed_boot = core::Millis{1'000};
    while (world.in_state(GearState::serving) == 1) world.run(daemon, core::Millis{100});
    CHECK(world.gear(woken)->unconfirmed);
    CHECK_FALSE(remove_gear(world, "00000001", true));
  }
  world.host.cancel(woken);  // a child of the process that was killed
  app::Controller next(world.daemon(1), world.ports, world.ids());
  world.run(next, core::Millis{500});
  CHECK(world.gear(woken)->unconfirmed);
  world.run(next, core::Millis{3'000});
  CHECK_FALSE(world.gear(woken)->unconfirmed);
  CHECK(remove_gear(world, "00000001", true));
}

TEST_CASE("gears that are on their way or DOWN take nobody's place, and scale_min gears that are proven stay") {
  World world;
  world.populate(3);
  world.limits.min = 2;
  world.balancer.servers["00000003"].state = core::ServerState::down;
  CHECK(remove_gear(world, "00000001").error().code == Errc::limit);
  REQUIRE(run(world, {Kind::add, 1, {}}));
  const auto refused = remove_gear(world, "00000001");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::limit);
  CHECK(refused.error().message.find("2 of 4 are proven to serve") != std::string::npos);
  CHECK_FALSE(run(world, {Kind::remove, 1, {}}));
  CHECK(remove_gear(world, "00000003"));  // that one serves nobody
  world.balancer.servers["00000003"].state = core::ServerState::up;
  world.store.registry.gears[2].state = GearState::serving;
  CHECK(remove_gear(world, "00000001"));
}

TEST_CASE("a gear in MAINT is not counted, so it may leave when scale_min is reached, and takes no place of one that serves") {
  World world;
  world.populate(3);
  world.limits.min = 2;
  for (const auto held : {core::ServerState::maint, core::ServerState::drain}) {
    world.balancer.servers["00000003"].state = held;
    CHECK(run(world, {Kind::remove, 1, {"00000002", "00000003"}}, true).error().code == Errc::limit);
    CHECK(run(world, {Kind::remove, 1, {"00000002"}}, true).error().code == Errc::limit);
    CHECK(run(world, {Kind::remove, 1, {"00000003"}}, true)->ids.size() == 1);
  }
  REQUIRE(remove_gear(world, "00000003"));
  CHECK(world.gear("00000003")->state == GearState::draining);
}
