// SPDX-License-Identifier: Apache-2.0
// A farm whose gears are all DOWN, in the simulated world: one fresh gear is tried beside them, and nothing is destroyed before it serves.
#include "gearscale/app/controller.hpp"
#include "support/world.hpp"

using namespace gearscale;
using namespace gearscale::test;
using namespace std::chrono_literals;
using core::GearState;
using core::ServerState;

namespace {

struct AllDown : World {
  explicit AllDown(int gears) {
    populate(gears);
    for (const auto& gear : store.registry.gears) old.push_back(gear.id);
    limits = {gears, gears};
  }
  void hang() {
    for (const auto& id : old) balancer.servers[id].state = ServerState::down;
  }
  int old_ones() const {
    return static_cast<int>(std::count_if(old.begin(), old.end(), [&](const std::string& id) { return gear(id) != nullptr; }));
  }
  int counted() const { return in_state(GearState::serving) + in_state(GearState::starting); }
  std::vector<std::string> old;
};

}  // namespace

TEST_CASE("when all gears stay DOWN a fresh one is started beside scale_max, and when it serves the others are replaced one by one") {
  AllDown world(3);
  app::Controller controller(world.daemon(0), world.ports, world.ids());
  world.run(controller, 3s);
  world.hang();
  world.balancer.load = 50;  // they wait in the queue: no reason for more than one
  world.run(controller, 29s);
  CHECK(world.host.begun == 0);
  CHECK(world.events.count("All gears are DOWN in HAProxy") == 1);
  int most = 0;
  int most_given_up = 0;
  world.run(controller, 30s, [&] {
    most = std::max(most, world.counted());
    most_given_up = std::max(most_given_up, world.in_state(GearState::failed));
  });
  CHECK(most == 4);
  CHECK(most_given_up == 1);
  CHECK(world.old_ones() == 0);
  CHECK(world.host.begun == 3);
  CHECK(world.servers_up() == 3);
  CHECK(world.events.count("one fresh gear is started beside them") == 1);
  CHECK(world.events.count("All gears are DOWN in HAProxy") == 1);
  require_sound(world);
}

TEST_CASE("fresh gears that do not answer either come at growing intervals, and nothing that is there is destroyed") {
  AllDown world(3);
  world.host.boot_failure = Error{Errc::failed, "the probe got no answer"};
  app::Controller controller(world.daemon(0), world.ports, world.ids());
  world.run(controller, 3s);
  world.hang();
  world.run(controller, 20min);
  CHECK(world.host.begun >= 5);
  CHECK(world.host.begun <= 8);  // after 30 s, then 60, 120, 240, 300, 300 s
  CHECK(world.old_ones() == 3);
  CHECK(world.counted() == 3);
  for (const auto& id : world.old) world.balancer.servers[id].state = ServerState::up;  // what they all need is back
  const int begun = world.host.begun;
  world.run(controller, 20min);
  CHECK(world.host.begun == begun);
  CHECK(world.old_ones() == 3);
  require_sound(world);
}

TEST_CASE("old gears that come back while the fresh one starts stay, and what is too many then leaves") {
  AllDown world(2);
  world.host.boot = 10s;
  app::Controller controller(world.daemon(0), world.ports, world.ids());
  world.run(controller, 3s);
  world.hang();
  world.run(controller, 35s);
  REQUIRE(world.in_state(GearState::starting) == 1);
  for (const auto& id : world.old) world.balancer.servers[id].state = ServerState::up;
  world.run(controller, 2min);
  CHECK(world.in_state(GearState::serving) == 2);
  CHECK(world.servers_up() == 2);
  require_sound(world);
}

TEST_CASE("a standby is tried as the fresh gear, and proves itself before it serves") {
  AllDown world(2);
  world.limits.max = 3;
  app::Controller controller(world.daemon(1), world.ports, world.ids());
  world.run(controller, 3s);
  const auto standby = world.first(GearState::standby);
  REQUIRE_FALSE(standby.empty());
  world.hang();
  bool probed = false;
  world.run(controller, 33s, [&] { probed = probed || world.gear(standby)->state == GearState::starting; });
  CHECK(probed);
  CHECK(world.gear(standby)->state == GearState::serving);
  world.run(controller, 1min);
  CHECK(world.old_ones() == 0);
  CHECK(world.in_state(GearState::serving) >= 2);
  require_sound(world);
}

TEST_CASE("with no room for a fresh gear one of those that are DOWN gives way, never a pinned one") {
  for (const bool pinned : {false, true}) {
    CAPTURE(pinned);
    AllDown world(2);
    auto settings = world.daemon(0);
    settings.pool = core::AddressPool{0x0a570002, 0x0a570003, 24};  // two addresses
    app::Controller controller(settings, world.ports, world.ids());
    world.run(controller, 3s);
    for (auto& gear : world.store.registry.gears) gear.pinned = pinned;
    world.hang();
    world.run(controller, 2min);
    CHECK(world.old_ones() == (pinned ? 2 : 0));
    CHECK(world.servers_up() == (pinned ? 0 : 2));
    require_sound(world);
  }
}

TEST_CASE("the only gear that hangs is replaced, too") {
  AllDown world(1);
  app::Controller controller(world.daemon(0), world.ports, world.ids());
  world.run(controller, 3s);
  world.hang();
  world.run(controller, 40s);
  CHECK(world.old_ones() == 0);
  CHECK(world.servers_up() == 1);
  CHECK(world.in_state(GearState::serving) == 1);
  require_sound(world);
}

TEST_CASE("a farm that hangs again and again is tried again and again, and never grows") {
  AllDown world(2);
  app::Controller controller(world.daemon(0), world.ports, world.ids());
  world.run(controller, 3s);
  int most = 0;
  world.run(controller, 30min, [&] {
    most = std::max(most, world.counted());
    for (auto& [id, server] : world.balancer.servers) {
      const auto* gear = world.gear(id);
      if (gear != nullptr && gear->state == GearState::serving && world.clock.now() - gear->since > 1s) server.state = ServerState::down;
    }
  });
  CHECK(most == 3);
  CHECK(world.host.begun >= 6);
  CHECK(world.host.begun <= 40);
}

TEST_CASE("gears that are DOWN for a moment after a restart of HAProxy are no reason for a fresh one") {
  AllDown world(2);
  app::Controller controller(world.daemon(0), world.ports, world.ids());
  world.run(controller, 3s);
  for (int i = 0; i < 10; ++i) {
    world.hang();
    ++world.balancer.pid;
    world.run(controller, 20s);
    if (i % 2 == 0) continue;  // restarted while they were DOWN: from then on
    for (const auto& id : world.old) world.balancer.servers[id].state = ServerState::up;
    world.run(controller, 10s);
  }
  CHECK(world.host.begun == 0);
  CHECK(world.old_ones() == 2);
}

TEST_CASE("gears that died are replaced although those that are left are DOWN") {
  AllDown world(3);
  app::Controller controller(world.daemon(0), world.ports, world.ids());
  world.run(controller, 3s);
  world.balancer.servers[world.old[0]].state = ServerState::down;
  world.host.kill(world.old[1]);
  world.host.kill(world.old[2]);
  world.run(controller, 2s);
  CHECK(world.servers_up() == 2);
  CHECK(world.gear(world.old[0]) != nullptr);
  require_sound(world);
}
