// SPDX-License-Identifier: Apache-2.0
// Hours of noisy load on a farm with standbys, in virtual time: the pool is there when it is needed, and nothing is left behind.
#include <algorithm>

#include "gearscale/sim/workload.hpp"
#include "support/catch.hpp"
#include "support/world.hpp"

using namespace gearscale;
using namespace std::chrono_literals;
using core::GearState;
using test::World;

namespace {

// A load that doubles and falls back every ten minutes, with noise on it.
class Waves {
 public:
  explicit Waves(double mean) : low_({mean, 2'000ms}, 20'261'122), more_({mean, 2'000ms}, 7) {}
  double at(core::Time now) {
    const int base = low_.at(now);
    const int more = more_.at(now);
    return now.time_since_epoch() % std::chrono::minutes(20) < 10min ? base : base + more;
  }

 private:
  sim::PoissonLoad low_;
  sim::PoissonLoad more_;
};

// What the limits count.
int counted(const World& world) { return world.in_state(GearState::serving) + world.in_state(GearState::starting); }

}  // namespace

TEST_CASE("an hour of noisy load with one standby: most additions are woken, the pool is filled again, nothing is left behind") {
  World world;
  world.populate(2);
  world.limits = {1, 8};
  app::Controller controller(world.daemon(1), world.ports, world.ids());
  Waves load(20);
  int most = 0;
  int most_standbys = 0;
  world.run(controller, 60min, [&] {
    world.balancer.load = load.at(world.clock.now());
    most = std::max(most, counted(world));
    most_standbys = std::max(most_standbys, world.in_state(GearState::standby) + world.in_state(GearState::preparing));
  });
  const int served = world.events.count(" serves: ");
  const int woken = world.events.count("woken from standby");
  const int recalled = world.events.count("recalled while it drained");
  CAPTURE(served, woken, recalled);
  CHECK(served >= 6);
  CHECK(2 * (woken + recalled) > served);
  CHECK(most >= 5);
  CHECK(most <= 8);
  CHECK(most_standbys == 1);
  // Quiet at last: what is left is in order.
  world.run(controller, 20min, [&] { world.balancer.load = 2; });
  test::require_sound(world);
  CHECK(world.in_state(GearState::serving) == 1);
  CHECK(world.in_state(GearState::standby) == 1);
  CHECK(world.host.containers.size() == 2);
}

TEST_CASE("steps that need several gears take the whole pool, then start the rest; scale_max is never passed") {
  for (const int standbys : {0, 1, 3}) {
    CAPTURE(standbys);
    World world;
    world.populate(1);
    world.limits = {1, 6};
    world.host.boot = 2s;
    app::Controller controller(world.daemon(standbys), world.ports, world.ids());
    world.run(controller, 1min);
    REQUIRE(world.in_state(GearState::standby) == standbys);
    int most = 0;
    const auto look = [&] { most = std::max(most, counted(world)); };
    world.balancer.load = 32;  // 4 gears: 80%
    world.run(controller, 1s, look);
    CHECK(world.in_state(GearState::serving) == 1 + standbys);  // the others are still being made
    CHECK(world.in_state(GearState::starting) == 3 - standbys);
    CHECK(world.in_state(GearState::preparing) == (standbys == 3 ? 1 : 0));  // a refill waits for what is needed
    world.run(controller, 1min, look);
    CHECK(world.in_state(GearState::serving) == 4);
    CHECK(world.in_state(GearState::standby) == std::min(standbys, 2));  // no more than could serve under scale_max
    world.balancer.load = 1'000;
    world.run(controller, 1min, look);
    CHECK(most == 6);
    CHECK(world.in_state(GearState::serving) == 6);
    CHECK(world.in_state(GearState::standby) == 0);
    test::require_sound(world);
  }
}

TEST_CASE("a step of the load is answered by a standby at the second or third sample, wherever the checks are") {
  for (const auto& [sessions, samples] : {std::pair(20.0, 2), std::pair(16.0, 2), std::pair(11.0, 3), std::pair(10.0, 3)}) {
    for (int phase = 0; phase < 30; ++phase) {
      CAPTURE(sessions, phase);
      World world;
      world.populate(1);
      app::Controller controller(world.daemon(1), world.ports, world.ids());
      const double load = sessions;  // clang 14 captures no structured binding
      const auto step = world.clock.now() + 60s + phase * 100ms;  // seen by the sample of this time at the earliest
      core::Time answered{};
      world.run(controller, 66s, [&] {
        const auto now = world.clock.now();
        if (world.servers_up() > 1 && answered == core::Time{}) answered = now - 100ms;  // by the look before
        world.balancer.load = now >= step ? load : 3;
      });
      CHECK(answered - step == (samples - 1) * 100ms);
      CHECK(world.events.count("woken from standby") >= 1);
    }
  }
}

TEST_CASE("load that returns while a gear drains gets that gear back, not another one") {
  World world;
  world.populate(3);
  app::Controller controller(world.daemon(1), world.ports, world.ids());
  world.balancer.load = 20;
  world.run(controller, 1min);
  world.balancer.load = 8;
  int waited = 0;
  while (world.in_state(GearState::draining) == 0 && ++waited < 1'000) world.run(controller, 1s);
  REQUIRE(world.in_state(GearState::draining) == 1);
  const auto leaving = world.first(GearState::draining);
  world.balancer.load = 21;
  world.run(controller, 1s);
  CHECK(world.gear(leaving)->state == GearState::serving);
  CHECK(world.in_state(GearState::serving) == 3);
  CHECK(world.events.count("woken from standby") == 0);
  test::require_sound(world);
}

TEST_CASE("standbys that die, one after the other, for an hour of load: the farm goes on and the pool comes back") {
  World world;
  world.populate(2);
  world.limits = {1, 8};
  app::Controller controller(world.daemon(2), world.ports, world.ids());
  Waves load(20);
  int tick = 0;
  int killed = 0;
  world.run(controller, 60min, [&] {
    world.balancer.load = load.at(world.clock.now());
    if (++tick % 600 != 0) return;  // each minute
    if (const auto standby = world.first(GearState::standby); !standby.empty()) {
      world.host.kill(standby);
      ++killed;
    }
  });
  CHECK(killed > 20);
  world.run(controller, 20min, [&] { world.balancer.load = 2; });
  test::require_sound(world);
  CHECK(world.in_state(GearState::serving) == 1);
  CHECK(world.in_state(GearState::standby) == 2);
}
