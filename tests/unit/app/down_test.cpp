// SPDX-License-Identifier: Apache-2.0
// A gear that HAProxy has DOWN: what it lacks is said, by the controller and by a check.
#include "gearscale/app/check.hpp"
#include "spies.hpp"

using namespace gearscale;
using namespace gearscale::test;
using namespace std::chrono_literals;
using core::ServerState;

TEST_CASE("what a gear lacks is asked and said once each time that it becomes DOWN") {
  World world;
  world.populate(2);
  app::Controller controller(world.settings(), world.ports, world.ids());
  world.host.lack = "no address: none of its network devices has 10.87.0.2";
  world.run(controller, 10s);
  CHECK(world.host.diagnoses_begun == 0);
  const auto id = world.store.registry.gears[0].id;
  const auto said = id + "-prod is DOWN in HAProxy: " + world.host.lack;
  world.balancer.servers[id].state = ServerState::down;
  world.run(controller, 15s);
  CHECK(world.events.count(said) == 1);
  world.balancer.servers[id].state = ServerState::up;
  world.run(controller, 5s);
  world.balancer.servers[id].state = ServerState::down;
  world.run(controller, 10s);
  CHECK(world.events.count(said) == 2);
  CHECK(world.host.diagnoses_begun == 2);
}

TEST_CASE("the reason of a gear that is given up is what it lacks") {
  World world;
  world.populate(2);
  app::Controller controller(world.settings(), world.ports, world.ids());
  world.host.lack = "no link: its network device is down";
  world.run(controller, 3s);
  world.balancer.servers[world.store.registry.gears[0].id].state = ServerState::down;
  world.run(controller, 40s);
  CHECK(world.events.count("DOWN in HAProxy for too long: no link: its network device is down") == 1);
}

TEST_CASE("nothing is asked about gears that died, that an operator holds, or that HAProxy does not have") {
  World world;
  world.populate(3);
  app::Controller controller(world.settings(), world.ports, world.ids());
  world.run(controller, 3s);
  const auto dead = world.store.registry.gears[0].id;
  world.balancer.servers[dead].state = ServerState::down;
  world.host.kill(dead);
  world.balancer.servers[world.store.registry.gears[1].id].state = ServerState::maint;
  world.balancer.servers.erase(world.store.registry.gears[2].id);
  world.run(controller, 10s);
  CHECK(world.host.diagnoses_begun == 0);
}

TEST_CASE("a check finds a serving gear that is DOWN, and says what it lacks") {
  World world;
  world.populate(2);
  const auto broken = [&] { return app::check(world.ports, world.limits, 0ms, {})->broken; };
  CHECK(broken().empty());
  const auto id = world.store.registry.gears[1].id;
  world.balancer.servers[id].state = ServerState::down;
  world.host.lack = "no port: nothing listens on 10.87.0.3:8080";
  CHECK(broken() == std::vector<std::string>{"gear " + id + " (serving) is DOWN in HAProxy: " + world.host.lack});
  world.balancer.servers[id].state = ServerState::maint;
  CHECK(broken().empty());
}
