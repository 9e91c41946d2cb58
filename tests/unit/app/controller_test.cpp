// SPDX-License-Identifier: Apache-2.0
#include "gearscale/app/controller.hpp"

#include "support/catch.hpp"
#include "support/world.hpp"

using namespace gearscale;
using namespace std::chrono_literals;
using core::GearState;
using test::checks;
using test::require_sound;
using test::World;

TEST_CASE("a first start without anything makes scale_min gears serve") {
  World world;
  world.limits.min = 2;
  app::Controller controller(world.settings(), world.ports, world.ids());
  const auto report = world.check(controller);
  CHECK(report.decision->reason == core::Reason::below_min);
  CHECK(world.in_state(GearState::starting) == 2);
  CHECK(controller.next_look() == 100ms);
  CHECK(controller.has_jobs());
  world.settle(controller, 1s);
  CHECK(world.in_state(GearState::serving) == 2);
  CHECK_FALSE(controller.next_look());
  require_sound(world);
}

TEST_CASE("a load step adds a gear, its end removes it after flap protection, newest first") {
  World world;
  world.populate(1);
  const auto oldest = world.store.registry.gears[0].id;
  app::Controller controller(world.settings(), world.ports, world.ids());
  world.balancer.load = 9;
  checks(world, controller, 2);
  CHECK(world.in_state(GearState::serving) == 2);
  CHECK(world.events.count("GEAR_UP - capacity: 90.0% gear_count: 1 sessions: 9 up_thresh: 90.0%") == 1);
  require_sound(world);
  world.balancer.load = 0;
  checks(world, controller, 39);  // 117 s
  CHECK(world.in_state(GearState::serving) == 2);
  checks(world, controller, 6);  // the peak of the last 120 s has to go, too
  REQUIRE(world.in_state(GearState::serving) == 1);
  CHECK(world.store.registry.gears[0].id == oldest);
  world.settle(controller, 30s);  // drain_idle
  CHECK(world.store.registry.gears.size() == 1);
  CHECK(world.events.count("GEAR_DOWN - capacity: 0.0% gear_count: 2 sessions: 0 remove_thresh: 49.9%") == 1);
  require_sound(world);
}

TEST_CASE("a gear that does not become ready is given up, destroyed, and another one is tried") {
  World world;
  world.populate(1);
  world.host.boot_failure = Error{Errc::failed, "the probe got no answer"};
  app::Controller controller(world.settings(), world.ports, world.ids());
  world.balancer.load = 9;
  world.check(controller);
  world.settle(controller, 2s);
  CHECK(world.store.registry.gears.size() == 1);
  CHECK(world.events.count("exit 1") == 1);
  CHECK(world.events.count("the probe got no answer") == 1);
  world.host.boot_failure.reset();
  CHECK(world.check(controller).decision->action == core::Action::up);
  world.settle(controller, 1s);
  CHECK(world.in_state(GearState::serving) == 2);
  require_sound(world);
}

TEST_CASE("a job that hangs ends at its deadline and its gear is replaced") {
  World world;
  world.populate(1);
  world.host.boot = 1h;
  app::Controller controller(world.settings(), world.ports, world.ids());
  world.balancer.load = 9;
  world.check(controller);
  world.settle(controller, 59s);
  CHECK(world.in_state(GearState::starting) == 1);
  world.settle(controller, 5s);
  CHECK(world.store.registry.gears.size() == 1);
  require_sound(world);
}

TEST_CASE("a gear that waits for its turn to start has all of its boot time from then on") {
  World world;
  world.limits.min = 3;
  world.host.boot = 25s;
  auto settings = world.settings();
  settings.parallel_starts = 1;
  app::Controller controller(settings, world.ports, world.ids());
  world.check(controller);
  world.settle(controller, 49s);
  CHECK(world.host.most_at_once == 1);
  CHECK(world.in_state(GearState::serving) == 1);
  world.settle(controller, 27s);  // the third one begins after 50 s and is ready after 75
  CHECK(world.in_state(GearState::serving) == 3);
  CHECK(world.events.count("exit 1") == 0);
  CHECK(world.host.begun == 3);
  require_sound(world);
}

TEST_CASE("the maximum is said once, not at each check") {
  World world;
  world.populate(2);
  world.limits.max = 2;
  app::Controller controller(world.settings(), world.ports, world.ids());
  world.balancer.load = 40;
  checks(world, controller, 10);
  CHECK(world.events.count("Cannot add gear, max gears already met") == 1);
  CHECK(world.events.count("max: 2 gearcount: 2") == 1);
}

TEST_CASE("the disable marker holds, and gears in transition go on") {
  World world;
  world.populate(1);
  app::Controller controller(world.settings(), world.ports, world.ids());
  world.balancer.load = 9;
  world.check(controller);
  app::TickInput input{app::Look::check, {}, true};
  world.balancer.load = 90;
  for (int i = 0; i < 5; ++i) {
    world.clock.advance(3s);
    const auto report = controller.tick(input);
    CHECK(report.decision->reason == core::Reason::disabled);
    CHECK_FALSE(controller.sample());
  }
  CHECK(world.in_state(GearState::serving) == 2);
}

TEST_CASE("a dry run decides and changes nothing") {
  World world;
  world.populate(1);
  auto settings = world.settings();
  settings.dry_run = true;
  app::Controller controller(settings, world.ports, world.ids());
  world.balancer.load = 9;
  const auto report = world.check(controller);
  CHECK(report.decision->action == core::Action::up);
  CHECK(report.acted_on.size() == 1);
  CHECK(world.store.saves == 0);
  CHECK(world.host.begun == 0);
}

TEST_CASE("--once counts low checks and flap protection across processes through the registry") {
  World world;
  world.populate(2);
  world.store.registry.last_addition = world.clock.now();
  auto settings = world.settings();
  settings.one_shot = true;
  const auto once = [&] {
    app::Controller controller(settings, world.ports, world.ids());
    auto report = world.check(controller);
    world.settle(controller, 3s);
    return report.decision->reason;
  };
  CHECK(once() == core::Reason::low_checks);
  CHECK(once() == core::Reason::low_checks);
  CHECK(once() == core::Reason::flap_protection);
  world.clock.advance(120s);
  CHECK(once() == core::Reason::low_capacity);
  CHECK(world.in_state(GearState::draining) == 1);
}

TEST_CASE("an addition by hand starts the daemon's flap window too") {
  World world;
  world.populate(2);
  app::Controller controller(world.settings(), world.ports, world.ids());
  checks(world, controller, 38);
  world.store.registry.last_addition = world.clock.now();
  checks(world, controller, 38);
  CHECK(world.in_state(GearState::serving) == 2);
  checks(world, controller, 3);
  CHECK(world.in_state(GearState::serving) == 1);
}

TEST_CASE("each reconciliation has what ties the gears looked after, and tells what was mended") {
  World world;
  world.populate(2);
  world.store.registry.gears[1].state = GearState::draining;
  world.balancer.servers[world.store.registry.gears[1].id].state = core::ServerState::drain;
  world.balancer.servers[world.store.registry.gears[1].id].scur = 1;
  app::Controller controller(world.settings(), world.ports, world.ids());
  world.limits.min = 2;
  world.check(controller);
  REQUIRE(world.host.mending.size() == 2);
  CHECK(world.host.mending[0].settled);
  CHECK(world.host.mending[1].settled);
  CHECK(world.host.mending[0].address == world.store.registry.gears[0].address);

  world.host.mending.clear();
  world.host.to_tell = {"Gear 00000001 was not tied"};
  checks(world, controller, 9);  // 27 s
  CHECK(world.host.mending.empty());
  CHECK(world.events.count("Gear 00000001 was not tied") == 1);
  checks(world, controller, 2);  // 33 s: the next one
  CHECK(world.host.mending.size() == 2);
}

TEST_CASE("a gear that a job works on is none whose ties could be whole") {
  for (const auto& [state, settled] : {std::pair(GearState::starting, false), std::pair(GearState::serving, true), std::pair(GearState::draining, true),
                                       std::pair(GearState::preparing, false), std::pair(GearState::standby, true), std::pair(GearState::removing, false),
                                       std::pair(GearState::failed, false)}) {
    core::Registry registry;
    registry.gears.push_back({.id = "00000001", .address = 7, .state = state});
    const auto tied = app::tied_gears(registry);
    REQUIRE(tied.size() == 1);
    CHECK(tied[0].address == 7);
    CHECK(tied[0].settled == settled);
  }
}
