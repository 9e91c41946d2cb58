// SPDX-License-Identifier: Apache-2.0
// The policy response-time from the log to the gears, in virtual time.
#include "gearscale/app/controller.hpp"
#include "support/catch.hpp"
#include "support/world.hpp"

using namespace gearscale;
using namespace std::chrono_literals;
using core::GearState;
using core::Reason;
using test::require_sound;
using test::World;

namespace {

app::ControlSettings by_response_time(const World& world, bool sessions_too = false) {
  auto settings = world.daemon(1);
  settings.policy.use_response = true;
  settings.policy.use_sessions = sessions_too;
  settings.timeouts.drain_idle = 1s;
  return settings;
}

}  // namespace

TEST_CASE("slow pages add a gear, and the same old lines do not add another") {
  World world;
  world.populate(1);
  app::Controller controller(by_response_time(world), world.ports, world.ids());
  world.run(controller, 6s);
  world.response.requests = 10;
  world.response.each_ms = 1'500;
  world.run(controller, 200ms);
  CHECK(world.in_state(GearState::serving) == 2);
  world.response.requests = 0;  // nothing more comes: the slow ones so far are all there is
  CHECK(world.check(controller).decision->numbers.response.count == 0);
  world.run(controller, 20s);
  CHECK(world.in_state(GearState::serving) == 2);
  CHECK(world.events.count("GEAR_UP - capacity") == 1);
  require_sound(world);
}

TEST_CASE("exactly response_up is not slow, and fewer than response_min_requests say nothing") {
  World world;
  world.populate(1);
  app::Controller controller(by_response_time(world), world.ports, world.ids());
  world.run(controller, 3s);
  world.response.each_ms = 992;  // the lower edge of its bucket, as 1000 is none
  world.response.requests = 10;
  world.run(controller, 15s);
  CHECK(world.in_state(GearState::serving) == 1);
  world.response.requests = 0;
  world.run(controller, 12s);
  world.response.each_ms = 60'000;
  world.response.requests = 19;
  world.run(controller, 100ms);
  world.response.requests = 0;
  CHECK(world.check(controller).decision->reason == Reason::at_min);
  world.run(controller, 5s);
  CHECK(world.in_state(GearState::serving) == 1);
}

TEST_CASE("a gear is removed when pages are fast again, after flap protection and three low checks") {
  World world;
  world.populate(1);
  app::Controller controller(by_response_time(world), world.ports, world.ids());
  world.run(controller, 6s);
  world.response.requests = 10;
  world.response.each_ms = 1'500;
  while (world.in_state(GearState::serving) == 1) world.run(controller, 100ms);
  const auto added_at = world.clock.now();
  world.response.each_ms = 20;
  while (world.in_state(GearState::draining) == 0 && world.clock.now() - added_at < 5min) world.run(controller, 100ms);
  const auto took = world.clock.now() - added_at;
  CHECK(took >= 120s);
  CHECK(took <= 124s);
  world.run(controller, 10s);
  CHECK(world.in_state(GearState::serving) == 1);
  require_sound(world);
}

TEST_CASE("pages that are neither slow nor fast neither add nor remove") {
  World world;
  world.populate(2);
  app::Controller controller(by_response_time(world), world.ports, world.ids());
  world.response.requests = 10;
  world.response.each_ms = 500;
  world.run(controller, 200s);
  CHECK(world.in_state(GearState::serving) == 2);
  CHECK(world.check(controller).decision->reason == Reason::response_in_band);
}

TEST_CASE("a lost log forbids removal, is said once, and once again when it is back") {
  World world;
  world.populate(2);
  app::Controller controller(by_response_time(world, true), world.ports, world.ids());
  world.run(controller, 60s);
  world.response.lost = Error{Errc::unavailable, "no ring requests"};
  world.run(controller, 120s);
  CHECK(world.in_state(GearState::serving) == 2);
  CHECK(world.check(controller).decision->reason == Reason::signal_lost);
  CHECK(world.events.count("Response times are not known, so no gear is removed: no ring requests") == 1);
  world.response.lost.reset();
  world.run(controller, 30s);
  CHECK(world.events.count("Response times are known again") == 1);
  CHECK(world.in_state(GearState::serving) == 1);  // without requests it abstains, and the sessions decide
}

TEST_CASE("a lost log does not keep the sessions from adding") {
  World world;
  world.populate(1);
  world.response.lost = Error{Errc::unavailable, "no such file"};
  app::Controller controller(by_response_time(world, true), world.ports, world.ids());
  world.run(controller, 6s);
  world.balancer.load = 9;
  world.run(controller, 1s);
  CHECK(world.in_state(GearState::serving) == 2);
}

TEST_CASE("response time alone holds with too few requests; together with the sessions it abstains") {
  World world;
  world.populate(2);
  app::Controller alone(by_response_time(world), world.ports, world.ids());
  world.run(alone, 150s);
  CHECK(world.in_state(GearState::serving) == 2);
  CHECK(world.check(alone).decision->reason == Reason::too_few_requests);
  app::Controller together(by_response_time(world, true), world.ports, world.ids());
  world.run(together, 150s);
  CHECK(world.in_state(GearState::serving) == 1);
}

TEST_CASE("both signals: slow pages keep the gears that the sessions would let go") {
  World world;
  world.populate(2);
  app::Controller controller(by_response_time(world, true), world.ports, world.ids());
  world.response.requests = 10;
  world.response.each_ms = 300;
  world.run(controller, 150s);
  CHECK(world.in_state(GearState::serving) == 2);
  world.response.each_ms = 100;
  world.run(controller, 30s);
  CHECK(world.in_state(GearState::serving) == 1);
}

TEST_CASE("a reload starts window and flap protection over, and the source moves to the new process") {
  World world;
  world.populate(2);
  app::Controller controller(by_response_time(world), world.ports, world.ids());
  world.response.requests = 10;
  world.response.each_ms = 20;
  world.run(controller, 117s);
  REQUIRE(world.in_state(GearState::serving) == 2);
  world.response.requests = 0;
  world.balancer.pid = 72;
  world.run(controller, 3s);
  CHECK(world.response.attached_to == 72);
  CHECK(world.check(controller).decision->numbers.response.count == 0);
  world.response.requests = 10;
  world.run(controller, 114s);
  CHECK(world.in_state(GearState::serving) == 2);
  world.run(controller, 12s);
  CHECK(world.in_state(GearState::serving) == 1);
}

TEST_CASE("the log is not looked at when the policy does not ask for it") {
  World world;
  world.populate(1);
  world.response.lost = Error{Errc::unavailable, "no such file"};
  app::Controller controller(world.daemon(0), world.ports, world.ids());
  world.run(controller, 6s);
  CHECK(world.events.count("Response times") == 0);
  CHECK(world.response.attached_to == 0);
}
