// SPDX-License-Identifier: Apache-2.0
// What the simulation with faults found, each in its smallest form.
#include "gearscale/app/manual.hpp"
#include "support/catch.hpp"
#include "support/world.hpp"

using namespace gearscale;
using namespace std::chrono_literals;
using core::GearState;
using core::ServerState;
using test::World;

namespace {

const Error kTrouble{Errc::unavailable, "no space left on device"};

}  // namespace

TEST_CASE("registry lost while a gear drains: it goes on leaving, and is not taken for one that an operator holds aside") {
  World world;
  world.populate(3);
  world.balancer.load = 5;
  world.balancer.servers.at("00000002").state = ServerState::drain;
  world.balancer.servers.at("00000003").state = ServerState::maint;
  world.store.registry = {};
  app::Controller controller(world.daemon(0), world.ports, world.ids());
  world.check(controller);
  CHECK(world.gear("00000001")->state == GearState::serving);
  CHECK(world.gear("00000002")->state == GearState::draining);
  CHECK(world.gear("00000003")->state == GearState::removing);
  world.run(controller, 20min);
  CHECK(world.gear("00000002") == nullptr);
  CHECK(world.gear("00000003") == nullptr);
  test::require_sound(world);
}

TEST_CASE("registry lost while a gear that HAProxy has is frozen: it counts at once, and serves") {
  World world;
  world.populate(1);
  world.host.containers.at("00000001").state = core::ContainerState::frozen;
  world.store.registry = {};
  app::Controller controller(world.daemon(0), world.ports, world.ids());
  world.check(controller);
  CHECK(world.store.registry.gears.size() == 1);
  CHECK(world.gear("00000001")->state == GearState::starting);
  world.settle(controller, 1s);
  CHECK(world.gear("00000001")->state == GearState::serving);
  CHECK(world.host.containers.at("00000001").state == core::ContainerState::running);
}

TEST_CASE("registry lost while gears start: no job of an earlier state is taken for another one") {
  World world;
  world.populate(1);
  world.balancer.load = 30;
  world.host.boot = 2s;
  app::Controller controller(world.daemon(2), world.ports, world.ids());
  world.check(controller);
  REQUIRE(world.in_state(GearState::starting) > 1);
  world.clock.advance(100ms);
  world.host.containers.begin()->second.state = core::ContainerState::running;
  for (auto& [id, container] : world.host.containers) {
    if (id != "00000001") container.state = core::ContainerState::stopped;  // cloned, not started: rebuilt as ones to be destroyed
  }
  world.store.registry = {};
  world.run(controller, 1min);
  for (const auto& [id, container] : world.host.containers) {
    CAPTURE(id);
    CHECK(world.gear(id) != nullptr);
  }
  test::require_sound(world);
}

TEST_CASE("a gear hangs and the registry cannot be written: it is not left in MAINT") {
  World world;
  world.populate(2);
  app::Controller controller(world.daemon(0), world.ports, world.ids());
  world.run(controller, 10s);
  world.balancer.servers.at("00000002").state = ServerState::down;
  world.run(controller, 20s);
  world.store.save_failure = kTrouble;
  world.run(controller, 60s);
  CHECK(world.balancer.servers.at("00000002").state == ServerState::down);
  world.store.save_failure.reset();
  world.run(controller, 60s);
  CHECK(world.gear("00000002") == nullptr);
  CHECK_FALSE(world.balancer.servers.contains("00000002"));
}

TEST_CASE("adding a server again stops half-way: it is done again, and counts as on its way until then") {
  World world;
  world.populate(2);
  world.limits = {2, 2};
  app::Controller controller(world.daemon(0), world.ports, world.ids());
  world.run(controller, 10s);
  world.balancer.servers.erase("00000002");
  world.balancer.half_add = true;
  world.check(controller);
  CHECK(world.balancer.servers.at("00000002").state == ServerState::maint);
  world.balancer.half_add = false;
  world.run(controller, 10s);
  CHECK(world.balancer.servers.at("00000002").state == ServerState::up);
  CHECK(world.store.registry.gears.size() == 2);
}

TEST_CASE("waking stops half-way and cannot be written down: the standby is roused, not adopted in MAINT") {
  World world;
  world.populate(1);
  app::Controller controller(world.daemon(1), world.ports, world.ids());
  world.run(controller, 1min);
  REQUIRE(world.in_state(GearState::standby) == 1);
  world.balancer.load = 12;
  world.balancer.half_add = true;
  world.store.save_failure = kTrouble;
  world.run(controller, 1s);
  world.balancer.half_add = false;
  world.store.save_failure.reset();
  world.run(controller, 1min);
  for (const auto& [id, server] : world.balancer.servers) {
    CAPTURE(id);
    CHECK(server.state == ServerState::up);
  }
  CHECK(world.in_state(GearState::serving) == 2);
  test::require_sound(world);
}

TEST_CASE("a listing of containers that hung once is repeated soon") {
  World world;
  world.populate(1);
  app::Controller controller(world.daemon(0), world.ports, world.ids());
  world.check(controller);
  world.host.list_hangs = true;
  world.run(controller, 31s);
  world.host.list_hangs = false;
  world.host.containers["0badcafe"] = {0x0a570050, core::ContainerState::stopped, "app-v1"};
  world.run(controller, 70s);
  CHECK_FALSE(world.host.containers.contains("0badcafe"));
}

TEST_CASE("a draining gear that somebody froze is thawed") {
  World world;
  world.populate(2);
  app::Controller controller(world.daemon(0), world.ports, world.ids());
  world.run(controller, 10s);
  world.balancer.servers.at("00000002").scur = 1;
  const app::ManualRequest request{.kind = app::ManualRequest::Kind::remove, .ids = {"00000002"}};
  REQUIRE(app::command(world.settings(), world.ports, world.ids(), world.limits, request));
  world.run(controller, 10s);
  REQUIRE(world.gear("00000002")->state == GearState::draining);
  world.host.containers.at("00000002").state = core::ContainerState::frozen;
  world.run(controller, 40s);
  CHECK(world.gear("00000002")->state == GearState::draining);
  CHECK(world.host.containers.at("00000002").state == core::ContainerState::running);
}

TEST_CASE("a gear that cannot leave HAProxy for its connections does not have the file written again and again") {
  World world;
  world.populate(2);
  app::Controller controller(world.daemon(0), world.ports, world.ids());
  world.run(controller, 10s);
  world.balancer.servers.at("00000002").scur = 1;
  app::ManualRequest request{.kind = app::ManualRequest::Kind::remove, .ids = {"00000002"}, .now = true};
  REQUIRE(app::command(world.settings(), world.ports, world.ids(), world.limits, request));
  world.run(controller, 2s);
  REQUIRE(world.balancer.servers.at("00000002").state == ServerState::maint);
  const int before = world.balancer.writings;
  world.run(controller, 20s);
  CHECK(world.balancer.writings <= before + 1);  // that of a reconciliation
  CHECK(world.balancer.servers.contains("00000002"));
}

TEST_CASE("a server that was added but never made ready, before the process died, is made ready by the next one; one held aside stays so") {
  World world;
  world.populate(2);
  world.balancer.servers.at("00000001").state = ServerState::maint;
  world.balancer.servers.at("00000002").state = ServerState::maint;
  world.balancer.servers.at("00000002").stot = 1;  // it has served: somebody put it aside
  app::Controller controller(world.daemon(0), world.ports, world.ids());
  world.run(controller, 1s);
  CHECK(world.balancer.servers.at("00000001").state == ServerState::up);
  CHECK(world.balancer.servers.at("00000002").state == ServerState::maint);
}

TEST_CASE("registry lost while gears start, and the rebuilt one is not known to be saved: no job is taken for another one") {
  World world;
  world.populate(1);
  world.balancer.load = 30;
  world.host.boot = 2s;
  app::Controller controller(world.daemon(2), world.ports, world.ids());
  world.check(controller);
  REQUIRE(world.in_state(GearState::starting) > 1);
  world.store.registry = {};
  world.store.save_failure = kTrouble;
  world.clock.advance(100ms);
  world.check(controller);  // the jobs are dropped, whatever comes of the rebuilding
  world.store.save_failure.reset();
  world.balancer.load = 0;
  world.run(controller, 5min);
  test::require_sound(world);
}

TEST_CASE("an added gear that has served and leaves again before its tool looks has arrived") {
  World world;
  world.populate(1);
  auto& gear = world.store.registry.gears[0];
  for (const auto state : {GearState::preparing, GearState::standby, GearState::serving, GearState::draining, GearState::removing}) {
    gear.state = state;
    CHECK(app::look_at(world.store.registry, app::ManualRequest::Kind::add, gear.id) == app::Waiting::arrived);
  }
  gear.state = GearState::starting;
  CHECK(app::look_at(world.store.registry, app::ManualRequest::Kind::add, gear.id) == app::Waiting::under_way);
  gear.state = GearState::failed;
  CHECK(app::look_at(world.store.registry, app::ManualRequest::Kind::add, gear.id) == app::Waiting::failed);
  CHECK(app::look_at(world.store.registry, app::ManualRequest::Kind::add, "0badcafe") == app::Waiting::failed);
}
