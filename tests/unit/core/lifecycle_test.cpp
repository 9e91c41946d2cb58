// SPDX-License-Identifier: Apache-2.0
// The table of a gear's life, row by row, both sides of each deadline.
#include "gearscale/core/lifecycle.hpp"

#include <tuple>
#include <vector>

#include "support/catch.hpp"

using namespace gearscale::core;
using namespace std::chrono_literals;

namespace {

constexpr Time kNow{1h};
constexpr Timeouts kTimeouts;

Gear gear_in(GearState state) {
  Gear gear;
  gear.id = "0000000a";
  enter(gear, state, kTimeouts, kNow);
  return gear;
}

struct Row {
  GearState state;
  ServerState server;
  int scur;
  ContainerState container;
  JobState job;
  Millis after;
  std::optional<StepKind> expected;
  int failures = 0;
  bool unconfirmed = false;
  Time idle_since = Time::max();
  Time settle_from{};
};

std::optional<StepKind> step_of(const Row& row) {
  const auto gear = gear_in(row.state);
  GearView view;
  view.gear = &gear;
  view.server = row.server;
  view.scur = row.scur;
  view.container = row.container;
  view.job = row.job;
  view.failures = row.failures;
  view.unconfirmed = row.unconfirmed;
  view.idle_since = row.idle_since;
  view.settle_from = row.settle_from;
  return next_step(view, kTimeouts, kNow + row.after);
}

using G = GearState;
using S = ServerState;
using C = ContainerState;
using J = JobState;
using K = StepKind;

void check_rows(const std::vector<Row>& rows) {
  for (const auto& row : rows) {
    INFO("state " << to_string(row.state) << ", server " << to_string(row.server) << ", container " << to_string(row.container) << ", job "
                  << static_cast<int>(row.job) << ", after " << row.after.count() << " ms");
    CHECK(step_of(row) == row.expected);
  }
}

}  // namespace

TEST_CASE("a starting gear is brought up, enrolled, or given up at its deadline") {
  check_rows({
      {G::starting, S::absent, 0, C::unknown, J::none, 0s, K::bring_up},
      {G::starting, S::absent, 0, C::unknown, J::running, 1s, std::nullopt},
      {G::starting, S::absent, 0, C::unknown, J::running, 60s - 1ms, std::nullopt},
      {G::starting, S::absent, 0, C::unknown, J::running, 60s, K::give_up},
      {G::starting, S::absent, 0, C::unknown, J::none, 60s, K::bring_up},  // not tried yet: it waited for its turn
      {G::starting, S::absent, 0, C::unknown, J::none, 60s, K::give_up, 1},
      {G::starting, S::absent, 0, C::unknown, J::succeeded, 1s, K::enrol},
      {G::starting, S::absent, 0, C::unknown, J::succeeded, 61s, K::enrol},
      {G::starting, S::absent, 0, C::unknown, J::succeeded, 61s, K::enrol, 4},
      {G::starting, S::absent, 0, C::unknown, J::succeeded, 60s - 1ms, K::enrol, 5},
      {G::starting, S::absent, 0, C::unknown, J::succeeded, 60s, K::give_up, 5},
      {G::starting, S::absent, 0, C::unknown, J::failed, 1s, K::give_up},
      {G::starting, S::absent, 0, C::frozen, J::none, 0s, K::bring_up},   // roused
      {G::starting, S::absent, 0, C::stopped, J::none, 0s, K::bring_up},  // roused, of a pool of stopped ones
      {G::starting, S::up, 0, C::unknown, J::none, 0s, K::bring_up},      // a crash after the enrolment: proven again
  });
}

TEST_CASE("a preparing gear is started, probed and put to rest, or given up at its deadline") {
  check_rows({
      {G::preparing, S::absent, 0, C::unknown, J::none, 0s, K::stand_by},
      {G::preparing, S::absent, 0, C::unknown, J::none, 60s - 1ms, K::stand_by},
      {G::preparing, S::absent, 0, C::unknown, J::running, 60s - 1ms, std::nullopt},
      {G::preparing, S::absent, 0, C::unknown, J::running, 60s, K::give_up},
      {G::preparing, S::absent, 0, C::unknown, J::succeeded, 1s, K::rest},
      {G::preparing, S::absent, 0, C::unknown, J::failed, 1s, K::give_up},
  });
}

TEST_CASE("a standby waits for ever, leaves when it died, and serves when HAProxy has it") {
  check_rows({
      {G::standby, S::absent, 0, C::unknown, J::none, 10'000h, std::nullopt},
      {G::standby, S::absent, 0, C::frozen, J::none, 10'000h, std::nullopt},
      {G::standby, S::absent, 0, C::stopped, J::none, 0s, K::give_up},
      {G::standby, S::absent, 0, C::absent, J::none, 0s, K::give_up},
      {G::standby, S::up, 0, C::frozen, J::none, 0s, K::adopt},  // woken, and a crash before it was written down
      {G::standby, S::up, 3, C::unknown, J::none, 0s, K::adopt},
      {G::standby, S::up, 0, C::stopped, J::none, 0s, K::give_up},
  });
}

TEST_CASE("a standby that runs settles: it is frozen when its boot has ended, and looked at again later when it has not") {
  const Row later{G::standby, S::absent, 0, C::running, J::none, 60s - 1ms, std::nullopt, 0, false, Time::max(), kNow + 60s};
  auto due = later;
  due.after = 60s;
  due.expected = K::settle;
  check_rows({
      {G::standby, S::absent, 0, C::running, J::none, 0s, K::settle},
      {G::standby, S::absent, 0, C::running, J::running, 10'000h, std::nullopt},
      {G::standby, S::absent, 0, C::running, J::failed, 0s, K::give_up},  // it does not answer, or cannot be frozen
      {G::standby, S::up, 0, C::running, J::none, 0s, K::adopt},
      {G::standby, S::maint, 0, C::running, J::none, 0s, K::rouse},
      later,
      due,
  });
}

TEST_CASE("a serving gear is left alone, enrolled again when HAProxy forgot it, given up when its container died") {
  check_rows({
      {G::serving, S::up, 5, C::unknown, J::none, 1h, std::nullopt},
      {G::serving, S::down, 0, C::running, J::none, 1h, std::nullopt},
      {G::serving, S::down, 0, C::stopped, J::none, 0s, K::give_up},
      {G::serving, S::up, 0, C::stopped, J::none, 0s, K::give_up},
      {G::serving, S::absent, 0, C::absent, J::none, 0s, K::give_up},
      {G::serving, S::absent, 0, C::running, J::none, 0s, K::enrol},
      {G::serving, S::maint, 0, C::running, J::none, 0s, std::nullopt},  // an operator's own maint
  });
}

TEST_CASE("a gear that was woken is probed afterwards, and leaves when it does not answer") {
  check_rows({
      {G::serving, S::up, 0, C::unknown, J::none, 0s, K::confirm, 0, true},
      {G::serving, S::up, 0, C::unknown, J::running, 1h, std::nullopt, 0, true},
      {G::serving, S::up, 0, C::unknown, J::failed, 1s, K::give_up, 0, true},
      {G::serving, S::up, 0, C::unknown, J::none, 1s, std::nullopt, 0, false},
      {G::serving, S::up, 0, C::stopped, J::running, 0s, K::give_up, 0, true},
      {G::serving, S::absent, 0, C::unknown, J::none, 0s, K::enrol, 0, true},
  });
}

TEST_CASE("a draining gear keeps its sticky clients until it was idle for drain_idle, drain_soft at most") {
  check_rows({
      {G::draining, S::up, 3, C::unknown, J::none, 0s, K::set_drain},
      {G::draining, S::up, 0, C::unknown, J::none, 31s, K::set_drain, 0, false, kNow},  // a restart of HAProxy forgot the drain
      {G::draining, S::drain, 3, C::unknown, J::none, 0s, std::nullopt},
      {G::draining, S::drain, 0, C::unknown, J::none, 0s, std::nullopt, 0, false, kNow},
      {G::draining, S::drain, 0, C::unknown, J::none, 30s - 1ms, std::nullopt, 0, false, kNow},
      {G::draining, S::drain, 0, C::unknown, J::none, 30s, K::begin_removal, 0, false, kNow},
      // It was idle long before: its time counts from the drain on, new clients went there till then.
      {G::draining, S::drain, 0, C::unknown, J::none, 0s, std::nullopt, 0, false, kNow - 1h},
      {G::draining, S::drain, 0, C::unknown, J::none, 30s - 1ms, std::nullopt, 0, false, kNow - 1h},
      {G::draining, S::drain, 0, C::unknown, J::none, 30s, K::begin_removal, 0, false, kNow - 1h},
      // Idle since a later time: from then on.
      {G::draining, S::drain, 0, C::unknown, J::none, 130s - 1ms, std::nullopt, 0, false, kNow + 100s},
      {G::draining, S::drain, 0, C::unknown, J::none, 130s, K::begin_removal, 0, false, kNow + 100s},
      // In use all the time: to the end of drain_soft.
      {G::draining, S::drain, 3, C::unknown, J::none, 600s - 1ms, std::nullopt},
      {G::draining, S::drain, 3, C::unknown, J::none, 600s, K::begin_removal},
      {G::draining, S::drain, 0, C::unknown, J::none, 600s - 1ms, std::nullopt, 0, false, kNow + 599s},
      {G::draining, S::up, 3, C::unknown, J::none, 600s, K::begin_removal},
      // Nothing left to wait for.
      {G::draining, S::absent, 0, C::unknown, J::none, 0s, K::begin_removal},
      {G::draining, S::drain, 3, C::stopped, J::none, 0s, K::begin_removal},
      {G::draining, S::drain, 3, C::absent, J::none, 0s, K::begin_removal},
      {G::draining, S::up, 3, C::stopped, J::none, 0s, K::begin_removal},
      {G::draining, S::down, 3, C::running, J::none, 0s, std::nullopt},
      {G::draining, S::maint, 3, C::running, J::none, 0s, std::nullopt},
  });
}

TEST_CASE("with a drain_idle of 0 an idle gear may go at once, one in use may not") {
  auto timeouts = kTimeouts;
  timeouts.drain_idle = 0s;
  const auto gear = gear_in(G::draining);
  GearView view;
  view.gear = &gear;
  view.server = S::drain;
  view.idle_since = kNow;
  CHECK(next_step(view, timeouts, kNow) == K::begin_removal);
  view.idle_since = Time::max();
  view.scur = 1;
  CHECK(next_step(view, timeouts, kNow + 1s) == std::nullopt);
}

TEST_CASE("a removed gear leaves HAProxy first, its connections cut after drain_hard, then LXC, then the registry") {
  for (const auto state : {G::removing, G::failed}) {
    check_rows({
        {state, S::drain, 3, C::unknown, J::none, 0s, K::set_maint},
        {state, S::up, 0, C::unknown, J::none, 0s, K::set_maint},
        {state, S::down, 0, C::stopped, J::none, 0s, K::set_maint},
        {state, S::up, 3, C::unknown, J::none, 60s, K::set_maint},
        {state, S::maint, 3, C::unknown, J::none, 0s, K::unenrol},
        {state, S::maint, 3, C::unknown, J::none, 60s - 1ms, K::unenrol},
        {state, S::maint, 3, C::unknown, J::none, 60s, K::cut_sessions},
        {state, S::maint, 0, C::unknown, J::none, 60s, K::unenrol},
        {state, S::maint, 0, C::stopped, J::none, 0s, K::unenrol},
        {state, S::absent, 0, C::unknown, J::none, 0s, K::tear_down},
        {state, S::absent, 0, C::stopped, J::none, 0s, K::tear_down},
        {state, S::absent, 0, C::frozen, J::none, 0s, K::tear_down},
        {state, S::absent, 0, C::unknown, J::running, 1h, std::nullopt},
        {state, S::absent, 0, C::unknown, J::failed, 0s, K::tear_down},
        {state, S::absent, 0, C::unknown, J::succeeded, 0s, K::forget},
    });
  }
}

TEST_CASE("a clock that stands still ends no state") {
  for (const auto& row : std::vector<Row>{{G::starting, S::absent, 0, C::unknown, J::running, 0s, std::nullopt},
                                          {G::preparing, S::absent, 0, C::unknown, J::running, 0s, std::nullopt},
                                          {G::draining, S::drain, 0, C::unknown, J::none, 0s, std::nullopt, 0, false, kNow},
                                          {G::removing, S::maint, 9, C::unknown, J::none, 0s, K::unenrol}}) {
    for (int i = 0; i < 100; ++i) CHECK(step_of(row) == row.expected);
  }
}

TEST_CASE("each state has its own deadline, serving and standing by have none") {
  const std::pair<G, Millis> deadlines[] = {
      {G::preparing, 60s}, {G::starting, 60s}, {G::draining, 600s}, {G::removing, 60s}, {G::failed, 60s}};
  for (const auto& [state, length] : deadlines) {
    CHECK(gear_in(state).since == kNow);
    CHECK(gear_in(state).deadline == kNow + length);
  }
  CHECK(gear_in(G::serving).deadline == Time{});
  CHECK(gear_in(G::standby).deadline == Time{});
}

TEST_CASE("no gear is stopped before HAProxy has let go of it") {
  for (const auto state : {G::preparing, G::standby, G::starting, G::serving, G::draining, G::removing, G::failed}) {
    const auto gear = gear_in(state);
    for (const auto server : {ServerState::up, ServerState::down, ServerState::drain, ServerState::maint}) {
      for (const auto job : {JobState::none, JobState::running, JobState::succeeded, JobState::failed}) {
        for (const auto after : {Millis{0}, Millis{100'000}, Millis{1'000'000}}) {
          GearView view;
          view.gear = &gear;
          view.server = server;
          view.job = job;
          const auto step = next_step(view, kTimeouts, kNow + after);
          CHECK(step != StepKind::tear_down);
        }
      }
    }
  }
}

TEST_CASE("haproxy.cfg names the gears that serve or drain") {
  CHECK(belongs_in_file(GearState::serving));
  CHECK(belongs_in_file(GearState::draining));
  CHECK_FALSE(belongs_in_file(GearState::preparing));
  CHECK_FALSE(belongs_in_file(GearState::standby));
  CHECK_FALSE(belongs_in_file(GearState::starting));
  CHECK_FALSE(belongs_in_file(GearState::removing));
  CHECK_FALSE(belongs_in_file(GearState::failed));
}

TEST_CASE("the template in force is that of the last replacement, until the configuration names another one") {
  Registry registry;
  CHECK(template_in_force(registry, "t1") == "t1");
  registry.template_name = "t2";
  registry.instead_of = "t1";
  CHECK(template_in_force(registry, "t1") == "t2");
  CHECK(template_in_force(registry, "t3") == "t3");
}

TEST_CASE("a woken gear that answered is written down as proven, once; a state's end is the end of what it was for") {
  auto gear = gear_in(G::serving);
  GearView view{.gear = &gear, .server = S::up, .unconfirmed = true};
  gear.unconfirmed = true;
  CHECK(next_step(view, kTimeouts, kNow) == K::confirm);
  view.job = J::running;
  CHECK_FALSE(next_step(view, kTimeouts, kNow));
  view.job = J::none;
  view.answered = true;
  CHECK(next_step(view, kTimeouts, kNow) == K::prove);
  gear.unconfirmed = false;
  view.unconfirmed = false;
  CHECK_FALSE(next_step(view, kTimeouts, kNow));
  gear.unconfirmed = true;
  for (const auto state : {G::preparing, G::standby, G::starting, G::serving, G::draining, G::removing, G::failed}) {
    gear.replaces = "0000000b";
    enter(gear, state, kTimeouts, kNow);
    CHECK_FALSE(gear.unconfirmed);
    CHECK(gear.replaces.empty() == (state != G::starting && state != G::serving));
  }
}

TEST_CASE("the limits count gears that start or that HAProxy has, and of these those that are UP and answered are proven") {
  for (const auto& [state, server, counted, proven] :
       {std::tuple(G::starting, S::absent, true, false), std::tuple(G::starting, S::up, true, false),
        std::tuple(G::serving, S::up, true, true), std::tuple(G::serving, S::down, true, false),
        std::tuple(G::serving, S::absent, true, false), std::tuple(G::serving, S::maint, false, false),
        std::tuple(G::serving, S::drain, false, false), std::tuple(G::standby, S::absent, false, false),
        std::tuple(G::preparing, S::absent, false, false), std::tuple(G::draining, S::drain, false, false),
        std::tuple(G::draining, S::up, false, false), std::tuple(G::removing, S::up, false, false),
        std::tuple(G::failed, S::up, false, false)}) {
    INFO("state " << to_string(state) << ", server " << to_string(server));
    auto gear = gear_in(state);
    GearView view{.gear = &gear, .server = server};
    CHECK(is_counted(view) == counted);
    CHECK(is_proven(view) == proven);
    view.unconfirmed = true;
    CHECK(is_counted(view) == counted);
    CHECK_FALSE(is_proven(view));
    view.unconfirmed = false;
    gear.replaces = "0000000b";
    CHECK_FALSE(is_counted(view));
    CHECK_FALSE(is_proven(view));
  }
  auto gear = gear_in(G::serving);
  GearView view{.gear = &gear, .server = S::maint, .half_enrolled = true};
  CHECK(is_counted(view));
  CHECK_FALSE(is_proven(view));
  view = GearView{.gear = &gear, .server = S::up, .container = C::stopped};
  CHECK_FALSE(is_counted(view));
}
