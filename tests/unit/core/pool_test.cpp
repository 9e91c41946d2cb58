// SPDX-License-Identifier: Apache-2.0
// The pool of standbys: filled, trimmed, parked into, and never in the way of a gear that is needed.
#include "gearscale/core/pool.hpp"

#include <algorithm>

#include "farm.hpp"
#include "support/catch.hpp"

using namespace gearscale;
using namespace gearscale::core;
using namespace std::chrono_literals;
using test::Farm;
using test::kNow;
using test::words;
using test::Words;

namespace {

Surroundings around(int standbys, Limits limits = {}) {
  Surroundings surroundings;
  surroundings.standby.count = standbys;
  surroundings.limits = limits;
  surroundings.keeps_pool = true;
  surroundings.template_name = "t1";
  return surroundings;
}

Words next(const Farm& farm, const Surroundings& surroundings, Time now = kNow) { return words(next_steps(farm.views, surroundings, now)); }

}  // namespace

TEST_CASE("there are as many standbys as wanted, but no more than scale_max leaves use for") {
  CHECK(standbys_wanted({.count = 3}, {1, Limits::kNoLimit}, 1'000) == 3);
  CHECK(standbys_wanted({.count = 3}, {1, 10}, 6) == 3);
  CHECK(standbys_wanted({.count = 3}, {1, 10}, 7) == 3);
  CHECK(standbys_wanted({.count = 3}, {1, 10}, 8) == 2);
  CHECK(standbys_wanted({.count = 3}, {1, 10}, 10) == 0);
  CHECK(standbys_wanted({.count = 3}, {1, 10}, 11) == 0);
  CHECK(standbys_wanted({.count = 0}, {1, 10}, 1) == 0);
}

TEST_CASE("a missing standby is created, one at a time, and a full pool is left alone") {
  Farm farm;
  farm.add(GearState::serving);
  const auto wanted = around(2);
  const auto steps = next_steps(farm.views, wanted, kNow);
  REQUIRE(steps.size() == 1);
  CHECK(steps[0].kind == StepKind::create_standby);
  CHECK(steps[0].id.empty());
  CHECK(steps[0].address == 0);
  farm.add(GearState::preparing).job = JobState::running;
  CHECK(next(farm, wanted).empty());
  farm.gear(2).state = GearState::standby;
  farm.view(2).job = JobState::none;
  CHECK(next(farm, wanted) == Words{"create_standby"});
  farm.add(GearState::standby);
  CHECK(next(farm, wanted).empty());
  CHECK(next(farm, around(0)) == Words{"begin_removal 3"});
}

TEST_CASE("a process that does not keep the pool leaves it alone") {
  Farm farm;
  farm.add(GearState::serving);
  auto tool = around(2);
  tool.keeps_pool = false;
  CHECK(next(farm, tool).empty());
  farm.add(GearState::standby);
  tool.standby.count = 0;
  CHECK(next(farm, tool).empty());
  farm.add(GearState::removing);
  tool.standby.count = 5;
  CHECK(next(farm, tool) == Words{"tear_down 3"});
}

TEST_CASE("a refill waits for its hold-off") {
  Farm farm;
  auto wanted = around(1);
  wanted.refill_not_before = kNow;
  CHECK(next(farm, wanted, kNow - 1ms).empty());
  CHECK(next(farm, wanted, kNow) == Words{"create_standby"});
}

TEST_CASE("a refill waits for every gear that is needed: none is created, and one that is there is not prepared") {
  Farm farm;
  farm.add(GearState::preparing);
  CHECK(next(farm, around(2)) == Words{"stand_by 1"});
  farm.add(GearState::starting).job = JobState::running;
  CHECK(next(farm, around(2)).empty());
  farm.gear(1).state = GearState::standby;
  CHECK(next(farm, around(2)).empty());
  farm.gear(2).state = GearState::serving;
  farm.view(2).job = JobState::none;
  farm.view(2).server = ServerState::up;
  CHECK(next(farm, around(2)) == Words{"create_standby"});
  // What is being prepared already goes on to its end.
  Farm busy;
  busy.add(GearState::preparing).job = JobState::succeeded;
  busy.add(GearState::starting);
  CHECK(next(busy, around(1)) == Words{"rest 1", "bring_up 2"});
}

TEST_CASE("at most parallel_starts gears are brought up at a time") {
  Farm farm;
  for (int i = 0; i < 6; ++i) farm.add(GearState::starting);
  auto wanted = around(0);
  wanted.parallel_starts = 4;
  CHECK(next(farm, wanted) == Words{"bring_up 1", "bring_up 2", "bring_up 3", "bring_up 4"});
  for (std::size_t i = 1; i <= 3; ++i) farm.view(i).job = JobState::running;
  CHECK(next(farm, wanted) == Words{"bring_up 4"});
  farm.view(4).job = JobState::running;
  CHECK(next(farm, wanted).empty());
  farm.view(2).job = JobState::succeeded;
  CHECK(next(farm, wanted) == Words{"enrol 2", "bring_up 5"});
  wanted.parallel_starts = 1;
  CHECK(next(farm, wanted) == Words{"enrol 2"});
  // A job that failed makes room; the gears behind one that waits after a failure get its place.
  farm.view(1).job = JobState::failed;
  wanted.parallel_starts = 3;
  farm.view(5).not_before = kNow + 1ms;
  CHECK(next(farm, wanted) == Words{"give_up 1", "enrol 2", "bring_up 6"});
}

TEST_CASE("standbys settle, parallel_starts at a time, also while a gear is needed; who keeps no pool leaves them running") {
  Farm farm;
  for (int i = 0; i < 4; ++i) farm.add(GearState::standby).container = ContainerState::running;
  farm.add(GearState::starting).job = JobState::running;
  farm.view(2).job = JobState::running;
  auto surroundings = around(4);
  surroundings.parallel_starts = 3;
  CHECK(next(farm, surroundings) == Words{"settle 1", "settle 3"});
  surroundings.keeps_pool = false;
  CHECK(next(farm, surroundings).empty());
}

TEST_CASE("a gear whose last step failed waits for its time") {
  Farm farm;
  auto& view = farm.add(GearState::removing);
  view.server = ServerState::up;
  view.not_before = kNow + 5s;
  CHECK(next(farm, around(0), kNow + 5s - 1ms).empty());
  CHECK(next(farm, around(0), kNow + 5s) == Words{"set_maint 1"});
}

TEST_CASE("a gear that left HAProxy is kept as a standby where the pool has room, and destroyed where it has not") {
  Farm farm;
  farm.add(GearState::removing);
  farm.add(GearState::removing);
  CHECK(next(farm, around(0)) == Words{"tear_down 1", "tear_down 2"});
  CHECK(next(farm, around(1)) == Words{"park 1", "tear_down 2"});
  CHECK(next(farm, around(2)) == Words{"park 1", "park 2"});
  CHECK(next(farm, around(3)) == Words{"park 1", "park 2"});  // those that are parked are prepared first, then one is created
  farm.add(GearState::preparing).job = JobState::running;
  CHECK(next(farm, around(2)) == Words{"park 1", "tear_down 2"});
}

TEST_CASE("a gear is not kept as a standby before HAProxy has let go of it") {
  Farm farm;
  auto& view = farm.add(GearState::removing);
  for (const auto server : {ServerState::up, ServerState::down, ServerState::drain}) {
    view.server = server;
    CHECK(next(farm, around(1))[0] == "set_maint 1");
  }
  view.server = ServerState::maint;
  CHECK(next(farm, around(1))[0] == "unenrol 1");
  view.server = ServerState::absent;
  CHECK(next(farm, around(1)) == Words{"park 1"});
}

TEST_CASE("dismissed gears, those of another template, dead ones, failed ones and those half destroyed are not kept") {
  for (const auto* what : {"dismissed", "template", "stopped", "absent", "failed", "half"}) {
    CAPTURE(what);
    const std::string why = what;
    Farm farm;
    auto& view = farm.add(why == "failed" ? GearState::failed : GearState::removing);
    if (why == "dismissed") farm.gear(1).dismissed = true;
    if (why == "template") farm.gear(1).template_name = "t0";
    if (why == "stopped") view.container = ContainerState::stopped;
    if (why == "absent") view.container = ContainerState::absent;
    if (why == "half") view.job = JobState::failed;
    CHECK(next(farm, around(1)) == Words{"tear_down 1", "create_standby"});
  }
  Farm unknown;
  unknown.add(GearState::removing);
  unknown.gear(1).template_name = "";
  CHECK(next(unknown, around(1)) == Words{"park 1"});
}

TEST_CASE("a pool that is too large loses its newest, one of another template goes first, one a call") {
  Farm farm;
  for (int i = 0; i < 4; ++i) farm.add(GearState::standby);
  CHECK(next(farm, around(4)).empty());
  CHECK(next(farm, around(2)) == Words{"begin_removal 4"});
  farm.gear(2).template_name = "t0";
  CHECK(next(farm, around(2)) == Words{"begin_removal 2"});
  CHECK(next(farm, around(4)) == Words{"begin_removal 2"});  // its place is filled afterwards
  farm.gear(2).state = GearState::removing;
  CHECK(next(farm, around(4)) == Words{"tear_down 2", "create_standby"});
  // One that does not fit is replaced also while gears start: only creating waits.
  farm.gear(2).state = GearState::standby;
  farm.add(GearState::starting).job = JobState::running;
  CHECK(next(farm, around(4)) == Words{"begin_removal 2"});
}

TEST_CASE("a standby that has a step of its own is not trimmed in the same call") {
  Farm farm;
  farm.add(GearState::standby).container = ContainerState::stopped;
  CHECK(next(farm, around(0)) == Words{"give_up 1"});
  farm.view(1).container = ContainerState::frozen;
  farm.view(1).server = ServerState::up;  // woken, then a crash
  CHECK(next(farm, around(0)) == Words{"adopt 1"});
}

TEST_CASE("at scale_max the pool is emptied; DOWN and starting gears count, draining ones, those in maint and replacements do not") {
  Farm farm;
  farm.add(GearState::standby);
  farm.add(GearState::serving);
  farm.add(GearState::serving).server = ServerState::down;
  CHECK(next(farm, around(1, {1, 3})).empty());
  CHECK(next(farm, around(1, {1, 2})) == Words{"begin_removal 1"});
  auto& view = farm.add(GearState::starting);
  view.job = JobState::running;
  CHECK(next(farm, around(1, {1, 4})).empty());
  CHECK(next(farm, around(1, {1, 3})) == Words{"begin_removal 1"});
  farm.gear(4).replaces = "00000002";
  CHECK(next(farm, around(1, {1, 3})).empty());
  farm.gear(4).replaces.clear();
  view = farm.view(2);
  view.gear = &farm.gear(4);
  farm.gear(4).state = GearState::serving;
  CHECK(next(farm, around(1, {1, 3})) == Words{"begin_removal 1"});
  for (const auto server : {ServerState::maint, ServerState::drain}) {  // an operator's own
    view.server = server;
    CHECK(next(farm, around(1, {1, 3})).empty());
  }
  farm.gear(4).state = GearState::draining;
  view.idle_since = Time::max();
  CHECK(next(farm, around(1, {1, 3})).empty());
}

TEST_CASE("no gear is stopped, destroyed or frozen by these rules while HAProxy has it") {
  for (const auto state : {GearState::preparing, GearState::standby, GearState::starting, GearState::serving, GearState::draining,
                           GearState::removing, GearState::failed}) {
    for (const auto server : {ServerState::up, ServerState::down, ServerState::drain, ServerState::maint}) {
      for (const auto job : {JobState::none, JobState::succeeded, JobState::failed}) {
        for (const int standbys : {0, 1}) {
          if (state == GearState::preparing) continue;  // it has no server: parked ones left before
          Farm farm;
          auto& view = farm.add(state);
          view.server = server;
          view.job = job;
          for (const auto after : {0s, 1'000s}) {
            for (const auto& step : next_steps(farm.views, around(standbys), kNow + after)) {
              CHECK(step.kind != StepKind::tear_down);
              CHECK(step.kind != StepKind::park);
              CHECK(step.kind != StepKind::stand_by);
            }
          }
        }
      }
    }
  }
}

TEST_CASE("a hung gear is given up only when it can be replaced") {
  const auto later = kNow + Timeouts{}.down;
  for (const bool standby : {false, true}) {
    Farm farm;
    farm.add(GearState::serving).server = ServerState::up;
    auto& hung = farm.add(GearState::serving);
    hung.server = ServerState::down;
    hung.down_since = kNow;
    if (standby) farm.add(GearState::standby).container = ContainerState::frozen;
    auto surroundings = around(standby ? 1 : 0);
    CHECK(next(farm, surroundings, later) == Words{"give_up 2"});
    CHECK(next(farm, surroundings, later - Millis{1}).empty());
    surroundings.clones_allowed = 0;  // the template's breaker is open
    CHECK(next(farm, surroundings, later) == (standby ? Words{"give_up 2"} : Words{}));
    surroundings.clones_allowed = 1;
    surroundings.lost = 1;  // the last one that was given up has no successor yet
    CHECK(next(farm, surroundings, later).empty());
    surroundings.limits.max = 2;  // and shall have none
    const auto steps = next(farm, surroundings, later);
    CHECK(std::find(steps.begin(), steps.end(), "give_up 2") != steps.end());
  }
}

TEST_CASE("while all are DOWN none is given up, but what is beyond scale_max is") {
  const auto later = kNow + Timeouts{}.down;
  Farm farm;
  for (int i = 0; i < 3; ++i) {
    auto& view = farm.add(GearState::serving);
    view.server = ServerState::down;
    view.down_since = kNow - i * 1s;
  }
  CHECK(next(farm, around(0, {1, 3}), later).empty());
  CHECK(next(farm, around(0, {1, 2}), later) == Words{"give_up 3"});
  auto held_back = around(0, {1, 2});
  held_back.clones_allowed = 0;  // nothing is to come in its place
  CHECK(next(farm, held_back, later) == Words{"give_up 3"});
  farm.gear(3).pinned = true;
  CHECK(next(farm, around(0, {1, 2}), later) == Words{"give_up 2"});
  farm.add(GearState::starting).job = JobState::running;  // the fresh one
  CHECK(next(farm, around(0, {1, 3}), later).empty());
}

TEST_CASE("a gear that is seen off holds back the next hung one, one that cannot be destroyed does not") {
  const auto later = kNow + Timeouts{}.down;
  Farm farm;
  farm.add(GearState::serving);
  auto& hung = farm.add(GearState::serving);
  hung.server = ServerState::down;
  hung.down_since = kNow;
  auto& failed = farm.add(GearState::failed);
  failed.job = JobState::running;
  CHECK(next(farm, around(0), later).empty());
  failed.failures = 1;
  CHECK(next(farm, around(0), later) == Words{"give_up 2"});
  // Nor does one whose end hangs without failing.
  failed.failures = 0;
  const auto bound = farm.gear(3).deadline + Timeouts{}.tear_down;
  CHECK(next(farm, around(0), bound - 1ms).empty());
  CHECK(next(farm, around(0), bound) == Words{"give_up 2"});
}
