// SPDX-License-Identifier: Apache-2.0
// The pool of standbys in the simulated world: filled off the hot path, woken at once, and nothing lost by a crash between two steps.
#include "gearscale/app/controller.hpp"
#include "gearscale/app/manual.hpp"
#include "support/catch.hpp"
#include "support/world.hpp"
#include "unit/app/spies.hpp"

using namespace gearscale;
using namespace std::chrono_literals;
using app::Look;
using core::GearState;
using core::ServerState;
using test::require_sound;
using test::Spied;
using test::stand_by;
using test::World;
using Journal = test::Journal;
using Kind = app::ManualRequest::Kind;

TEST_CASE("the pool is filled after the start: booted, frozen, in neither HAProxy nor haproxy.cfg, and no addition") {
  World world;
  world.populate(1);
  app::Controller controller(world.daemon(2), world.ports, world.ids());
  stand_by(world, controller, 2);
  CHECK(world.host.containers.at(world.first(GearState::standby)).state == core::ContainerState::frozen);
  CHECK(world.balancer.servers.size() == 1);
  CHECK(world.store.registry.last_addition == core::Time{});
  CHECK_FALSE(controller.next_look());
  const auto report = world.check(controller);
  CHECK(report.decision->numbers.serving == 1);
  CHECK(report.decision->numbers.standby == 2);
}

TEST_CASE("a standby is woken by a fast look: thawed, HAProxy, then the registry, then the file") {
  World world;
  world.populate(1);
  Spied spied(world);
  app::Controller controller(world.daemon(), spied.ports, world.ids());
  stand_by(world, controller, 1);
  const auto standby = world.first(GearState::standby);
  world.balancer.load = 9;
  world.clock.advance(100ms);
  CHECK_FALSE(controller.sample());  // one stray sample
  world.clock.advance(100ms);
  CHECK_FALSE(controller.sample());  // both high, but not yet the mean of 300 ms
  world.clock.advance(100ms);
  spied.journal.clear();
  REQUIRE(controller.sample());
  const auto report = world.tick(controller, Look::fast);
  REQUIRE(report.decision);
  CHECK(report.decision->reason == core::Reason::capacity_reached);
  CHECK(report.acted_on == std::vector<std::string>{standby});
  REQUIRE(spied.journal.size() >= 6);
  const Journal way{"sessions", "observe", "thaw", "add", "save", "file"};
  CHECK(Journal(spied.journal.begin(), spied.journal.begin() + 6) == way);
  CHECK(world.gear(standby)->state == GearState::serving);
  CHECK(world.store.registry.last_addition == world.clock.now());
  CHECK(world.host.begun == 1);  // the probe that confirms it
  world.run(controller, 3s);
  CHECK(world.in_state(GearState::serving) == 2);
  CHECK(world.in_state(GearState::standby) == 1);  // refilled
  require_sound(world);
}

TEST_CASE("what wakes several gears writes the registry and the file once") {
  World world;
  world.populate(1);
  Spied spied(world);
  app::Controller controller(world.daemon(3), spied.ports, world.ids());
  stand_by(world, controller, 3);
  world.balancer.load = 30;  // four gears
  world.clock.advance(3s);
  spied.journal.clear();
  const auto report = world.check(controller);
  CHECK(report.acted_on.size() == 3);
  const Journal begin{"observe", "thaw", "add", "thaw", "add", "thaw", "add", "save", "file"};
  REQUIRE(spied.journal.size() >= begin.size());
  CHECK(Journal(spied.journal.begin(), spied.journal.begin() + static_cast<std::ptrdiff_t>(begin.size())) == begin);
  CHECK(world.servers_up() == 4);
}

TEST_CASE("with no standby left gears are cloned in parallel, at most parallel_starts at a time") {
  World world;
  world.populate(8);
  auto settings = world.daemon(0);
  settings.parallel_starts = 3;
  app::Controller controller(settings, world.ports, world.ids());
  world.run(controller, 3s);
  world.host.boot = 250ms;
  world.balancer.load = 140;  // 16 gears
  world.clock.advance(3s);
  const auto report = world.check(controller);
  CHECK(report.acted_on.size() == 8);
  CHECK(world.host.most_at_once == 3);
  world.run(controller, 1'500ms);
  CHECK(world.host.most_at_once == 3);
  CHECK(world.in_state(GearState::serving) == 16);
  require_sound(world);
}

TEST_CASE("more is needed than stands by: those that do are woken at once, the rest is cloned") {
  World world;
  world.populate(1);
  app::Controller controller(world.daemon(2), world.ports, world.ids());
  stand_by(world, controller, 2);
  world.balancer.load = 35;  // four gears
  world.clock.advance(3s);
  const auto report = world.check(controller);
  CHECK(report.acted_on.size() == 3);
  CHECK(world.servers_up() == 3);
  CHECK(world.in_state(GearState::starting) == 1);
  world.run(controller, 3s);
  CHECK(world.in_state(GearState::serving) == 4);
  CHECK(world.in_state(GearState::standby) == 2);
}

TEST_CASE("a refill never delays a gear that is needed") {
  World world;
  world.populate(1);
  world.host.boot = 2s;
  auto settings = world.daemon(4);
  settings.parallel_starts = 1;
  app::Controller controller(settings, world.ports, world.ids());
  world.run(controller, 500ms);
  REQUIRE(world.in_state(GearState::preparing) == 1);
  world.balancer.load = 9;
  world.run(controller, 400ms);
  REQUIRE(world.in_state(GearState::starting) == 1);
  CHECK(world.host.begun == 1);  // beside the standby that is prepared
  while (world.in_state(GearState::starting) == 1) {
    CHECK(world.in_state(GearState::preparing) + world.in_state(GearState::standby) == 1);  // none was begun meanwhile
    world.run(controller, 100ms);
  }
  CHECK(world.in_state(GearState::serving) == 2);
  world.run(controller, 20s);
  CHECK(world.in_state(GearState::standby) == 4);
}

TEST_CASE("a removed gear goes back to the pool where there is room, and is frozen again") {
  World world;
  world.populate(2);
  auto settings = world.daemon(1);
  settings.timeouts.drain_idle = 1s;
  app::Controller controller(settings, world.ports, world.ids());
  world.host.no_room = Error{Errc::limit, "not enough memory"};  // so that the pool is empty
  world.run(controller, 130s);
  world.run(controller, 5s);
  REQUIRE(world.in_state(GearState::serving) == 1);
  REQUIRE(world.in_state(GearState::standby) == 1);
  const auto parked = world.first(GearState::standby);
  CHECK(parked == "00000002");
  CHECK(world.host.containers.at(parked).state == core::ContainerState::frozen);
  CHECK(world.events.count("kept as a standby") == 1);
  require_sound(world);
  world.balancer.load = 9;
  world.run(controller, 1s);
  CHECK(world.gear(parked)->state == GearState::serving);
}

TEST_CASE("a removed gear is destroyed when the pool is full") {
  World world;
  world.populate(2);
  auto settings = world.daemon(1);
  settings.timeouts.drain_idle = 1s;
  app::Controller controller(settings, world.ports, world.ids());
  world.run(controller, 140s);
  CHECK(world.in_state(GearState::serving) == 1);
  CHECK(world.in_state(GearState::standby) == 1);
  CHECK(world.host.containers.size() == 2);
  require_sound(world);
}

TEST_CASE("the pool is trimmed when standby_count shrinks, and emptied at 0") {
  World world;
  world.populate(1);
  {
    app::Controller controller(world.daemon(3), world.ports, world.ids());
    stand_by(world, controller, 3);
  }
  const auto oldest = world.first(GearState::standby);
  {
    app::Controller controller(world.daemon(1), world.ports, world.ids());
    world.run(controller, 6s);
    CHECK(world.in_state(GearState::standby) == 1);
    CHECK(world.gear(oldest) != nullptr);
    require_sound(world);
  }
  app::Controller controller(world.daemon(0), world.ports, world.ids());
  world.run(controller, 6s);
  CHECK(world.store.registry.gears.size() == 1);
  require_sound(world);
}

TEST_CASE("standbys of another template give way to new ones and are not woken meanwhile") {
  World world;
  world.populate(1);
  {
    app::Controller controller(world.daemon(2), world.ports, world.ids());
    stand_by(world, controller, 2);
  }
  auto settings = world.daemon(2);
  settings.template_name = "app-v2";
  app::Controller controller(settings, world.ports, world.ids());
  world.balancer.load = 9;
  world.check(controller);
  world.run(controller, 10s);
  CHECK(world.in_state(GearState::standby) == 2);
  int of_v1 = 0;
  for (const auto& gear : world.store.registry.gears) of_v1 += gear.template_name == "app-v1" ? 1 : 0;
  CHECK(of_v1 == 1);  // the one that served before
  require_sound(world);
}

TEST_CASE("a tool leaves the pool alone, and rouses a standby instead of waking it") {
  World world;
  world.populate(1);
  {
    app::Controller controller(world.daemon(1), world.ports, world.ids());
    stand_by(world, controller, 1);
  }
  const auto standby = world.first(GearState::standby);
  const auto settings = world.settings();
  app::Controller controller(settings, world.ports, world.ids());
  world.settle(controller, 2s);
  CHECK(world.in_state(GearState::standby) == 1);
  const auto added = app::command(settings, world.ports, world.ids(), {}, {Kind::add, 1, {}});
  REQUIRE(added);
  CHECK(added->ids == std::vector<std::string>{standby});
  CHECK(world.gear(standby)->state == GearState::starting);
  world.settle(controller, 1s);
  CHECK(world.gear(standby)->state == GearState::serving);
  CHECK(world.in_state(GearState::standby) == 0);  // not refilled by a tool
  require_sound(world);
}

TEST_CASE("stopped standbys are only cloned, and started when they are needed") {
  World world;
  world.populate(1);
  world.host.standby_state = core::StandbyPolicy::State::stopped;
  auto settings = world.daemon(1);
  settings.standby.state = core::StandbyPolicy::State::stopped;
  app::Controller controller(settings, world.ports, world.ids());
  stand_by(world, controller, 1);
  const auto standby = world.first(GearState::standby);
  CHECK(world.host.containers.at(standby).state == core::ContainerState::stopped);
  world.balancer.load = 9;
  world.run(controller, 400ms);
  CHECK(world.gear(standby)->state == GearState::serving);
  CHECK(world.events.count("wake failed") == 0);
  world.run(controller, 3s);
  require_sound(world);
}

TEST_CASE("standbys that are stopped on purpose outlive the first look of a tool, and of the next controller") {
  World world;
  world.populate(1);
  world.host.standby_state = core::StandbyPolicy::State::stopped;
  auto settings = world.daemon(2);
  settings.standby.state = core::StandbyPolicy::State::stopped;
  {
    app::Controller controller(settings, world.ports, world.ids());
    stand_by(world, controller, 2);
    world.run(controller, 40s);  // beyond a look at all containers
  }
  CHECK(world.in_state(GearState::standby) == 2);
  const int begun = world.host.begun;
  auto tools = world.settings();
  tools.standby.state = core::StandbyPolicy::State::stopped;
  app::Controller tool(tools, world.ports, world.ids());
  world.settle(tool, 2s);
  CHECK(world.in_state(GearState::standby) == 2);
  app::Controller next(settings, world.ports, world.ids());
  world.run(next, 40s);
  CHECK(world.in_state(GearState::standby) == 2);
  CHECK(world.host.begun == begun);
  require_sound(world);
}

TEST_CASE("standbys that scale_max leaves no use for are not kept") {
  World world;
  world.populate(2);
  world.limits.max = 3;
  app::Controller controller(world.daemon(5), world.ports, world.ids());
  stand_by(world, controller, 1);
  world.balancer.load = 27;
  world.run(controller, 10s);
  CHECK(world.in_state(GearState::serving) == 3);
  CHECK(world.in_state(GearState::standby) == 0);
  world.limits.max = 4;
  world.balancer.load = 20;
  world.run(controller, 3s);
  CHECK(world.in_state(GearState::serving) == 3);
  CHECK(world.in_state(GearState::standby) == 1);
  require_sound(world);
}
