// SPDX-License-Identifier: Apache-2.0
#include "gearscale/core/lifecycle.hpp"

#include "support/catch.hpp"

using namespace gearscale::core;
using namespace std::chrono_literals;

namespace {

constexpr Time kNow{1h};

Gear gear_in(GearState state) {
  Gear gear;
  gear.id = "0000000a";
  enter(gear, state, Timeouts{}, kNow);
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
};

}  // namespace

TEST_CASE("each situation of a gear has one next step") {
  using G = GearState;
  using S = ServerState;
  using C = ContainerState;
  using J = JobState;
  using K = StepKind;
  const Row rows[] = {
      {G::starting, S::absent, 0, C::unknown, J::none, 0s, K::bring_up},
      {G::starting, S::absent, 0, C::unknown, J::running, 1s, std::nullopt},
      {G::starting, S::absent, 0, C::unknown, J::running, 60s - 1ms, std::nullopt},
      {G::starting, S::absent, 0, C::unknown, J::running, 60s, K::give_up},
      {G::starting, S::absent, 0, C::unknown, J::succeeded, 1s, K::enrol},
      {G::starting, S::absent, 0, C::unknown, J::succeeded, 61s, K::enrol},
      {G::starting, S::absent, 0, C::unknown, J::succeeded, 61s, K::enrol, 4},
      {G::starting, S::absent, 0, C::unknown, J::succeeded, 60s - 1ms, K::enrol, 5},
      {G::starting, S::absent, 0, C::unknown, J::succeeded, 60s, K::give_up, 5},
      {G::starting, S::absent, 0, C::unknown, J::failed, 1s, K::give_up},
      {G::starting, S::up, 0, C::unknown, J::none, 0s, K::bring_up},  // a crash after the enrolment: proven again
      {G::serving, S::up, 5, C::unknown, J::none, 1h, std::nullopt},
      {G::serving, S::down, 0, C::running, J::none, 1h, std::nullopt},
      {G::serving, S::down, 0, C::stopped, J::none, 0s, K::give_up},
      {G::serving, S::absent, 0, C::absent, J::none, 0s, K::give_up},
      {G::serving, S::absent, 0, C::running, J::none, 0s, K::enrol},
      {G::serving, S::maint, 0, C::running, J::none, 0s, std::nullopt},  // an operator's own maint
      {G::draining, S::up, 3, C::unknown, J::none, 0s, K::set_drain},
      {G::draining, S::drain, 3, C::unknown, J::none, 60s - 1ms, std::nullopt},
      {G::draining, S::drain, 3, C::unknown, J::none, 60s, K::begin_removal},
      {G::draining, S::drain, 0, C::unknown, J::none, 0s, K::begin_removal},
      {G::draining, S::absent, 0, C::unknown, J::none, 0s, K::begin_removal},
      {G::draining, S::up, 3, C::unknown, J::none, 60s, K::begin_removal},
      {G::removing, S::drain, 3, C::unknown, J::none, 0s, K::set_maint},
      {G::removing, S::up, 0, C::unknown, J::none, 0s, K::set_maint},
      {G::removing, S::maint, 3, C::unknown, J::none, 0s, K::unenrol},
      {G::removing, S::maint, 3, C::unknown, J::none, 10s, K::cut_sessions},
      {G::removing, S::maint, 0, C::unknown, J::none, 10s, K::unenrol},
      {G::removing, S::absent, 0, C::unknown, J::none, 0s, K::tear_down},
      {G::removing, S::absent, 0, C::unknown, J::running, 0s, std::nullopt},
      {G::removing, S::absent, 0, C::unknown, J::failed, 0s, K::tear_down},
      {G::removing, S::absent, 0, C::unknown, J::succeeded, 0s, K::forget},
      {G::failed, S::up, 0, C::stopped, J::none, 0s, K::set_maint},
      {G::failed, S::absent, 0, C::stopped, J::none, 0s, K::tear_down},
  };
  for (const auto& row : rows) {
    const auto gear = gear_in(row.state);
    INFO("state " << to_string(row.state) << ", server " << to_string(row.server) << ", job " << static_cast<int>(row.job) << ", after "
                  << row.after.count() << " ms");
    CHECK(next_step(GearView{&gear, row.server, row.scur, row.container, row.job, row.failures}, kNow + row.after) == row.expected);
  }
}

TEST_CASE("no gear is stopped before HAProxy has let go of it") {
  for (const auto state : {GearState::starting, GearState::serving, GearState::draining, GearState::removing, GearState::failed}) {
    const auto gear = gear_in(state);
    for (const auto server : {ServerState::up, ServerState::down, ServerState::drain, ServerState::maint}) {
      for (const auto job : {JobState::none, JobState::running, JobState::succeeded, JobState::failed}) {
        for (const auto after : {Millis{0}, Millis{100'000}}) {
          const auto step = next_step(GearView{&gear, server, 0, ContainerState::unknown, job}, kNow + after);
          CHECK(step != StepKind::tear_down);
        }
      }
    }
  }
}

TEST_CASE("haproxy.cfg names the gears that serve or drain") {
  CHECK(belongs_in_file(GearState::serving));
  CHECK(belongs_in_file(GearState::draining));
  CHECK_FALSE(belongs_in_file(GearState::starting));
  CHECK_FALSE(belongs_in_file(GearState::removing));
  CHECK_FALSE(belongs_in_file(GearState::failed));
}
