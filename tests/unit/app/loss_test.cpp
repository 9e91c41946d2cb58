// SPDX-License-Identifier: Apache-2.0
// Gears that die or hang, and what somebody else did to containers and servers, in the simulated world.
#include "spies.hpp"

using namespace gearscale;
using namespace gearscale::test;
using namespace std::chrono_literals;
using core::GearState;
using core::ServerState;

TEST_CASE("a gear that dies gets no more requests before anything is written down, and is replaced by the standby at once") {
  World world;
  world.populate(3);
  Spied spied(world);
  app::Controller controller(world.daemon(1), spied.ports, world.ids());
  stand_by(world, controller, 1);
  const auto standby = world.first(GearState::standby);
  const auto dead = world.first(GearState::serving);
  world.host.kill(dead);
  spied.journal.clear();
  world.clock.advance(1ms);
  world.tick(controller, app::Look::fast);
  const auto first = std::find_if(spied.journal.begin(), spied.journal.end(), [](const auto& call) { return call == "maint" || call == "save"; });
  REQUIRE(first != spied.journal.end());
  CHECK(*first == "maint");
  world.run(controller, 200ms);
  CHECK(world.gear(standby)->state == GearState::serving);
  world.run(controller, 10s);
  CHECK(world.gear(dead) == nullptr);
  CHECK(world.in_state(GearState::serving) == 3);
  CHECK(world.in_state(GearState::standby) == 1);
  CHECK(world.events.count("its container ended") == 1);
  require_sound(world);
}

TEST_CASE("a lost gear is not replaced beyond scale_max") {
  World world;
  world.populate(3);
  app::Controller controller(world.settings(), world.ports, world.ids());
  world.run(controller, 3s);
  world.limits.max = 2;
  world.host.kill(world.first(GearState::serving));
  world.run(controller, 10s);
  CHECK(world.in_state(GearState::serving) == 2);
  require_sound(world);
}

TEST_CASE("a gear that is DOWN for 30 s while another one is UP is replaced, one at a time") {
  World world;
  world.populate(4);
  app::Controller controller(world.settings(), world.ports, world.ids());
  world.run(controller, 3s);
  std::vector<std::string> hung{world.store.registry.gears[0].id, world.store.registry.gears[1].id};
  for (const auto& id : hung) world.balancer.servers[id].state = ServerState::down;
  std::size_t most_given_up = 0;
  world.run(controller, 29s);
  CHECK(world.in_state(GearState::serving) == 4);
  world.run(controller, 20s, [&] {
    most_given_up = std::max<std::size_t>(most_given_up, static_cast<std::size_t>(world.in_state(GearState::failed)));
  });
  CHECK(most_given_up == 1);
  for (const auto& id : hung) CHECK(world.gear(id) == nullptr);
  CHECK(world.in_state(GearState::serving) == 4);
  CHECK(world.events.count("for too long: no answer") == 2);
  require_sound(world);
}

TEST_CASE("a hung gear is replaced also while another one cannot be destroyed") {
  World world;
  world.populate(3);
  app::Controller controller(world.settings(), world.ports, world.ids());
  world.run(controller, 3s);
  const auto stuck = world.store.registry.gears[0].id;
  const auto hung = world.store.registry.gears[1].id;
  world.host.indestructible = stuck;
  world.host.kill(stuck);
  world.balancer.servers[hung].state = ServerState::down;
  world.run(controller, 40s);
  CHECK(world.gear(stuck)->state == GearState::failed);
  CHECK(world.gear(hung) == nullptr);
  CHECK(world.servers_up() == 3);
}

TEST_CASE(
    "a gear that cannot be destroyed is tried again after 1, 2, 4 s and so on up to 30 s, is said at each doubling, and keeps nothing "
    "awake") {
  World world;
  world.populate(2);
  world.balancer.load = 12;
  Spied spied(world);
  app::Controller controller(world.settings(), spied.ports, world.ids());
  world.run(controller, 3s);
  const auto stuck = world.first(GearState::serving);
  world.host.indestructible = stuck;
  world.host.kill(stuck);
  world.run(controller, 1s);
  const auto tries = [&](core::Millis time) {
    spied.journal.clear();
    world.run(controller, time);
    return std::count(spied.journal.begin(), spied.journal.end(), "job");
  };
  CHECK(tries(59s) == 5);  // after 1, 2, 4, 8, 16 s; the first one was before
  CHECK(tries(5min) == 10);
  CHECK(controller.next_look() >= 1s);
  CHECK(world.events.count("tear_down failed") == 5);  // of 16 tries: the 1st, 2nd, 4th, 8th and 16th
  CHECK(world.events.count("tried 16 times") == 1);
  CHECK(std::count_if(world.events.objects.begin(), world.events.objects.end(), [&](const auto& object) {
          return object.find("tear_down") != std::string::npos;
        }) == 6);  // and that the first one was begun
  world.host.indestructible.clear();
  world.run(controller, 31s);
  CHECK(world.gear(stuck) == nullptr);
  require_sound(world);
}

TEST_CASE("a gear that is DOWN stays when it is pinned, and all stay when all are DOWN") {
  World world;
  world.populate(2);
  app::Controller controller(world.settings(), world.ports, world.ids());
  world.run(controller, 3s);
  world.store.registry.gears[0].pinned = true;
  world.balancer.servers[world.store.registry.gears[0].id].state = ServerState::down;
  world.run(controller, 2min);
  CHECK(world.in_state(GearState::serving) == 2);
  world.store.registry.gears[0].pinned = false;
  world.balancer.servers[world.store.registry.gears[1].id].state = ServerState::down;
  world.run(controller, 2min);
  CHECK(world.in_state(GearState::serving) == 2);
  CHECK(world.events.count("All gears are DOWN") == 1);
}

TEST_CASE("a gear that somebody froze is thawed and serves again") {
  World world;
  world.populate(2);
  app::Controller controller(world.settings(), world.ports, world.ids());
  world.run(controller, 3s);
  const auto frozen = world.first(GearState::serving);
  world.host.containers[frozen].state = core::ContainerState::frozen;
  world.balancer.servers[frozen].state = ServerState::down;
  world.run(controller, 4s);
  CHECK(world.host.containers[frozen].state == core::ContainerState::running);
  CHECK(world.gear(frozen)->state == GearState::serving);
}

TEST_CASE("a server of ours that nobody knows leaves HAProxy at the next check") {
  World world;
  world.populate(1);
  app::Controller controller(world.settings(), world.ports, world.ids());
  world.run(controller, 3s);
  world.balancer.servers["0badcafe"] = {0x0a5700f0, ServerState::up};
  world.run(controller, 4s);
  CHECK_FALSE(world.balancer.servers.contains("0badcafe"));
  require_sound(world);
}

TEST_CASE("a container of ours without an entry is adopted when it answers, and destroyed when it does not") {
  for (const bool answers : {true, false}) {
    World world;
    world.populate(1);
    app::Controller controller(world.settings(), world.ports, world.ids());
    world.run(controller, 3s);
    world.host.containers["0badcafe"] = {0x0a5700f0, core::ContainerState::running, "app-v1"};
    if (!answers) world.host.boot_failure = Error{Errc::failed, "no answer"};
    world.run(controller, 40s);
    CHECK((world.gear("0badcafe") != nullptr) == answers);
    CHECK(world.host.containers.contains("0badcafe") == answers);
    CHECK(world.balancer.servers.contains("0badcafe") == answers);
    require_sound(world);
  }
}

TEST_CASE("haproxy.cfg that somebody put back is brought up to date again") {
  World world;
  world.populate(2);
  app::Controller controller(world.settings(), world.ports, world.ids());
  world.run(controller, 3s);
  world.balancer.file.clear();
  world.run(controller, 40s);
  CHECK(world.balancer.file.size() == 2);
}

TEST_CASE("a flap budget that is used up is said once and holds removals only") {
  World world;
  world.populate(2);
  auto settings = world.settings();
  settings.policy.flap_budget = 1;
  settings.policy.flap_protection = 3s;
  settings.timeouts.drain_idle = 1s;
  app::Controller controller(settings, world.ports, world.ids());
  world.run(controller, 30s);  // one is removed, which is the budget
  CHECK(world.in_state(GearState::serving) == 1);
  world.balancer.load = 9;
  world.run(controller, 10s);
  CHECK(world.in_state(GearState::serving) == 2);
  world.balancer.load = 0;
  world.run(controller, 5min);
  CHECK(world.in_state(GearState::serving) == 2);
  CHECK(world.events.count("No gear is removed for now") == 1);
  world.run(controller, 1h);
  CHECK(world.in_state(GearState::serving) == 1);
}
