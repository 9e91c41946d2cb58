// SPDX-License-Identifier: Apache-2.0
// Containers of a version whose marks had no uuid. What else a reconciliation does is tested with core and by the stories of the other files.
#include "gearscale/app/check.hpp"
#include "gearscale/app/controller.hpp"
#include "support/catch.hpp"
#include "support/world.hpp"

using namespace gearscale;
using core::GearState;
using test::checks;
using test::require_sound;
using test::World;

namespace {

void make_former(World& world) {
  for (auto& [id, container] : world.host.containers) container.former_mark = true;
}

}  // namespace

TEST_CASE("the registry of an earlier version takes over the containers of its entries, once, and no others") {
  World world;
  world.populate(2);
  make_former(world);
  world.store.registry.former_marks = true;
  world.host.containers["0badcafe"] = {0x0a570099, core::ContainerState::running, "app-v1", true};
  app::Controller controller(world.settings(), world.ports, world.ids());
  checks(world, controller, 2);
  CHECK(world.events.count("The containers of 2 gear(s) carry the application's uuid from now on") == 1);
  CHECK_FALSE(world.store.registry.former_marks);
  CHECK(world.in_state(GearState::serving) == 2);
  CHECK(world.host.begun == 0);
  CHECK(world.host.containers.at("0badcafe").former_mark);
  world.host.containers.erase("0badcafe");
  require_sound(world);
}

TEST_CASE("a registry that has its uuid takes nothing over, and adopts nothing of another application") {
  World world;
  world.populate(1);
  world.host.containers["0badcafe"] = {0x0a570099, core::ContainerState::running, "app-v1", true};
  app::Controller controller(world.settings(), world.ports, world.ids());
  checks(world, controller, 12);
  CHECK(world.host.containers.at("0badcafe").former_mark);
  CHECK(world.store.registry.gears.size() == 1);
}

TEST_CASE("a take-over that fails changes nothing and is tried again") {
  World world;
  world.populate(2);
  make_former(world);
  world.store.registry.former_marks = true;
  world.host.no_take_over = Error{Errc::failed, "no space left on device"};
  app::Controller controller(world.settings(), world.ports, world.ids());
  checks(world, controller, 1);
  CHECK(world.store.registry.former_marks);
  CHECK(world.balancer.servers.size() == 2);
  const auto looked = app::check(world.ports, world.limits, core::Millis{5'000}, {});
  REQUIRE_FALSE(looked);
  CHECK(looked.error().code == Errc::unavailable);
  CHECK(looked.error().message.find("the registry is of a version whose containers had no uuid") == 0);
  world.host.no_take_over.reset();
  checks(world, controller, 1);
  CHECK_FALSE(world.store.registry.former_marks);
  CHECK(world.in_state(GearState::serving) == 2);
  require_sound(world);
}
