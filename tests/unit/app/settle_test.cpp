// SPDX-License-Identifier: Apache-2.0
// Standbys that answer and go on booting: frozen later, ready to serve meanwhile.
#include <algorithm>

#include "gearscale/app/controller.hpp"
#include "support/catch.hpp"
#include "support/world.hpp"
#include "unit/app/spies.hpp"

using namespace gearscale;
using namespace std::chrono_literals;
using core::GearState;
using core::ServerState;
using test::require_sound;
using test::stand_by;
using test::World;

TEST_CASE("a standby is frozen when its boot has ended, not when it answers, and serves at once if it is needed before") {
  World world;
  world.populate(1);
  world.host.rest_of_boot = 20s;
  app::Controller controller(world.daemon(), world.ports, world.ids());
  stand_by(world, controller, 1);
  const auto standby = world.first(GearState::standby);
  const auto& container = world.host.containers.at(standby);
  CHECK(container.state == core::ContainerState::running);
  SECTION("frozen after that") {
    world.run(controller, 12s);
    CHECK(container.state == core::ContainerState::running);
    world.run(controller, 6s);
    CHECK(container.state == core::ContainerState::frozen);
    CHECK(world.gear(standby)->state == GearState::standby);
    world.run(controller, 60s);
    CHECK(world.events.count(standby + "-prod is frozen: simulated") == 1);
  }
  SECTION("woken while it boots") {
    world.balancer.load = 9;
    world.run(controller, 500ms);
    CHECK(world.gear(standby)->state == GearState::serving);
    CHECK(world.balancer.servers.at(standby).state == ServerState::up);
    world.balancer.load = 0;
    world.run(controller, 40s);
    CHECK(container.state == core::ContainerState::running);  // the job that would have frozen it is no more
    CHECK(world.gear(standby)->state == GearState::serving);
  }
  SECTION("it dies while it boots") {
    world.host.kill(standby);
    world.run(controller, 6s);
    CHECK(world.gear(standby) == nullptr);
    CHECK(world.store.registry.breaker.failures == 1);
    CHECK(world.in_state(GearState::standby) == 1);
  }
  SECTION("another process rouses it, or wants to be rid of it") {
    auto* gear = core::find_gear(world.store.registry, standby);
    const bool roused = GENERATE(true, false);
    core::enter(*gear, roused ? GearState::starting : GearState::removing, core::Timeouts{}, world.clock.now());
    gear->dismissed = !roused;
    ++world.store.registry.generation;
    world.run(controller, 4s);
    CHECK((world.gear(standby) != nullptr) == roused);
    if (roused) CHECK(world.gear(standby)->state == GearState::serving);
    if (roused) CHECK(container.state == core::ContainerState::running);
  }
  require_sound(world);
}

TEST_CASE("a boot that does not end is no failure: the standby runs, that is said once, and it is looked at each minute") {
  World world;
  world.populate(1);
  world.host.rest_of_boot = 1'000h;
  app::Controller controller(world.daemon(), world.ports, world.ids());
  stand_by(world, controller, 1);
  const auto standby = world.first(GearState::standby);
  world.run(controller, 10min);
  CHECK(world.gear(standby) != nullptr);
  CHECK(world.in_state(GearState::standby) == 1);
  CHECK(world.store.registry.breaker.failures == 0);
  CHECK(world.events.count("stands by running") == 1);
  CHECK(world.events.count("prepar") == 0);
  const auto looks = std::count_if(world.events.objects.begin(), world.events.objects.end(),
                                   [](const std::string& object) { return object.find("\"settle\"") != std::string::npos; });
  CHECK(looks >= 5);
  CHECK(looks <= 6);  // a minute that it waits, a minute's pause
  SECTION("it is needed") {
    world.balancer.load = 9;
    world.run(controller, 500ms);
    CHECK(world.gear(standby)->state == GearState::serving);
  }
  SECTION("it ends after all") {
    world.host.rest_of_boot = 1s;
    world.run(controller, 130s);
    CHECK(world.host.containers.at(standby).state == core::ContainerState::frozen);
  }
  SECTION("a new controller finds it so") {
    app::Controller next(world.daemon(), world.ports, world.ids());
    world.host.cancel(standby);
    world.host.rest_of_boot = 1s;
    world.run(next, 6s);
    CHECK(world.host.containers.at(standby).state == core::ContainerState::frozen);
    CHECK(world.events.count("preparing it again") == 0);
  }
  require_sound(world);
}

TEST_CASE("a standby that does not answer any more when its boot has ended counts against its template") {
  World world;
  world.populate(1);
  world.host.rest_of_boot = 3s;
  app::Controller controller(world.daemon(), world.ports, world.ids());
  const auto fail_to_settle = [&] {
    world.host.boot_failure.reset();
    while (world.in_state(GearState::standby) == 0) world.run(controller, 100ms);
    world.host.boot_failure = Error{Errc::failed, "the probe got no answer"};
    while (world.in_state(GearState::standby) == 1) world.run(controller, 100ms);
  };
  for (int i = 0; i < 3; ++i) fail_to_settle();
  CHECK(world.events.count("is not cloned for 10 s: 3 gears in a row failed, the last one because: the probe got no answer") == 1);
}
