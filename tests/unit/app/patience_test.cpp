// SPDX-License-Identifier: Apache-2.0
// What takes longer than usual: gears that wait for their turn, a suspended process, a full disk, requests under way. None is a failure.
#include "gearscale/app/replacing.hpp"

#include <algorithm>

#include "support/catch.hpp"
#include "support/world.hpp"

using namespace gearscale;
using namespace std::chrono_literals;
using core::GearState;
using core::ServerState;
using test::require_sound;
using test::World;

TEST_CASE("gears that have not had their turn after a whole boot time are still started") {
  World world;
  world.limits.min = 5;
  world.host.boot = 25s;
  auto settings = world.settings();
  settings.parallel_starts = 1;
  app::Controller controller(settings, world.ports, world.ids());
  world.check(controller);
  world.settle(controller, 130s);
  CHECK(world.in_state(GearState::serving) == 5);
  CHECK(world.host.begun == 5);
  CHECK(world.events.count("exit 1") == 0);
  require_sound(world);
}

TEST_CASE("a standby that waits for gears that are needed is not given up for it") {
  World world;
  world.populate(2);
  world.limits.min = 2;
  app::Controller controller(world.daemon(2), world.ports, world.ids());
  world.run(controller, 6s);
  world.host.boot = 50s;
  world.balancer.load = 90;  // ten gears: more than is there, for minutes
  world.run(controller, 5min);
  CHECK(world.events.count("exit 1") == 0);
  CHECK(world.in_state(GearState::serving) >= 10);
}

TEST_CASE("a standby that was ready while the process was suspended rests") {
  World world;
  world.populate(1);
  app::Controller controller(world.daemon(1), world.ports, world.ids());
  world.check(controller);
  REQUIRE(world.in_state(GearState::preparing) == 1);
  world.clock.advance(1h);
  world.check(controller);
  CHECK(world.in_state(GearState::standby) == 1);
  CHECK(world.events.count("exit 1") == 0);
}

TEST_CASE("a disk that is full for longer than a boot does not cost the gear that could not be written down") {
  World world;
  world.populate(1);
  app::Controller controller(world.daemon(0), world.ports, world.ids());
  world.balancer.load = 9;
  world.check(controller);
  world.store.save_failure = Error{Errc::failed, "no space left on device"};
  world.run(controller, 5min);
  CHECK(world.servers_up() == 2);
  world.store.save_failure.reset();
  int fewest = 2;
  world.run(controller, 60s, [&] { fewest = std::min(fewest, world.servers_up()); });
  CHECK(fewest == 2);
  CHECK(world.in_state(GearState::serving) == 2);
  require_sound(world);
}

TEST_CASE("slow requests that began before an addition do not add again when they are logged after it") {
  World world;
  world.populate(1);
  auto settings = world.daemon(3);
  settings.policy.use_response = true;
  settings.policy.use_sessions = false;
  app::Controller controller(settings, world.ports, world.ids());
  world.run(controller, 6s);
  world.response.requests = 10;
  world.response.each_ms = 5'000;
  world.run(controller, 200ms);
  CHECK(world.in_state(GearState::serving) == 2);
  world.run(controller, 4'500ms);  // all of these began before the new gear was there
  CHECK(world.in_state(GearState::serving) == 2);
  world.run(controller, 2s);  // these did not
  CHECK(world.in_state(GearState::serving) >= 3);
}

TEST_CASE("a standby of unknown origin does not keep a replacement from its end") {
  World world;
  world.populate(2);
  for (auto& gear : world.store.registry.gears) gear.template_name.clear();
  world.store.registry.gears[1].state = GearState::standby;
  world.balancer.servers.erase("00000002");
  world.balancer.file.pop_back();
  world.host.containers["00000002"].state = core::ContainerState::frozen;
  app::Controller controller(world.daemon(1), world.ports, world.ids());
  world.run(controller, 3s);
  REQUIRE(app::begin_replacement(world.settings(), world.ports, {"app-v2", 1}));
  world.run(controller, 2min);
  CHECK(world.store.registry.replacement.state == core::Replacement::State::done);
}
