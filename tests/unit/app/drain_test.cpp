// SPDX-License-Identifier: Apache-2.0
// The ladder by which a gear leaves, in virtual time: drain, idle or drain_soft, maint, drain_hard, gone; and back up when load returns.
#include "gearscale/app/controller.hpp"
#include "gearscale/app/manual.hpp"
#include "draining.hpp"

using namespace gearscale;
using namespace std::chrono_literals;
using core::GearState;
using core::ServerState;
using test::checks;
using test::Draining;
using test::require_sound;
using test::World;
using Kind = app::ManualRequest::Kind;

namespace {

std::vector<std::string> remove_by_hand(World& world, const app::ManualRequest& request) {
  const auto done = app::command(world.settings(), world.ports, world.ids(), world.limits, request);
  REQUIRE(done);
  return done->ids;
}

}  // namespace

TEST_CASE("a draining gear without a session goes after drain_idle, not before") {
  Draining drain;
  CHECK(drain.server() == ServerState::drain);
  drain.until(29s);
  CHECK(drain.server() == ServerState::drain);
  CHECK(drain.world.host.containers.size() == 2);
  drain.until(34s);  // looked at each 3 s
  CHECK(drain.is_gone());
  CHECK(drain.world.balancer.cuts == 0);
  require_sound(drain.world);
}

TEST_CASE("a client that comes back keeps its draining gear: each new session starts drain_idle again") {
  Draining drain;
  for (int i = 0; i < 10; ++i) {
    drain.world.run(drain.controller, 20s);
    ++drain.world.balancer.servers.at("00000002").stot;  // came and went between two looks
  }
  CHECK(drain.server() == ServerState::drain);
  drain.world.run(drain.controller, 27s);
  CHECK(drain.server() == ServerState::drain);
  drain.world.run(drain.controller, 7s);
  CHECK(drain.is_gone());
}

TEST_CASE("drain_soft ends the patience with clients that never go, drain_hard that with their connections") {
  Draining drain(1);
  drain.until(598s);
  CHECK(drain.server() == ServerState::drain);
  drain.until(604s);
  CHECK(drain.server() == ServerState::maint);
  CHECK(drain.leaving().state == GearState::removing);
  CHECK(drain.world.host.containers.size() == 2);
  drain.until(659s);
  CHECK(drain.world.balancer.cuts == 0);
  drain.until(666s);
  CHECK(drain.world.balancer.cuts == 1);
  CHECK(drain.is_gone());
  require_sound(drain.world);
}

TEST_CASE("connections that end during maint are not waited for any longer, and nothing is cut") {
  Draining drain(1);
  drain.until(610s);
  CHECK(drain.server() == ServerState::maint);
  drain.world.balancer.servers.at("00000002").scur = 0;
  drain.until(612s);
  CHECK(drain.is_gone());
  CHECK(drain.world.balancer.cuts == 0);
}

TEST_CASE("load that returns during the drain recalls the gear by a fast look instead of starting another") {
  Draining drain(1);
  drain.world.balancer.load = 9;
  drain.world.run(drain.controller, 400ms);
  CHECK(drain.leaving().state == GearState::serving);
  CHECK(drain.server() == ServerState::up);
  CHECK(drain.world.host.begun == 0);
  CHECK(drain.world.store.registry.gears.size() == 2);
  CHECK(drain.world.events.count("recalled while it drained") == 1);
  require_sound(drain.world);
  // A recall is an addition: flap protection starts again.
  drain.world.balancer.load = 0;
  drain.world.run(drain.controller, 117s);
  CHECK(drain.world.in_state(GearState::serving) == 2);
}

TEST_CASE("a recall that cannot be written down is taken back by a later look, and comes when it can be") {
  Draining drain(1);
  drain.world.balancer.load = 9;
  drain.world.store.save_failure = Error{Errc::failed, "no space left on device"};
  drain.world.run(drain.controller, 400ms);
  CHECK(drain.server() == ServerState::up);
  CHECK(drain.leaving().state == GearState::draining);
  bool taken_back = false;
  drain.world.run(drain.controller, 4s, [&] { taken_back = taken_back || drain.server() == ServerState::drain; });
  CHECK(taken_back);
  CHECK(drain.leaving().state == GearState::draining);
  drain.world.store.save_failure.reset();
  drain.world.run(drain.controller, 6s);
  CHECK(drain.leaving().state == GearState::serving);
  CHECK(drain.server() == ServerState::up);
  require_sound(drain.world);
}

TEST_CASE("a gear past the drain is not recalled: another one is started") {
  Draining drain(1);
  drain.until(604s);
  REQUIRE(drain.leaving().state == GearState::removing);
  drain.world.balancer.load = 9;
  drain.world.run(drain.controller, 1s);
  CHECK(drain.leaving().state == GearState::removing);
  CHECK(drain.world.in_state(GearState::serving) == 2);
}

TEST_CASE("a gear that a person named is not recalled, one that the plan chose is") {
  World world;
  world.populate(3);
  for (auto& [id, server] : world.balancer.servers) server.scur = 1;
  app::Controller controller(world.daemon(0), world.ports, world.ids());
  world.run(controller, 3s);
  remove_by_hand(world, {Kind::remove, 1, {"00000001"}});
  const auto chosen = remove_by_hand(world, {Kind::remove, 1, {}});
  REQUIRE(world.in_state(GearState::draining) == 2);
  world.balancer.load = 25;
  world.run(controller, 1s);
  CHECK(world.gear("00000001")->state == GearState::draining);
  CHECK(world.gear(chosen[0])->state == GearState::serving);
  CHECK(world.in_state(GearState::serving) == 3);
  world.balancer.servers.at("00000001").scur = 0;
  world.run(controller, 40s);
  CHECK(world.gear("00000001") == nullptr);  // nor is it kept as a standby
  require_sound(world);
}

TEST_CASE("--now skips to maint, also for a gear that drains already, and still gives connections drain_hard") {
  World world;
  world.populate(3);
  for (auto& [id, server] : world.balancer.servers) server.scur = 1;
  app::Controller controller(world.daemon(0), world.ports, world.ids());
  world.run(controller, 3s);
  remove_by_hand(world, {Kind::remove, 1, {"00000002"}});
  world.run(controller, 1s);
  REQUIRE(world.balancer.servers.at("00000002").state == ServerState::drain);
  CHECK(remove_by_hand(world, {Kind::remove, 1, {"00000002"}, true}) == std::vector<std::string>{"00000002"});
  CHECK(remove_by_hand(world, {Kind::remove, 1, {"00000003"}, true}) == std::vector<std::string>{"00000003"});
  world.run(controller, 1s);
  CHECK(world.balancer.servers.at("00000002").state == ServerState::maint);
  CHECK(world.balancer.servers.at("00000003").state == ServerState::maint);
  CHECK(world.host.containers.size() == 3);
  world.run(controller, 57s);
  CHECK(world.balancer.cuts == 0);
  world.run(controller, 6s);
  CHECK(world.balancer.cuts == 2);
  CHECK(world.store.registry.gears.size() == 1);
  require_sound(world);
}

TEST_CASE("HAProxy restarts during a drain: the gear drains again, and drain_idle counts anew") {
  Draining drain;
  drain.world.balancer.servers.at("00000002").stot = 40;
  drain.until(20s);
  drain.world.balancer.pid = 72;  // the new process has the server from haproxy.cfg: UP, and counts from nothing
  drain.world.balancer.servers.at("00000002") = {0x0a570003, ServerState::up};
  drain.until(24s);
  CHECK(drain.server() == ServerState::drain);
  drain.until(45s);
  CHECK(drain.server() == ServerState::drain);
  drain.until(58s);
  CHECK(drain.is_gone());
  CHECK(drain.world.events.count("HAProxy was reloaded or restarted (pid 71 -> 72)") == 1);
  require_sound(drain.world);
}

TEST_CASE("HAProxy that is away for all of the drain keeps the gear until it is back") {
  Draining drain(1);
  drain.world.balancer.down = Error{Errc::unavailable, "no socket"};
  drain.until(20min);
  CHECK(drain.leaving().state == GearState::draining);
  CHECK(drain.world.host.containers.size() == 2);
  drain.world.balancer.down.reset();
  drain.world.run(drain.controller, 6s);
  CHECK(drain.server() == ServerState::maint);
  CHECK(drain.world.balancer.cuts == 0);  // its connections have drain_hard from now
}

TEST_CASE("a container that dies while its gear drains is cleaned up and not recalled") {
  Draining drain(1);
  drain.world.host.kill("00000002");
  drain.world.balancer.servers.at("00000002").scur = 0;
  drain.world.balancer.load = 9;
  drain.world.run(drain.controller, 1s);
  CHECK(drain.is_gone());
  CHECK(drain.world.in_state(GearState::serving) == 2);
  require_sound(drain.world);
}

TEST_CASE("the victim is the serving gear with the fewest sessions, then the quietest, then the newest, pinned ones never") {
  World world;
  world.populate(4);
  app::Controller controller(world.daemon(0), world.ports, world.ids());
  auto& servers = world.balancer.servers;
  servers.at("00000001").scur = 0;  // but pinned
  world.store.registry.gears[0].pinned = true;
  servers.at("00000002").scur = 1;
  servers.at("00000003").scur = 1;
  servers.at("00000004").scur = 2;
  int looks = 0;
  const auto busy = [&] {
    if (++looks % 10 == 0) ++servers.at("00000003").stot;
  };
  world.run(controller, 123s, busy);
  REQUIRE(world.in_state(GearState::draining) == 1);
  CHECK(world.first(GearState::draining) == "00000002");
  // Several may drain at once, one new one by each further decision of three low checks.
  world.run(controller, 6s, busy);
  CHECK(world.in_state(GearState::draining) == 1);
  world.run(controller, 3s, busy);
  CHECK(world.in_state(GearState::draining) == 2);
  CHECK(world.gear("00000003")->state == GearState::draining);
}

TEST_CASE("a controller that starts during a drain carries it on, from its own first look") {
  Draining drain;
  drain.until(20s);
  app::Controller next(drain.world.daemon(0), drain.world.ports, drain.world.ids());
  drain.world.run(next, 28s);
  CHECK(drain.server() == ServerState::drain);  // it cannot know what came before it looked
  drain.world.run(next, 6s);
  CHECK(drain.is_gone());
  require_sound(drain.world);
}

TEST_CASE("a clock that stands still between two ticks ends nothing and adds nothing twice") {
  Draining drain;
  for (int i = 0; i < 50; ++i) {
    drain.world.check(drain.controller);
    drain.controller.sample();
  }
  CHECK(drain.server() == ServerState::drain);
  drain.world.balancer.load = 9;
  for (int i = 0; i < 50; ++i) {
    if (drain.controller.sample()) drain.world.tick(drain.controller, app::Look::fast);
  }
  CHECK(drain.world.store.registry.gears.size() == 2);
}

TEST_CASE("a boot whose deadline passed while the process was suspended, but that succeeded, is served") {
  World world;
  world.populate(1);
  world.balancer.load = 9;
  app::Controller controller(world.daemon(0), world.ports, world.ids());
  world.check(controller);
  REQUIRE(world.in_state(GearState::starting) == 1);
  world.clock.advance(1h);
  world.tick(controller, app::Look::fast);
  CHECK(world.in_state(GearState::serving) == 2);
  CHECK(world.events.count("exit 1") == 0);
  require_sound(world);
}

TEST_CASE("an hour without a tick removes no gear that serves and cuts no session") {
  World world;
  world.populate(3);
  for (auto& [id, server] : world.balancer.servers) server.scur = 6;
  world.balancer.load = 18;
  app::Controller controller(world.daemon(1), world.ports, world.ids());
  world.run(controller, 9s);
  world.clock.advance(1h);
  const auto report = world.check(controller);
  CHECK(report.decision->action == core::Action::hold);
  world.run(controller, 6s);
  CHECK(world.in_state(GearState::serving) == 3);
  CHECK(world.in_state(GearState::standby) == 1);
  CHECK(world.balancer.cuts == 0);
  require_sound(world);
}

TEST_CASE("an hour without a tick in the middle of a drain leaves its connections drain_hard all the same") {
  Draining drain(1);
  drain.world.clock.advance(1h);
  drain.world.check(drain.controller);
  CHECK(drain.server() == ServerState::maint);
  CHECK(drain.world.balancer.cuts == 0);
  drain.world.run(drain.controller, 58s);
  CHECK(drain.world.balancer.cuts == 0);
  drain.world.run(drain.controller, 5s);
  CHECK(drain.is_gone());
}
