// SPDX-License-Identifier: Apache-2.0
// A controller in the simulated world, for the tests of app and the simulations.
#pragma once

#include <algorithm>
#include <cstdio>
#include <functional>
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
  sim::SimResponseLog response;
  app::Ports ports{balancer, host, store, clock, events, &response};
  core::Limits limits;
  unsigned next_id = 1;

  app::IdSource ids() {
    return [this] {
      char id[16];
      std::snprintf(id, sizeof id, "%08x", next_id++);
      return std::string(id);
    };
  }

  // Of a tool: the pool of standbys is left alone.
  app::ControlSettings settings() const {
    app::ControlSettings settings;
    settings.application = core::Application{"shop", "prod"};
    settings.pool = core::AddressPool{0x0a570002, 0x0a5700fe, 24};
    settings.template_name = "app-v1";
    settings.pid = 4242;
    return settings;
  }

  // Of the daemon, with so many standbys.
  app::ControlSettings daemon(int standbys = 1) const {
    auto of_daemon = settings();
    of_daemon.keeps_pool = true;
    of_daemon.standby.count = standbys;
    return of_daemon;
  }

  // `count` gears that serve already, as after a quiet time.
  void populate(int count) {
    for (int i = 0; i < count; ++i) {
      core::Gear gear;
      gear.id = ids()();
      gear.address = 0x0a570002U + static_cast<unsigned>(store.registry.gears.size());
      gear.state = core::GearState::serving;
      gear.created_ms = 1'000 + i;
      gear.template_name = "app-v1";
      store.registry.generation = 1;
      store.registry.gears.push_back(gear);
      host.containers[gear.id] = {gear.address, core::ContainerState::running, gear.template_name};
      balancer.servers[gear.id] = {gear.address, core::ServerState::up};
      balancer.file.push_back(gear.id);
    }
  }

  app::TickReport tick(app::Controller& controller, app::Look look) { return controller.tick(app::TickInput{look, limits, false}); }
  app::TickReport check(app::Controller& controller) { return tick(controller, app::Look::check); }

  // Ticks each 100 ms without a decision, as the control loop does while gears are in transition.
  void settle(app::Controller& controller, core::Millis time) {
    for (core::Millis passed{0}; passed < time; passed += core::Millis{100}) {
      clock.advance(core::Millis{100});
      tick(controller, app::Look::transitions);
    }
  }

  // What the daemon's loop does by default: a sample each 100 ms, a check each 3 s, gears in transition looked at when they are due.
  // `each` is called before every look.
  void run(app::Controller& controller, core::Millis time, const std::function<void()>& each = {}) {
    auto next_look = clock.now();
    for (core::Millis passed{0}; passed < time; passed += core::Millis{100}) {
      clock.advance(core::Millis{100});
      if (each) each();
      const bool checks = clock.now().time_since_epoch() % core::Millis{3'000} == core::Millis{0};
      if (!checks && clock.now() < next_look && !controller.sample()) continue;
      tick(controller, checks ? app::Look::check : app::Look::fast);
      next_look = clock.now() + controller.next_look().value_or(core::Millis{3'000});
    }
  }

  int in_state(core::GearState state) const { return core::count_state(store.registry, state); }
  const core::Gear* gear(const std::string& id) const { return core::find_gear(store.registry, id); }
  // The first gear in this state.
  std::string first(core::GearState state) const {
    for (const auto& gear : store.registry.gears) {
      if (gear.state == state) return gear.id;
    }
    return {};
  }
  int servers_up() const {
    return static_cast<int>(std::count_if(balancer.servers.begin(), balancer.servers.end(),
                                          [](const auto& entry) { return entry.second.state == core::ServerState::up; }));
  }
};

// So many checks, 3 s apart, with what the control loop does in between.
inline void checks(World& world, app::Controller& controller, int count) {
  for (int i = 0; i < count; ++i) {
    world.check(controller);
    world.settle(controller, core::Millis{3'000});
  }
}

inline void require_sound(World& world) {
  for (const auto& sentence : sim::broken_invariants(world.store, world.host, world.balancer)) FAIL_CHECK(sentence);
}

}  // namespace gearscale::test
