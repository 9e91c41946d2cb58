// SPDX-License-Identifier: Apache-2.0
#include "gearscale/app/controller.hpp"

#include <cerrno>

#include "support/catch.hpp"
#include "support/world.hpp"
#include "unit/app/spies.hpp"

using namespace gearscale;
using namespace std::chrono_literals;
using core::GearState;
using core::ServerState;
using test::checks;
using test::require_sound;
using test::World;

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

TEST_CASE("that HAProxy's processes cannot be remembered is said once, when it begins and when it ends, and holds up nothing") {
  World world;
  world.populate(1);
  app::Controller controller(world.settings(), world.ports, world.ids());
  world.balancer.remembered = fail(Errc::failed, "cannot write run/haproxy.processes: no space left on device");
  world.balancer.load = 30;
  checks(world, controller, 5);
  CHECK(world.events.count("will not know of sessions on HAProxy processes before the last reload: cannot write run/haproxy.processes") == 1);
  CHECK(world.in_state(GearState::serving) > 1);
  world.balancer.remembered = {};
  checks(world, controller, 5);
  CHECK(world.events.count("The processes of HAProxy are remembered again") == 1);
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

TEST_CASE("haproxy.cfg that cannot be written keeps no gear from serving, is said once, and is tried again at each check") {
  World world;
  world.populate(1);
  app::Controller controller(world.settings(), world.ports, world.ids());
  checks(world, controller, 1);
  world.balancer.load = 9;
  world.balancer.file_failure = Error{Errc::failed, "no space left on device"};
  checks(world, controller, 4);
  CHECK(world.in_state(GearState::serving) == 2);
  CHECK(world.balancer.servers.size() == 2);
  CHECK(world.balancer.file.size() == 1);
  CHECK(controller.file_error() == "no space left on device");
  CHECK(world.events.count("haproxy.cfg could not be brought up to date: no space left on device") == 1);
  world.balancer.file_failure.reset();
  checks(world, controller, 1);
  CHECK(controller.file_error().empty());
  CHECK(world.events.count("haproxy.cfg is up to date again") == 1);
  require_sound(world);
}

TEST_CASE("a gear that is ready waits for HAProxy past its deadline, and serves when it is back") {
  World world;
  world.populate(1);
  app::Controller controller(world.settings(), world.ports, world.ids());
  world.balancer.load = 9;
  world.check(controller);
  world.balancer.down = Error{Errc::unavailable, "no socket"};
  world.settle(controller, 90s);
  CHECK(world.in_state(GearState::starting) == 1);
  world.balancer.down.reset();
  world.settle(controller, 1s);
  CHECK(world.in_state(GearState::serving) == 2);
  CHECK(world.host.begun == 1);
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

TEST_CASE("checks without the lock are said to be skipped once, whoever has it, and so is the end of it") {
  World world;
  world.populate(1);
  test::Spied spied(world);
  app::Controller controller(world.settings(), spied.ports, world.ids());
  checks(world, controller, 1);
  for (const auto* holder : {"pid 71", "pid 72", "pid 73"}) {
    spied.store.refusal = Error{Errc::unavailable, std::string("cannot lock gearscale.lock: held by ") + holder, EAGAIN};
    CHECK(world.check(controller).error.has_value());
  }
  CHECK(world.events.count("Checks are skipped: cannot lock gearscale.lock: held by pid 71") == 1);
  CHECK(world.events.count("hecks are skipped") == 1);
  spied.store.refusal = Error{Errc::failed, "cannot lock gearscale.lock: Input/output error", EIO};  // another trouble
  world.check(controller);
  CHECK(world.events.count("Checks are skipped: cannot lock gearscale.lock: Input/output error") == 1);
  CHECK(world.events.count("Checks are made again") == 0);
  spied.store.refusal.reset();
  checks(world, controller, 3);
  CHECK(world.events.count("Checks are made again") == 1);
  CHECK(world.events.count("hecks are skipped") == 2);
}

TEST_CASE("that registry and LXC cannot be brought together at the start is said once, and so is the end of it") {
  World world;
  world.populate(1);
  world.host.list_hangs = true;
  app::Controller controller(world.settings(), world.ports, world.ids());
  checks(world, controller, 4);
  CHECK(world.events.count("could not be brought together with LXC: ") == 1);
  CHECK(world.events.count("brought together with LXC again") == 0);
  world.host.list_hangs = false;
  checks(world, controller, 3);
  CHECK(world.events.count("brought together with LXC again") == 1);
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

TEST_CASE("a place that is left alone is named once for each reason, and holds nothing else up") {
  World world;
  world.populate(2);
  world.limits.min = 2;
  world.host.left_alone["0000beef"] = "its config is a directory";
  app::Controller controller(world.settings(), world.ports, world.ids());
  checks(world, controller, 30);
  CHECK(world.events.count("the container of gear 0000beef is left alone: its config is a directory") == 1);
  CHECK(world.store.registry.gears.size() == 2);
  world.host.kill(world.store.registry.gears[0].id);
  checks(world, controller, 30);
  CHECK(world.in_state(GearState::serving) == 2);
  CHECK(world.events.count("0000beef") == 1);
  world.host.left_alone["0000beef"] = "its config is a FIFO";
  checks(world, controller, 30);
  CHECK(world.events.count("0000beef is left alone: its config is a FIFO") == 1);
  world.host.left_alone.clear();
  checks(world, controller, 30);
  require_sound(world);
}
