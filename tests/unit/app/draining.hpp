// SPDX-License-Identifier: Apache-2.0
// What the tests of drains share.
#pragma once

#include "gearscale/app/controller.hpp"
#include "support/catch.hpp"
#include "support/world.hpp"

namespace gearscale::test {

// Two gears that serve, of which the second drains on its own decision since this moment.
struct Draining {
  explicit Draining(int scur = 0) : controller(world.daemon(0), world.ports, world.ids()) {
    world.populate(2);
    world.balancer.servers.at("00000001").scur = 5;
    world.balancer.servers.at("00000002").scur = scur;
    while (world.in_state(core::GearState::draining) == 0) world.run(controller, core::Millis(100));
    REQUIRE(leaving().state == core::GearState::draining);
    begin = world.clock.now();
  }
  core::Gear leaving() const { return *world.gear("00000002"); }
  core::ServerState server() const { return world.balancer.servers.at("00000002").state; }
  bool is_gone() const { return world.gear("00000002") == nullptr; }
  void until(core::Millis after) { world.run(controller, after - (world.clock.now() - begin)); }

  World world;
  app::Controller controller;
  core::Time begin;
};

}  // namespace gearscale::test
