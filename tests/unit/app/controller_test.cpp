// SPDX-License-Identifier: Apache-2.0
#include "gearscale/app/controller.hpp"

#include "support/catch.hpp"
#include "support/world.hpp"

using namespace gearscale;
using namespace std::chrono_literals;
using core::GearState;
using core::ServerState;
using test::World;

namespace {

// Ten 3 s checks with the same load.
void checks(World& world, app::Controller& controller, int count) {
  for (int i = 0; i < count; ++i) {
    world.check(controller);
    world.settle(controller, 3s);
  }
}

void require_sound(const World& world) {
  for (const auto& sentence : sim::broken_invariants(world.store, world.host, world.balancer)) FAIL_CHECK(sentence);
}

}  // namespace

TEST_CASE("a first start without anything makes scale_min gears serve") {
  World world;
  world.limits.min = 2;
  app::Controller controller(world.settings(), world.ports, world.ids());
  const auto report = world.check(controller);
  CHECK(report.decision->reason == core::Reason::below_min);
  CHECK(world.in_state(GearState::starting) == 2);
  CHECK(controller.busy());
  CHECK(controller.has_jobs());
  world.settle(controller, 1s);
  CHECK(world.in_state(GearState::serving) == 2);
  CHECK_FALSE(controller.busy());
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
  checks(world, controller, 4);
  REQUIRE(world.in_state(GearState::serving) == 1);
  CHECK(world.store.registry.gears[0].id == oldest);
  CHECK(world.events.count("GEAR_DOWN - capacity: 0.0% gear_count: 2 sessions: 0 remove_thresh: 49.9%") == 1);
  require_sound(world);
}

TEST_CASE("a draining gear with sessions stays until they end, and is never torn down while HAProxy has it") {
  World world;
  world.populate(2);
  for (auto& [id, server] : world.balancer.servers) server.scur = 1;
  app::Controller controller(world.settings(), world.ports, world.ids());
  checks(world, controller, 41);
  CHECK(world.in_state(GearState::draining) == 1);
  CHECK(world.host.containers.size() == 2);
  for (auto& [id, server] : world.balancer.servers) server.scur = 0;
  world.settle(controller, 1s);
  CHECK(world.store.registry.gears.size() == 1);
  CHECK(world.balancer.cuts == 0);
  require_sound(world);
}

TEST_CASE("a drain that never ends is cut after its 60 s and 10 s more") {
  World world;
  world.populate(2);
  for (auto& [id, server] : world.balancer.servers) server.scur = 1;
  app::Controller controller(world.settings(), world.ports, world.ids());
  checks(world, controller, 41);
  CHECK(world.in_state(GearState::draining) == 1);
  world.settle(controller, 59s);
  CHECK(world.balancer.cuts == 0);
  world.settle(controller, 15s);
  CHECK(world.balancer.cuts == 1);
  CHECK(world.store.registry.gears.size() == 1);
  require_sound(world);
}

TEST_CASE("a gear that does not become ready is given up, destroyed, and additions hold off") {
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
  CHECK(world.check(controller).decision->reason == core::Reason::hold_off);
  world.host.boot_failure.reset();
  world.settle(controller, 3s);
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

TEST_CASE("HAProxy lost and back is said once each, holds, and loses nothing") {
  World world;
  world.populate(2);
  app::Controller controller(world.settings(), world.ports, world.ids());
  checks(world, controller, 1);
  world.balancer.down = Error{Errc::unavailable, "Connection refused - connect(2) for /run/stats"};
  checks(world, controller, 50);
  CHECK(world.check(controller).decision->reason == core::Reason::no_data);
  CHECK(world.events.count("A retryable error occurred: Connection refused") == 1);
  world.balancer.down.reset();
  checks(world, controller, 1);
  CHECK(world.events.count("HAProxy answers again") == 1);
  CHECK(world.in_state(GearState::serving) == 2);
  require_sound(world);
}

TEST_CASE("a controller started while HAProxy is away waits for it before it brings anything together") {
  World world;
  world.populate(2);
  world.store.registry = {};  // lost
  world.balancer.down = Error{Errc::unavailable, "no socket"};
  app::Controller controller(world.settings(), world.ports, world.ids());
  checks(world, controller, 3);
  CHECK(world.host.containers.size() == 2);
  world.balancer.down.reset();
  checks(world, controller, 1);
  CHECK(world.in_state(GearState::serving) == 2);
  require_sound(world);
}

TEST_CASE("servers that a restart of HAProxy forgot are added again") {
  World world;
  world.populate(2);
  app::Controller controller(world.settings(), world.ports, world.ids());
  checks(world, controller, 1);
  world.balancer.servers.clear();
  world.check(controller);
  CHECK(world.balancer.servers.size() == 2);
  CHECK(world.host.begun == 0);
  require_sound(world);
}

TEST_CASE("a serving gear whose container died leaves HAProxy and is replaced when it is needed") {
  World world;
  world.populate(2);
  world.limits.min = 2;
  app::Controller controller(world.settings(), world.ports, world.ids());
  checks(world, controller, 1);
  const auto dead = world.store.registry.gears[1].id;
  world.host.containers[dead].state = core::ContainerState::stopped;
  world.balancer.servers[dead].state = ServerState::down;
  checks(world, controller, 3);
  CHECK(core::find_gear(world.store.registry, dead) == nullptr);
  CHECK(world.in_state(GearState::serving) == 2);
  require_sound(world);
}

TEST_CASE("haproxy.cfg that cannot be written keeps the gear out of HAProxy until it can") {
  World world;
  world.populate(1);
  app::Controller controller(world.settings(), world.ports, world.ids());
  world.balancer.load = 9;
  world.balancer.file_failure = Error{Errc::failed, "no space left on device"};
  world.check(controller);
  world.settle(controller, 2s);
  CHECK(world.in_state(GearState::starting) == 1);
  CHECK(world.balancer.servers.size() == 1);
  CHECK(world.events.count("enrol failed: no space left on device") >= 1);
  CHECK(world.events.count("enrol failed") <= 3);  // it backs off
  world.balancer.file_failure.reset();
  world.settle(controller, 5s);
  CHECK(world.in_state(GearState::serving) == 2);
  require_sound(world);
}

TEST_CASE("a gear that HAProxy cannot be given in time is given up, and the reason is kept") {
  World world;
  world.populate(1);
  app::Controller controller(world.settings(), world.ports, world.ids());
  world.balancer.load = 9;
  world.balancer.file_failure = Error{Errc::config, "HAProxy refuses the file"};
  world.check(controller);
  world.settle(controller, 59s);
  CHECK(world.in_state(GearState::starting) == 1);
  world.settle(controller, 31s);
  CHECK(world.store.registry.gears.size() == 1);
  CHECK(world.events.count("exit 1  stdout: 00000002-prod: HAProxy refuses the file") == 1);
  require_sound(world);
}

TEST_CASE("a registry that cannot be saved changes nothing") {
  World world;
  world.populate(1);
  app::Controller controller(world.settings(), world.ports, world.ids());
  world.balancer.load = 9;
  world.store.save_failure = Error{Errc::failed, "no space left on device"};
  const auto report = world.check(controller);
  REQUIRE(report.refusal);
  CHECK(world.host.begun == 0);
  CHECK(world.store.registry.gears.size() == 1);
  world.store.save_failure.reset();
  world.settle(controller, 4s);
  world.check(controller);
  world.settle(controller, 1s);
  CHECK(world.in_state(GearState::serving) == 2);
}

TEST_CASE("a corrupt registry is rebuilt from what LXC and HAProxy show") {
  World world;
  world.populate(3);
  app::Controller controller(world.settings(), world.ports, world.ids());
  checks(world, controller, 1);
  world.store.registry = {};
  world.store.corrupt = true;
  world.check(controller);
  CHECK(world.in_state(GearState::serving) == 3);
  CHECK(world.events.count("The registry was corrupt") == 1);
  CHECK(world.host.begun == 0);
  require_sound(world);
}

TEST_CASE("no room for a gear is one event, a hold-off, and nothing changed") {
  World world;
  world.populate(1);
  world.host.no_room = Error{Errc::limit, "not enough memory"};
  app::Controller controller(world.settings(), world.ports, world.ids());
  world.balancer.load = 9;
  checks(world, controller, 30);
  CHECK(world.store.registry.gears.size() == 1);
  CHECK(world.events.count("Cannot add gear: not enough memory") == 1);
  CHECK(world.events.count("GEAR_UP") == 0);
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
  app::TickInput input{true, {}, true};
  world.balancer.load = 90;
  for (int i = 0; i < 5; ++i) {
    world.clock.advance(3s);
    const auto report = controller.tick(input);
    CHECK(report.decision->reason == core::Reason::disabled);
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
  CHECK(world.store.registry.gears.size() == 1);
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
