// SPDX-License-Identifier: Apache-2.0
// Rolling replacement in the simulated world, under load, with crashes in the middle.
#include "gearscale/app/replacing.hpp"

#include <algorithm>
#include <set>

#include "gearscale/app/manual.hpp"
#include "gearscale/core/replacement.hpp"
#include "replacing.hpp"

using namespace gearscale;
using namespace std::chrono_literals;
using core::GearState;
using core::ServerState;
using test::count_template;
using test::quick;
using test::replace;
using test::require_sound;
using test::run_to_the_end;
using test::state_of;
using test::World;
using State = core::Replacement::State;

TEST_CASE("a replacement brings every gear over, the new one serving before the old one drains") {
  World world;
  world.populate(4);
  world.balancer.load = 30;  // steady: 75%
  app::Controller controller(quick(world, 1), world.ports, world.ids());
  world.run(controller, 6s);
  REQUIRE(replace(world, "app-v2"));
  CHECK(state_of(world) == State::running);
  run_to_the_end(world, controller);
  CHECK(state_of(world) == State::done);
  CHECK(world.store.registry.replacement.replaced == 4);
  world.run(controller, 10s);
  CHECK(world.in_state(GearState::serving) == 4);
  CHECK(world.in_state(GearState::standby) == 1);
  CHECK(count_template(world, "app-v2") == 5);
  CHECK(world.store.registry.gears.size() == 5);
  CHECK(world.events.count("The replacement is done, 4 gear(s) replaced by app-v2") == 1);
  CHECK(world.balancer.cuts == 0);
  CHECK(world.store.registry.last_addition == core::Time{});  // no addition: flap protection does not start again
  require_sound(world);
}

TEST_CASE("one at a time, or as many as --step says, with an address each") {
  for (const int step : {1, 3}) {
    World world;
    world.populate(6);
    world.balancer.load = 40;
    world.host.boot = 1s;
    app::Controller controller(quick(world, 0), world.ports, world.ids());
    world.run(controller, 3s);
    REQUIRE(replace(world, "app-v2", step));
    int most = 0;
    std::size_t addresses_short_of = 0;
    for (int i = 0; i < 600 && state_of(world) == State::running; ++i) {
      world.run(controller, 100ms);
      most = std::max(most, world.in_state(GearState::starting));
      std::set<std::uint32_t> addresses;
      for (const auto& gear : world.store.registry.gears) addresses.insert(gear.address);
      addresses_short_of += world.store.registry.gears.size() - addresses.size();
    }
    CHECK(most == step);
    CHECK(addresses_short_of == 0);
    CHECK(state_of(world) == State::done);
    world.run(controller, 5s);
    CHECK(count_template(world, "app-v2") == 6);
    require_sound(world);
  }
}

TEST_CASE("clients that stay hold no more than four old gears at a time, and lose none") {
  World world;
  world.populate(8);
  world.balancer.load = 60;
  for (auto& [id, server] : world.balancer.servers) server.scur = 1;
  app::Controller controller(quick(world, 0), world.ports, world.ids());
  world.run(controller, 3s);
  REQUIRE(replace(world, "app-v2"));
  world.run(controller, 60s);
  CHECK(state_of(world) == State::running);
  CHECK(world.in_state(GearState::draining) == 4);
  CHECK(world.in_state(GearState::serving) == 8);
  for (auto& [id, server] : world.balancer.servers) server.scur = 0;
  run_to_the_end(world, controller);
  CHECK(state_of(world) == State::done);
  CHECK(world.balancer.cuts == 0);
}

TEST_CASE("pinned gears stay, and the end says so") {
  World world;
  world.populate(3);
  world.store.registry.gears[1].pinned = true;
  app::Controller controller(quick(world, 0), world.ports, world.ids());
  world.balancer.load = 20;
  world.run(controller, 3s);
  REQUIRE(replace(world, "app-v2"));
  run_to_the_end(world, controller);
  world.run(controller, 5s);
  CHECK(state_of(world) == State::done);
  CHECK(world.gear("00000002")->template_name == "app-v1");
  CHECK(count_template(world, "app-v2") == 2);
  CHECK(world.store.registry.replacement.note == "1 pinned gear(s) stay");
  require_sound(world);
}

TEST_CASE("a gear that is pinned while its successor starts stays") {
  World world;
  world.populate(1);
  world.host.boot = 1s;
  app::Controller controller(quick(world, 0), world.ports, world.ids());
  world.run(controller, 3s);
  REQUIRE(replace(world, "app-v2"));
  world.run(controller, 500ms);
  REQUIRE(world.in_state(GearState::starting) == 1);
  REQUIRE(app::command(world.settings(), world.ports, world.ids(), {}, {app::ManualRequest::Kind::pin, 1, {"00000001"}}));
  world.run(controller, 5s);
  CHECK(world.gear("00000001")->state == GearState::serving);
  CHECK(state_of(world) == State::done);
}

TEST_CASE("a template whose gears do not become ready stops the replacement and leaves the old gears serving") {
  World world;
  world.populate(3);
  world.balancer.load = 20;
  app::Controller controller(quick(world, 1), world.ports, world.ids());
  world.run(controller, 6s);
  world.host.broken_template = "app-bad";
  REQUIRE(replace(world, "app-bad"));
  run_to_the_end(world, controller);
  CHECK(state_of(world) == State::stopped);
  CHECK(world.store.registry.replacement.replaced == 0);
  CHECK(world.store.registry.replacement.note.find("do not answer") != std::string::npos);
  CHECK(world.events.count("The replacement has stopped, 0 gear(s) replaced by app-bad") == 1);
  world.run(controller, 2min);
  CHECK(world.in_state(GearState::serving) == 3);
  CHECK(world.servers_up() == 3);
  for (const auto& gear : world.store.registry.gears) {
    if (gear.state == GearState::serving) CHECK(gear.template_name == "app-v1");
  }
  CHECK(world.events.count("The replacement has stopped") == 1);
  // The way back is another replacement.
  REQUIRE(replace(world, "app-v1"));
  world.run(controller, 6min);
  CHECK(state_of(world) == State::done);
  CHECK(world.in_state(GearState::standby) == 1);
  CHECK(count_template(world, "app-v1") == 4);
  require_sound(world);
}

TEST_CASE("a crash at any moment of a replacement is carried on by the next controller") {
  for (const auto moment : {100ms, 300ms, 500ms, 800ms, 1'300ms, 2'000ms}) {
    World world;
    world.populate(3);
    world.balancer.load = 20;
    world.host.boot = 450ms;
    {
      app::Controller controller(quick(world, 1), world.ports, world.ids());
      world.run(controller, 6s);
      REQUIRE(replace(world, "app-v2"));
      world.run(controller, moment);
    }
    for (const auto& gear : world.store.registry.gears) world.host.cancel(gear.id);  // its children end with it
    app::Controller controller(quick(world, 1), world.ports, world.ids());
    run_to_the_end(world, controller);
    world.run(controller, 10s);
    CHECK(state_of(world) == State::done);
    CHECK(world.store.registry.replacement.replaced == 3);
    CHECK(world.in_state(GearState::serving) == 3);
    CHECK(count_template(world, "app-v2") == 4);
    require_sound(world);
  }
}

TEST_CASE("a registry that cannot be saved for a while only delays a replacement") {
  World world;
  world.populate(3);
  world.balancer.load = 20;
  app::Controller controller(quick(world, 0), world.ports, world.ids());
  world.run(controller, 3s);
  REQUIRE(replace(world, "app-v2"));
  world.run(controller, 200ms);
  world.store.save_failure = Error{Errc::failed, "no space left on device"};
  world.run(controller, 20s);
  CHECK(world.servers_up() >= 3);
  world.store.save_failure.reset();
  run_to_the_end(world, controller);
  world.run(controller, 10s);
  CHECK(state_of(world) == State::done);
  CHECK(count_template(world, "app-v2") == 3);
  require_sound(world);
}

TEST_CASE("a step in load during a replacement adds gears of the new template, and is not held up by it") {
  World world;
  world.populate(2);
  world.balancer.load = 15;
  world.host.boot = 500ms;
  app::Controller controller(quick(world, 0), world.ports, world.ids());
  world.run(controller, 3s);
  REQUIRE(replace(world, "app-v2"));
  world.run(controller, 200ms);
  world.balancer.load = 35;
  world.run(controller, 2s);
  CHECK(world.servers_up() >= 4);
  run_to_the_end(world, controller);
  world.run(controller, 10s);
  CHECK(world.in_state(GearState::serving) == 4);
  CHECK(count_template(world, "app-v2") == 4);
  require_sound(world);
}

TEST_CASE("at scale_max a replacement goes on, and removes nothing beside") {
  World world;
  world.populate(3);
  world.limits.max = 3;
  world.balancer.load = 20;
  app::Controller controller(quick(world, 0), world.ports, world.ids());
  world.run(controller, 3s);
  REQUIRE(replace(world, "app-v2", 2));
  run_to_the_end(world, controller);
  world.run(controller, 10s);
  CHECK(state_of(world) == State::done);
  CHECK(world.in_state(GearState::serving) == 3);
  CHECK(world.events.count("GEAR_DOWN - capacity") == 0);
}

TEST_CASE("what a replacement is asked first: template, another one that runs, a dry run, nothing to do") {
  World world;
  world.populate(2);
  world.host.no_room = Error{Errc::config, "no template app-v9"};
  const auto refused = replace(world, "app-v9");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::config);
  world.host.no_room.reset();
  const auto dry = replace(world, "app-v2", 1, true);
  REQUIRE(dry);
  CHECK(dry->replacement.state == State::running);
  CHECK(world.store.saves == 0);
  CHECK(world.events.lines.empty());
  const auto done = replace(world, "app-v1");
  REQUIRE(done);
  CHECK(done->replacement.state == State::done);
  REQUIRE(replace(world, "app-v2"));
  CHECK(replace(world, "app-v3").error().code == Errc::unavailable);
  CHECK(replace(world, "app-v2", 2)->replacement.step == 2);  // the same one again goes on with another step
}

TEST_CASE("gears that are added after a replacement come from its template, until the configuration names another") {
  World world;
  world.populate(1);
  app::Controller controller(quick(world, 0), world.ports, world.ids());
  REQUIRE(replace(world, "app-v2"));
  run_to_the_end(world, controller);
  world.balancer.load = 9;
  world.run(controller, 6s);
  CHECK(count_template(world, "app-v2") == 2);
  auto settings = quick(world, 0);
  settings.template_name = "app-v3";
  app::Controller next(settings, world.ports, world.ids());
  world.balancer.load = 18;
  world.run(next, 6s);
  CHECK(count_template(world, "app-v3") == 1);
}

TEST_CASE("a replacement over a registry that was lost rebuilds it first") {
  World world;
  world.populate(3);
  world.balancer.load = 20;
  world.store.registry = {};
  world.store.corrupt = true;
  REQUIRE(replace(world, "app-v2"));
  CHECK(world.in_state(GearState::serving) == 3);
  app::Controller controller(quick(world, 0), world.ports, world.ids());
  run_to_the_end(world, controller);
  world.run(controller, 5s);
  CHECK(world.in_state(GearState::serving) == 3);
  CHECK(count_template(world, "app-v2") == 3);
  require_sound(world);
}
