// SPDX-License-Identifier: Apache-2.0
// What the tests of rolling replacement share.
#pragma once

#include <algorithm>
#include <string>

#include "gearscale/app/replacing.hpp"
#include "support/catch.hpp"
#include "support/world.hpp"

namespace gearscale::test {

inline app::ControlSettings quick(const World& world, int standbys) {
  auto settings = world.daemon(standbys);
  settings.timeouts.drain_idle = core::Millis(500);
  return settings;
}

inline Result<core::Registry> replace(World& world, const std::string& template_name, int step = 1, bool dry_run = false) {
  auto settings = world.settings();
  settings.by = "haproxy_ctld --replace";
  settings.dry_run = dry_run;
  return app::begin_replacement(settings, world.ports, {template_name, step});
}

inline core::Replacement::State state_of(const World& world) { return world.store.registry.replacement.state; }

inline int count_template(const World& world, const std::string& name) {
  return static_cast<int>(std::count_if(world.store.registry.gears.begin(), world.store.registry.gears.end(),
                                        [&](const core::Gear& gear) { return gear.template_name == name; }));
}

// Runs until the replacement has ended, and sees at each look that never fewer gears serve than at the beginning, successors apart.
inline void run_to_the_end(World& world, app::Controller& controller) {
  const auto& gears = world.store.registry.gears;
  const auto least = std::count_if(gears.begin(), gears.end(), [](const core::Gear& gear) {
    return gear.state == core::GearState::serving && gear.replaces.empty();
  });
  int fewest = static_cast<int>(least);
  const auto end = world.clock.now() + std::chrono::minutes(10);
  while (state_of(world) == core::Replacement::State::running && world.clock.now() < end) {
    world.run(controller, core::Millis(100));
    fewest = std::min(fewest, world.servers_up());
  }
  CHECK(fewest == least);
}

}  // namespace gearscale::test
