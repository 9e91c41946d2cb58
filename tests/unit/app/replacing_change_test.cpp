// SPDX-License-Identifier: Apache-2.0
// What changes while a replacement runs: the load falls, people remove gears, old ones die. It ends, and what is new stays.
#include <functional>
#include <set>

#include "gearscale/app/manual.hpp"
#include "replacing.hpp"

using namespace gearscale;
using namespace std::chrono_literals;
using core::GearState;
using test::count_template;
using test::quick;
using test::replace;
using test::require_sound;
using test::state_of;
using test::World;
using Kind = app::ManualRequest::Kind;
using State = core::Replacement::State;

namespace {

struct Seen {
  std::set<std::string> created;  // gears of the new template that were to serve
  int new_removed = 0;            // of these, while an old one served
};

// Runs until the replacement has ended, for an hour at most.
Seen watch(World& world, app::Controller& controller, const std::function<void()>& each = {}) {
  Seen seen;
  std::set<std::string> serving;
  const auto end = world.clock.now() + 1h;
  while (state_of(world) == State::running && world.clock.now() < end) {
    if (each) each();
    world.run(controller, 100ms);
    bool old_serves = false;
    for (const auto& gear : world.store.registry.gears)
      old_serves = old_serves || (gear.state == GearState::serving && gear.template_name == "app-v1");
    for (const auto& gear : world.store.registry.gears) {
      if (gear.template_name != "app-v2") continue;
      if (gear.state == GearState::serving || gear.state == GearState::starting) seen.created.insert(gear.id);
      const bool leaves = gear.state == GearState::draining || gear.state == GearState::removing;
      if (leaves && serving.erase(gear.id) == 1 && old_serves) ++seen.new_removed;
      if (gear.state == GearState::serving) serving.insert(gear.id);
    }
  }
  CHECK(state_of(world) == State::done);
  return seen;
}

Result<app::ManualResult> remove_gear(World& world, const std::vector<std::string>& ids) {
  return app::command(world.settings(), world.ports, world.ids(), world.limits, {Kind::remove, 1, ids});
}

app::ControlSettings restless(const World& world, int standbys) {
  auto settings = quick(world, standbys);
  settings.policy.flap_protection = 3s;
  return settings;
}

}  // namespace

TEST_CASE("at a falling load the old gears leave first, and a replacement ends with fewer new ones than there were old") {
  World world;
  world.populate(10);
  world.balancer.load = 80;
  world.host.boot = 10s;
  app::Controller controller(restless(world, 1), world.ports, world.ids());
  world.run(controller, 6s);
  REQUIRE(replace(world, "app-v2"));
  world.run(controller, 2s);
  world.balancer.load = 5;
  const auto seen = watch(world, controller);
  CHECK(seen.new_removed == 0);
  CHECK(seen.created.size() < 10);
  world.run(controller, 3min);
  CHECK(world.in_state(GearState::serving) == 1);
  CHECK(count_template(world, "app-v1") == 0);
  require_sound(world);
}

TEST_CASE("a rising and falling load does not keep a replacement from its end") {
  World world;
  world.populate(10);
  world.host.boot = 1s;
  app::Controller controller(restless(world, 2), world.ports, world.ids());
  world.balancer.load = 80;
  world.run(controller, 6s);
  REQUIRE(replace(world, "app-v2"));
  int look = 0;
  const auto seen = watch(world, controller, [&] { world.balancer.load = ++look / 300 % 2 == 0 ? 80 : 20; });
  CHECK(seen.new_removed == 0);
  CHECK(seen.created.size() <= 30);
  world.run(controller, 3min);
  require_sound(world);
}

TEST_CASE("when an old gear is removed its successor takes the place of another old one; the last one's becomes an ordinary gear") {
  World world;
  world.populate(3);
  world.balancer.load = 8;
  world.host.boot = 2s;
  app::Controller controller(quick(world, 0), world.ports, world.ids());
  world.run(controller, 3s);
  REQUIRE(replace(world, "app-v2"));
  world.run(controller, 500ms);
  const auto successor = world.first(GearState::starting);
  REQUIRE(world.gear(successor)->replaces == "00000001");
  REQUIRE(remove_gear(world, {"00000001"}));
  CHECK(world.gear(successor)->replaces == "00000002");
  REQUIRE(remove_gear(world, {"00000002"}));
  CHECK(world.gear(successor)->replaces == "00000003");
  CHECK_FALSE(remove_gear(world, {"00000003"}));  // the new one does not serve yet
  const auto seen = watch(world, controller);
  CHECK(seen.created.size() == 1);
  CHECK(world.store.registry.replacement.replaced == 1);
  world.run(controller, 10s);
  CHECK(count_template(world, "app-v1") == 0);
  require_sound(world);
}

TEST_CASE("remove-gear without a name takes an old gear while a replacement runs, and never one that takes another one's place") {
  World world;
  world.populate(4);
  world.balancer.load = 30;
  app::Controller controller(quick(world, 0), world.ports, world.ids());
  world.run(controller, 3s);
  REQUIRE(replace(world, "app-v2"));
  while (world.store.registry.replacement.replaced < 2) world.run(controller, 100ms);
  for (auto& [id, server] : world.balancer.servers) server.scur = world.gear(id)->template_name == "app-v1" ? 5 : 0;
  const auto removed = remove_gear(world, {});
  REQUIRE(removed);
  CHECK(world.gear(removed->ids.front())->template_name == "app-v1");
  for (auto& [id, server] : world.balancer.servers) server.scur = 0;
  CHECK(watch(world, controller).new_removed == 0);
}

TEST_CASE("an old gear that dies while its successor starts is succeeded once") {
  World world;
  world.populate(2);
  world.limits.max = 2;
  world.balancer.load = 12;
  world.host.boot = 2s;
  app::Controller controller(quick(world, 0), world.ports, world.ids());
  world.run(controller, 3s);
  REQUIRE(replace(world, "app-v2", 2));
  world.run(controller, 500ms);
  REQUIRE(world.in_state(GearState::starting) == 2);
  world.host.kill("00000002");
  const auto seen = watch(world, controller);
  CHECK(seen.created.size() == 2);
  world.run(controller, 10s);
  CHECK(world.in_state(GearState::serving) == 2);
  CHECK(world.events.count("GEAR_UP - capacity") == 0);
  require_sound(world);
}

TEST_CASE("a gear that is kept as a standby takes nobody's place any more, and a replacement ends with it") {
  World world;
  world.populate(2);
  world.host.boot = 1s;
  world.balancer.load = 12;
  app::Controller controller(quick(world, 2), world.ports, world.ids());
  world.run(controller, 6s);
  REQUIRE(replace(world, "app-v2"));
  world.run(controller, 1'500ms);
  const auto successor = world.store.registry.gears.back().id;
  REQUIRE(world.gear(successor)->replaces == "00000001");
  REQUIRE(remove_gear(world, {successor}));
  CHECK(world.gear(successor)->replaces.empty());
  watch(world, controller);
  world.run(controller, 10s);
  CHECK(count_template(world, "app-v2") == 4);
  require_sound(world);
}

TEST_CASE("a replacement that finds only pinned gears and old standbys makes the standbys anew and ends") {
  World world;
  world.populate(2);
  world.balancer.load = 12;
  for (auto& gear : world.store.registry.gears) gear.pinned = true;
  app::Controller controller(quick(world, 1), world.ports, world.ids());
  world.run(controller, 6s);
  REQUIRE(world.in_state(GearState::standby) == 1);
  REQUIRE(replace(world, "app-v2"));
  CHECK(watch(world, controller).created.empty());
  CHECK(world.store.registry.replacement.note == "2 pinned gear(s) stay");
  world.run(controller, 10s);
  CHECK(world.gear(world.first(GearState::standby))->template_name == "app-v2");
  require_sound(world);
}
