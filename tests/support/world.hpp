// SPDX-License-Identifier: Apache-2.0
// A controller in the simulated world, for the tests of app and the simulations.
#pragma once

#include <cstdio>
#include <string>

#include "gearscale/app/controller.hpp"
#include "gearscale/sim/world.hpp"
#include "support/catch.hpp"

namespace gearscale::test {

struct World {
  sim::SimClock clock;
  sim::SimBalancer balancer;
  sim::SimGearHost host{clock};
  sim::SimStore store;
  sim::SimEvents events;
  app::Ports ports{balancer, host, store, clock, events};
  core::Limits limits;
  unsigned next_id = 1;

  app::IdSource ids() {
    return [this] {
      char id[16];
      std::snprintf(id, sizeof id, "%08x", next_id++);
      return std::string(id);
    };
  }

  app::ControlSettings settings() const {
    app::ControlSettings settings;
    settings.application = core::Application{"shop", "prod"};
    settings.pool = core::AddressPool{0x0a570002, 0x0a5700fe, 24};
    settings.pid = 4242;
    return settings;
  }

  // `count` gears that serve already, as after a quiet time.
  void populate(int count) {
    for (int i = 0; i < count; ++i) {
      core::Gear gear;
      gear.id = ids()();
      gear.address = 0x0a570002U + static_cast<unsigned>(i);
      gear.state = core::GearState::serving;
      gear.created_ms = 1'000 + i;
      store.registry.generation = 1;
      store.registry.gears.push_back(gear);
      host.containers[gear.id] = {gear.address, core::ContainerState::running};
      balancer.servers[gear.id] = {gear.address, core::ServerState::up, 0};
      balancer.file.push_back(gear.id);
    }
  }

  app::TickReport check(app::Controller& controller) {
    app::TickInput input;
    input.check = true;
    input.limits = limits;
    return controller.tick(input);
  }

  // Ticks each 100 ms without a check, as the control loop does while gears are in transition.
  void settle(app::Controller& controller, core::Millis time) {
    app::TickInput input;
    input.limits = limits;
    for (core::Millis passed{0}; passed < time; passed += core::Millis{100}) {
      clock.advance(core::Millis{100});
      controller.tick(input);
    }
  }

  int in_state(core::GearState state) const { return core::count_state(store.registry, state); }
};

// So many checks, 3 s apart, with what the control loop does in between.
inline void checks(World& world, app::Controller& controller, int count) {
  for (int i = 0; i < count; ++i) {
    world.check(controller);
    world.settle(controller, core::Millis{3'000});
  }
}

inline void require_sound(const World& world) {
  for (const auto& sentence : sim::broken_invariants(world.store, world.host, world.balancer)) FAIL_CHECK(sentence);
}

}  // namespace gearscale::test
