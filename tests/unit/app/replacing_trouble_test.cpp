// SPDX-License-Identifier: Apache-2.0
// New gears that fail, a template that is gone, a configuration that only the tool knows.
#include "replacing.hpp"

using namespace gearscale;
using namespace std::chrono_literals;
using core::GearState;
using test::count_template;
using test::quick;
using test::replace;
using test::run_to_the_end;
using test::state_of;
using test::World;
using State = core::Replacement::State;

TEST_CASE("a new gear that goes DOWN a moment after it answered relieves nobody and stops the replacement") {
  World world;
  world.populate(2);
  app::Controller controller(quick(world, 0), world.ports, world.ids());
  world.run(controller, 3s);
  REQUIRE(replace(world, "app-v2"));
  for (int i = 0; i < 200 && state_of(world) == State::running; ++i) {
    world.run(controller, 100ms);
    for (const auto& gear : world.store.registry.gears) {
      if (gear.template_name == "app-v2" && gear.state == GearState::serving) world.balancer.servers[gear.id].state = core::ServerState::down;
    }
  }
  CHECK(state_of(world) == State::stopped);
  CHECK(world.store.registry.replacement.replaced == 0);
  CHECK(world.store.registry.template_name.empty());
  CHECK(count_template(world, "app-v2") == 1);
  CHECK(world.servers_up() == 2);
}

TEST_CASE("a new gear whose container dies after it relieved another one stops the replacement") {
  World world;
  world.populate(4);
  app::Controller controller(quick(world, 0), world.ports, world.ids());
  world.run(controller, 3s);
  REQUIRE(replace(world, "app-v2"));
  while (world.store.registry.replacement.replaced == 0) world.run(controller, 100ms);
  for (const auto& gear : world.store.registry.gears) {
    if (gear.template_name == "app-v2" && gear.state == GearState::serving) world.host.kill(gear.id);
  }
  world.run(controller, 3s);
  CHECK(state_of(world) == State::stopped);
}

TEST_CASE("a template that is gone stops a replacement instead of letting it wait") {
  World world;
  world.populate(2);
  app::Controller controller(quick(world, 0), world.ports, world.ids());
  world.run(controller, 3s);
  REQUIRE(replace(world, "app-v2"));
  world.host.no_room = Error{Errc::config, "there is no template app-v2"};
  world.run(controller, 3s);
  CHECK(state_of(world) == State::stopped);
  CHECK(world.store.registry.replacement.note == "there is no template app-v2");
}

TEST_CASE("a configuration that was changed but not re-read by the controller does not bring the old template back") {
  World world;
  world.populate(2);
  auto settings = quick(world, 1);
  settings.template_name = "app-v1";
  app::Controller controller(settings, world.ports, world.ids());
  world.run(controller, 3s);
  auto edited = world.settings();
  for (const auto* next : {"app-v2", "app-v3"}) {
    REQUIRE(app::begin_replacement(edited, world.ports, {next, 1}));
    run_to_the_end(world, controller);
    world.run(controller, 10s);
    CHECK(state_of(world) == State::done);
    CHECK(count_template(world, next) == 3);
    edited.template_name = next;  // as the manual says: written down, but the controller was not told
  }
}
