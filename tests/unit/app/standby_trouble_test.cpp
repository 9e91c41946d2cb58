// SPDX-License-Identifier: Apache-2.0
// Standbys that die, do not answer, cannot be written down; crashes between two steps: nothing that serves is lost.
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

TEST_CASE("a standby that died while frozen: its death was seen, and another gear serves") {
  World world;
  world.populate(1);
  app::Controller controller(world.daemon(), world.ports, world.ids());
  stand_by(world, controller, 1);
  const auto dead = world.first(GearState::standby);
  world.host.kill(dead);
  world.balancer.load = 9;
  world.clock.advance(3s);
  const auto report = world.check(controller);
  REQUIRE(report.acted_on.size() == 1);
  CHECK(report.acted_on[0] != dead);
  CHECK(world.host.most_at_once <= 2);
  world.run(controller, 12s);  // the refill holds off for 5 s after the failure
  CHECK(world.gear(dead) == nullptr);
  CHECK(world.in_state(GearState::serving) == 2);
  CHECK(world.in_state(GearState::standby) == 1);
  require_sound(world);
}

TEST_CASE("a standby that died unseen cannot be woken: it is roused, and the gear that serves is not touched") {
  World world;
  world.populate(1);
  app::Controller controller(world.daemon(), world.ports, world.ids());
  stand_by(world, controller, 1);
  const auto dead = world.first(GearState::standby);
  world.host.containers[dead].state = core::ContainerState::stopped;
  world.balancer.load = 9;
  world.clock.advance(3s);
  world.check(controller);
  CHECK(world.events.count("wake failed: it is not frozen") == 1);
  CHECK(world.gear(dead)->state == GearState::starting);
  CHECK_FALSE(world.balancer.servers.contains(dead));
  world.run(controller, 3s);
  CHECK(world.gear(dead)->state == GearState::serving);
  CHECK(world.in_state(GearState::serving) == 2);
  require_sound(world);
}

TEST_CASE("a confirmation that fails removes the woken gear, never the ones that served") {
  World world;
  world.populate(1);
  const auto first = world.first(GearState::serving);
  app::Controller controller(world.daemon(), world.ports, world.ids());
  stand_by(world, controller, 1);
  const auto mute = world.first(GearState::standby);
  world.host.boot_failure = Error{Errc::failed, "the probe got no answer"};
  world.balancer.load = 9;
  world.run(controller, 1s);
  CHECK(world.gear(mute) == nullptr);
  CHECK_FALSE(world.balancer.servers.contains(mute));
  CHECK(world.gear(first)->state == GearState::serving);
  CHECK(world.balancer.servers.at(first).state == ServerState::up);
  CHECK(world.events.count("the probe got no answer") >= 1);
  world.host.boot_failure.reset();
  world.run(controller, 30s);
  CHECK(world.in_state(GearState::serving) == 2);
  CHECK(world.in_state(GearState::standby) == 1);
  require_sound(world);
}

TEST_CASE("no memory for clones does not keep a standby from being woken") {
  World world;
  world.populate(1);
  app::Controller controller(world.daemon(1), world.ports, world.ids());
  stand_by(world, controller, 1);
  world.host.no_room = Error{Errc::limit, "not enough memory"};
  world.balancer.load = 35;
  world.clock.advance(3s);
  const auto report = world.check(controller);
  CHECK(report.acted_on.size() == 1);
  REQUIRE(report.refusal);
  CHECK(world.servers_up() == 2);
  CHECK(world.events.count("Cannot add gear: not enough memory") == 1);
}

TEST_CASE("a gear that was woken but could not be written down serves, and is adopted by the next tick that can write") {
  World world;
  world.populate(1);
  app::Controller controller(world.daemon(), world.ports, world.ids());
  stand_by(world, controller, 1);
  const auto woken = world.first(GearState::standby);
  world.balancer.load = 9;
  world.store.save_failure = Error{Errc::failed, "no space left on device"};
  world.run(controller, 400ms);
  CHECK(world.balancer.servers.at(woken).state == ServerState::up);
  CHECK(world.host.containers.at(woken).state == core::ContainerState::running);
  CHECK(world.gear(woken)->state == GearState::standby);
  world.run(controller, 60s);
  CHECK(world.balancer.servers.at(woken).state == ServerState::up);  // all that time
  world.store.save_failure.reset();
  world.balancer.load = 8;
  world.run(controller, 40s);
  CHECK(world.gear(woken)->state == GearState::serving);
  CHECK(world.servers_up() == 2);
  CHECK(world.in_state(GearState::standby) == 1);
  require_sound(world);
}

TEST_CASE("a crash between the waking and the registry is adopted by the next controller") {
  World world;
  world.populate(1);
  {
    app::Controller controller(world.daemon(), world.ports, world.ids());
    stand_by(world, controller, 1);
  }
  const auto woken = world.first(GearState::standby);
  world.host.containers[woken].state = core::ContainerState::running;
  world.balancer.servers[woken] = {world.gear(woken)->address, ServerState::up};
  app::Controller controller(world.daemon(), world.ports, world.ids());
  world.check(controller);
  CHECK(world.gear(woken)->state == GearState::serving);
  CHECK(world.host.begun == 1);  // it is confirmed
  world.run(controller, 6s);
  CHECK(world.in_state(GearState::serving) == 2);
  CHECK(world.in_state(GearState::standby) == 1);
  require_sound(world);
}

TEST_CASE("a crash between thaw and HAProxy: the next controller freezes the standby again, which can be woken until then") {
  World world;
  world.populate(1);
  {
    app::Controller controller(world.daemon(), world.ports, world.ids());
    stand_by(world, controller, 1);
  }
  const auto thawed = world.first(GearState::standby);
  world.host.containers[thawed].state = core::ContainerState::running;
  app::Controller controller(world.daemon(), world.ports, world.ids());
  world.check(controller);
  CHECK(world.gear(thawed)->state == GearState::standby);
  world.run(controller, 3s);
  CHECK(world.gear(thawed)->state == GearState::standby);
  CHECK(world.host.containers.at(thawed).state == core::ContainerState::frozen);
  require_sound(world);
}

TEST_CASE("HAProxy away between thaw and add: the standby is roused, and serves when HAProxy is back") {
  World world;
  world.populate(1);
  struct Failing final : Store {  // takes HAProxy away after the tick has observed it
    explicit Failing(World& world_in) : world(world_in) {}
    Result<std::unique_ptr<StoreLock>> lock(core::Millis patience) override {
      if (armed) world.balancer.down = Error{Errc::unavailable, "Connection refused"};
      return world.store.lock(patience);
    }
    Result<Loaded> load() override { return world.store.load(); }
    Result<void> save(const core::Registry& registry) override { return world.store.save(registry); }
    void tidy() override {}
    World& world;
    bool armed = false;
  };
  Failing store(world);
  app::Controller controller(world.daemon(), app::Ports{world.balancer, world.host, store, world.clock, world.events}, world.ids());
  stand_by(world, controller, 1);
  const auto standby = world.first(GearState::standby);
  world.balancer.load = 9;
  store.armed = true;
  world.clock.advance(3s);
  world.check(controller);
  store.armed = false;
  CHECK(world.gear(standby)->state == GearState::starting);
  world.run(controller, 10s);
  CHECK(world.balancer.servers.size() == 1);
  world.balancer.down.reset();
  world.run(controller, 40s);  // the step that failed is spaced
  CHECK(world.gear(standby)->state == GearState::serving);
  require_sound(world);
}

TEST_CASE("two controllers after each other, each over what the last one left") {
  World world;
  world.populate(1);
  world.balancer.load = 9;
  for (int i = 0; i < 6; ++i) {
    app::Controller controller(world.daemon(2), world.ports, world.ids());
    world.run(controller, 100ms);  // long enough to begin something, not to end it
    controller.forget_everything();
    for (const auto& gear : world.store.registry.gears) world.host.cancel(gear.id);  // its children end with it
  }
  app::Controller controller(world.daemon(2), world.ports, world.ids());
  world.run(controller, 20s);
  CHECK(world.in_state(GearState::serving) == 2);
  CHECK(world.in_state(GearState::standby) == 2);
  require_sound(world);
}

TEST_CASE("a standby that does not become ready is given up, and the next one waits a while") {
  World world;
  world.populate(1);
  world.host.boot_failure = Error{Errc::failed, "the probe got no answer"};
  app::Controller controller(world.daemon(1), world.ports, world.ids());
  world.run(controller, 60s);
  CHECK(world.events.count("exit 1") >= 3);
  CHECK(world.events.count("exit 1") <= 5);  // after 5, 10, 20 s ...
  CHECK(world.servers_up() == 1);
  world.host.boot_failure.reset();
  world.run(controller, 60s);
  CHECK(world.in_state(GearState::standby) == 1);
  require_sound(world);
}
