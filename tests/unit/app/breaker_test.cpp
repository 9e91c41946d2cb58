// SPDX-License-Identifier: Apache-2.0
// A template whose gears keep failing, in the simulated world.
#include "gearscale/app/manual.hpp"
#include "gearscale/app/status.hpp"
#include "support/world.hpp"

using namespace gearscale;
using namespace gearscale::test;
using namespace std::chrono_literals;
using core::GearState;

namespace {

// One gear that serves, a load that asks for one more, and a template that nothing good comes from.
struct Broken : World {
  Broken() {
    populate(1);
    limits.max = 2;
    host.boot_failure = Error{Errc::failed, "the probe got no answer"};
    balancer.load = 9;
  }
};

// A breaker of app-v1 that three gears have opened for an hour, so many of which had served.
core::Breaker opened(World& world, int deaths) {
  core::Breaker breaker{.template_name = "app-v1", .failures = 3, .deaths = deaths, .pauses = 1, .served = deaths > 0};
  breaker.last_failure = world.clock.now();
  breaker.open_until = world.clock.now() + 1h;
  return breaker;
}

}  // namespace

TEST_CASE("after three failures in a row a template is not cloned for ten seconds, then one gear at a time, longer and longer") {
  Broken world;
  app::Controller controller(world.settings(), world.ports, world.ids());
  world.run(controller, 5s);
  CHECK(world.host.begun == 3);
  CHECK(world.events.count("Template app-v1 is not cloned for 10 s: 3 gears in a row failed") == 1);
  CHECK(world.events.count("Cannot add gear: template app-v1 is not cloned for a while") == 1);
  const auto status = app::status(world.settings(), world.ports, world.limits, std::nullopt);
  REQUIRE(status);
  CHECK(status->breaker.failures == 3);
  CHECK(status->breaker_seconds > 0);
  CHECK(status->breaker.why == "the probe got no answer");
  world.run(controller, 10min);
  CHECK(world.host.begun >= 5);
  CHECK(world.host.begun <= 10);  // the pauses: 10, 20, 40, 80, 160, 320 s
  CHECK(world.store.registry.gears.size() == 1);
  require_sound(world);
}

TEST_CASE("a mended template is cloned again, within its pause and a hold-off") {
  Broken world;
  app::Controller controller(world.settings(), world.ports, world.ids());
  world.run(controller, 5s);
  REQUIRE(world.store.registry.breaker.failures == 3);
  world.host.boot_failure.reset();
  world.run(controller, 40s);
  CHECK(world.in_state(GearState::serving) == 2);
  CHECK(world.store.registry.breaker.failures == 0);
  require_sound(world);
}

TEST_CASE("a standby is woken at once while its template is held back") {
  World world;
  world.populate(1);
  app::Controller controller(world.daemon(1), world.ports, world.ids());
  world.run(controller, 6s);
  REQUIRE(world.in_state(GearState::standby) == 1);
  world.store.registry.breaker = opened(world, 0);
  world.balancer.load = 9;
  world.run(controller, 600ms);
  CHECK(world.in_state(GearState::serving) == 2);
  world.run(controller, 1min);
  CHECK(world.in_state(GearState::standby) == 0);  // nothing to refill it from
  CHECK(world.store.registry.gears.size() == 2);
}

TEST_CASE("a person may add a gear of a template that is held back") {
  World world;
  world.populate(1);
  world.store.registry.breaker = opened(world, 0);
  const auto added = app::command(world.settings(), world.ports, world.ids(), world.limits, {});
  REQUIRE(added);
  CHECK(added->ids.size() == 1);
  CHECK(world.in_state(GearState::starting) == 1);
}

TEST_CASE("gears that answer once and die are no reason to clone without a pause") {
  World world;
  world.populate(1);
  world.store.registry.gears[0].template_name = "app-v0";  // nothing is known of app-v1
  world.limits.min = 2;
  app::Controller controller(world.settings(), world.ports, world.ids());
  world.run(controller, 10min, [&] {
    if (world.in_state(GearState::serving) < 2) return;
    world.host.kill(world.store.registry.gears.back().id);
  });
  CHECK(world.host.begun >= 5);
  CHECK(world.host.begun <= 10);
  CHECK(world.events.count("is not cloned for") >= 3);
}

TEST_CASE("a gear that serves for a minute after a failure proves its template") {
  World world;
  world.populate(1);
  world.limits.min = 2;
  app::Controller controller(world.settings(), world.ports, world.ids());
  int deaths = 0;
  world.run(controller, 30s, [&] {
    if (world.in_state(GearState::serving) < 2 || deaths == 2) return;
    ++deaths;
    world.host.kill(world.store.registry.gears.back().id);
  });
  CHECK(world.store.registry.breaker.failures == 2);
  world.run(controller, 1min);
  CHECK(world.store.registry.breaker.failures == 0);
  CHECK(world.events.count("serve well again") == 1);
  require_sound(world);
}

TEST_CASE("a template that has served well before is held back by ten deaths in a row, not by three") {
  World world;
  world.populate(1);
  app::Controller controller(world.settings(), world.ports, world.ids());
  world.run(controller, 6s);
  CHECK(world.store.registry.breaker.proven == "app-v1");
  world.limits.min = 2;
  int deaths = 0;
  world.run(controller, 10min, [&] {
    if (world.in_state(GearState::serving) < 2) return;
    if (++deaths == 4) CHECK(world.events.count("is not cloned for") == 0);
    world.host.kill(world.store.registry.gears.back().id);
  });
  CHECK(world.host.begun >= 12);
  CHECK(world.host.begun <= 17);  // ten at once, then after 10, 20, 40, 80, 160, 320 s
  CHECK(world.events.count("10 gears in a row failed") >= 1);
}

TEST_CASE("three young gears killed: with nothing serving the next one is cloned at once, and all serve again in seconds") {
  World world;
  world.limits.min = 3;
  app::Controller controller(world.settings(), world.ports, world.ids());
  world.run(controller, 10s);
  REQUIRE(world.servers_up() == 3);
  for (const auto& gear : world.store.registry.gears) world.host.kill(gear.id);
  world.run(controller, 1s);
  CHECK(world.servers_up() == 1);
  CHECK(world.store.registry.breaker.failures == 3);
  world.run(controller, 14s);  // something serves: the others wait for the first pause
  CHECK(world.servers_up() == 3);
  world.run(controller, 2min);
  CHECK(world.store.registry.breaker.failures == 0);
  require_sound(world);
}

TEST_CASE("with nothing serving one gear is tried each 3 s, one at a time, as long as what is cloned has served at all") {
  World world;
  world.limits.min = 3;
  app::Controller controller(world.settings(), world.ports, world.ids());
  world.run(controller, 10s);
  REQUIRE(world.servers_up() == 3);
  world.host.boot_failure = Error{Errc::failed, "the probe got no answer"};
  for (const auto& gear : world.store.registry.gears) world.host.kill(gear.id);
  const int begun = world.host.begun;
  int most = 0;
  world.run(controller, 1min, [&] { most = std::max(most, world.in_state(GearState::starting)); });
  CHECK(most == 1);
  CHECK(world.host.begun - begun >= 14);
  CHECK(world.host.begun - begun <= 21);
  world.host.boot_failure.reset();
  world.run(controller, 5s);
  CHECK(world.servers_up() >= 1);
}

TEST_CASE("a template that nothing good ever came from is held back although nothing serves") {
  World world;
  world.limits.min = 3;
  world.host.boot_failure = Error{Errc::failed, "the probe got no answer"};
  app::Controller controller(world.settings(), world.ports, world.ids());
  world.run(controller, 10min);
  CHECK(world.host.begun >= 7);
  CHECK(world.host.begun <= 10);  // three at once, then after 10, 20, 40, 80, 160, 320 s
}

TEST_CASE("a standby that is being prepared does not hold up the gear that is needed when nothing serves") {
  World world;
  world.populate(1);
  world.limits.min = 1;
  world.host.freeze = 50s;
  app::Controller controller(world.daemon(1), world.ports, world.ids());
  world.run(controller, 6s);
  REQUIRE(world.in_state(GearState::preparing) == 1);
  world.store.registry.breaker = opened(world, 3);
  world.host.kill(world.store.registry.gears[0].id);
  world.run(controller, 1s);
  CHECK(world.servers_up() == 1);
}
