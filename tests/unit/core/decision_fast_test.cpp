// SPDX-License-Identifier: Apache-2.0
// Additions between two checks: how fast, how many at once, and what does not count. Also a reload of HAProxy, and what is owed.
#include <cmath>

#include "gearscale/core/capacity.hpp"
#include "gearscale/core/decision.hpp"
#include "support/catch.hpp"

using namespace gearscale::core;
using namespace std::chrono_literals;

namespace {

constexpr Time kStart{1h};

Observation seen(double sessions, int serving, int coming = 0, int down = 0) {
  return {.sessions = sessions, .serving = serving, .coming = coming, .down = down, .response = {}};
}

// The decision of a fast look, its sample taken.
Decision look(const Policy& policy, PolicyState& state, const Observation& farm, Time now, const Limits& limits = {}) {
  sample(policy, state, farm.sessions, now);
  return decide_fast(policy, limits, state, farm, now);
}

// A farm of `serving` gears that had `sessions` for longer than the window.
PolicyState settled(double sessions) {
  PolicyState state;
  for (auto now = kStart - 1s; now < kStart; now += 100ms) sample(Policy{}, state, sessions, now);
  return state;
}

}  // namespace

TEST_CASE("one stray sample does not add, however high it is") {
  auto state = settled(1);
  CHECK(look({}, state, seen(1'000, 1), kStart).action == Action::hold);
  for (auto now = kStart + 100ms; now < kStart + 1s; now += 100ms) CHECK(look({}, state, seen(1, 1), now).action == Action::hold);
  // Neither does one that a check takes, or one after the other with a low one between them.
  CHECK(decide({}, {}, state, seen(1'000, 1), kStart + 1s).action == Action::hold);
  CHECK(look({}, state, seen(1, 1), kStart + 1100ms).action == Action::hold);
  CHECK(look({}, state, seen(1'000, 1), kStart + 1200ms).action == Action::hold);
  CHECK(look({}, state, seen(1, 1), kStart + 1300ms).action == Action::hold);
}

TEST_CASE("a step to twice what a gear can do adds at the second sample, a step to exactly 90 percent when the window is full of it") {
  auto state = settled(0);
  CHECK(look({}, state, seen(20, 1), kStart).action == Action::hold);  // mean 6.7
  const auto second = look({}, state, seen(20, 1), kStart + 100ms);    // mean 13.3
  CHECK(second.action == Action::up);
  CHECK(second.reason == Reason::capacity_reached);
  CHECK(second.numbers.sessions == Approx(40.0 / 3));
  CHECK(second.target == 2);  // 13.3 on 2 gears are 66.7%
  auto slow = settled(0);
  CHECK(look({}, slow, seen(9, 1), kStart).action == Action::hold);
  CHECK(look({}, slow, seen(9, 1), kStart + 100ms).action == Action::hold);
  CHECK(look({}, slow, seen(9, 1), kStart + 200ms).action == Action::up);
  auto below = settled(0);
  for (auto now = kStart; now < kStart + 3s; now += 100ms) CHECK(look({}, below, seen(8.99, 1), now).action == Action::hold);
}

TEST_CASE("the mean has to be high as well as the last two samples") {
  auto state = settled(30);
  CHECK(look({}, state, seen(1, 1), kStart).action == Action::hold);           // mean 20.3, the last one is low
  CHECK(look({}, state, seen(30, 1), kStart + 100ms).action == Action::hold);  // mean 20.3, the one before is low
  CHECK(look({}, state, seen(9, 1), kStart + 200ms).action == Action::up);     // mean 13.3, both at 90% or above
  auto falling = settled(30);
  CHECK(look({}, falling, seen(8.9, 1), kStart).action == Action::hold);
}

TEST_CASE("an up_window of 0 looks at the last sample alone") {
  Policy policy;
  policy.up_window = 0ms;
  PolicyState state;
  CHECK(look(policy, state, seen(8.99, 1), kStart).action == Action::hold);
  CHECK(look(policy, state, seen(9, 1), kStart + 20ms).action == Action::up);
}

TEST_CASE("what a fast look sees as the sessions is the mean of its samples, its argument has no say") {
  auto state = settled(3);
  const auto decision = decide_fast({}, {}, state, seen(500, 1), kStart);
  CHECK(decision.action == Action::hold);
  CHECK(decision.numbers.sessions == 3);
}

TEST_CASE("a fast look only adds: it counts no low check, removes nothing and changes nothing when it holds") {
  PolicyState state;
  for (auto now = kStart; now < kStart + 600s; now += 100ms) {
    const auto decision = look({}, state, seen(0, 5), now, {1, 3});
    REQUIRE(decision.action == Action::hold);
    REQUIRE(decision.target == 5);
  }
  CHECK(state.low_checks == 0);
  state.low_checks = 2;
  CHECK(look({}, state, seen(0, 5), kStart + 601s).reason == Reason::in_band);
  CHECK(state.low_checks == 2);
  // An addition starts the count again.
  sample({}, state, 80, kStart + 602s);
  CHECK(look({}, state, seen(80, 5), kStart + 602s + 100ms).action == Action::up);
  CHECK(state.low_checks == 0);
}

TEST_CASE("a fast look repairs scale_min at once and obeys scale_max, hold-off, what is coming, and a farm that is all DOWN") {
  PolicyState state;
  const auto repair = look({}, state, seen(0, 1), kStart, {30, 50});
  CHECK(repair.reason == Reason::below_min);
  CHECK(repair.target == 30);  // no step limit holds it
  CHECK(look({}, state, seen(0, 1, 28, 1), kStart, {30, 50}).action == Action::hold);
  CHECK(look({}, state, seen(0, 1, 27, 1), kStart, {30, 50}).target == 29);  // and the DOWN one: 30
  auto busy = settled(20);
  CHECK(look({}, busy, seen(20, 1), kStart, {1, 1}).reason == Reason::at_max);
  CHECK(look({}, busy, seen(20, 1, 2), kStart).reason == Reason::coming_suffices);
  CHECK(look({}, busy, seen(20, 0, 0, 2), kStart).reason == Reason::all_down);
  settle(busy, Outcome::add_failed, kStart);
  CHECK(look({}, busy, seen(20, 1), kStart + 3s - 1ms).reason == Reason::hold_off);
  sample({}, busy, 20, kStart + 2950ms);
  CHECK(look({}, busy, seen(20, 1), kStart + 3s).action == Action::up);
  PolicyState short_of_gears;
  settle(short_of_gears, Outcome::add_failed, kStart);
  CHECK(look({}, short_of_gears, seen(0, 1), kStart + 1s, {2, 4}).reason == Reason::hold_off);
}

TEST_CASE("as many gears as the load needs: the smallest number that is below 90.0 percent") {
  const Policy policy;
  CHECK(gears_needed(policy, 0) == 0);
  CHECK(gears_needed(policy, 0.001) == 1);
  for (int n = 1; n <= 50; ++n) {
    CAPTURE(n);
    const double edge = 9.0 * n;  // exactly 90.0% of n gears
    CHECK(gears_needed(policy, edge) == n + 1);
    CHECK(gears_needed(policy, std::nextafter(edge, 1e9)) == n + 1);
    CHECK(gears_needed(policy, edge - 1e-6) == n);
    CHECK(gears_needed(policy, edge - 9 + 1e-6) == n);
  }
}

TEST_CASE("the number of gears agrees with the capacity for all settings, to the last bit") {
  for (const double per_gear : {0.1, 1.0, 3.0, 7.0, 10.0, 16.0, 333.3}) {
    for (const double up : {1.0, 33.3, 66.6, 75.0, 90.0, 99.9, 100.0}) {
      Policy policy;
      policy.sessions_per_gear = per_gear;
      policy.up_pct = up;
      for (int n = 1; n <= 60; ++n) {
        const double edge = per_gear * up * n / 100;
        for (const double sessions : {edge, std::nextafter(edge, 0.0), std::nextafter(edge, 1e9), edge + per_gear / 3}) {
          const int needed = gears_needed(policy, sessions);
          const bool enough = capacity_pct({sessions, needed, per_gear}) < up;
          const bool least = needed == 1 || capacity_pct({sessions, needed - 1, per_gear}) >= up;
          if (!enough || !least) FAIL(needed << " gears for " << sessions << " sessions, " << per_gear << " each, " << up << "%");
        }
      }
    }
  }
}

TEST_CASE("the number of gears is bounded whatever the sessions are") {
  CHECK(gears_needed({}, 1e300) == 1'000'000);
  CHECK(gears_needed({}, 8.9e6) == 988'889);
}

TEST_CASE("one decision adds what is needed at once, what is coming counted") {
  auto state = settled(35);  // 4 gears: 87.5%
  auto decision = look({}, state, seen(35, 1), kStart);
  CHECK(decision.target == 4);
  decision = look({}, state, seen(35, 1, 2), kStart);  // 3 are 116.7%
  CHECK(decision.action == Action::up);
  CHECK(decision.target == 4);
  CHECK(look({}, state, seen(35, 1, 3), kStart).reason == Reason::coming_suffices);
  auto edge = settled(36);  // exactly 90.0% of 4
  CHECK(look({}, edge, seen(36, 1), kStart).target == 5);
  CHECK(look({}, edge, seen(36, 1, 3), kStart).target == 5);
  CHECK(look({}, edge, seen(36, 1, 4), kStart).reason == Reason::coming_suffices);
}

TEST_CASE("one decision adds at most the larger of 4 and the serving gears, or max_step_up") {
  struct Row {
    int serving, coming, max_step_up, target;
  };
  for (const auto& row : {Row{1, 0, 0, 5}, Row{4, 0, 0, 8}, Row{5, 0, 0, 10}, Row{5, 3, 0, 13}, Row{1, 4, 0, 9}, Row{20, 0, 0, 40},
                          Row{0, 1, 0, 5}, Row{1, 0, 1, 2}, Row{20, 0, 3, 23}, Row{1, 0, 10, 11}, Row{1, 0, 1'000, 112}}) {
    CAPTURE(row.serving, row.coming, row.max_step_up);
    Policy policy;
    policy.max_step_up = row.max_step_up;
    auto state = settled(1'000);  // 112 gears: 89.3%
    CHECK(look(policy, state, seen(1'000, row.serving, row.coming), kStart).target == row.target);
  }
}

TEST_CASE("one decision adds no more than scale_max leaves, DOWN gears counted") {
  auto state = settled(1'000);
  CHECK(look({}, state, seen(1'000, 3), kStart, {1, 6}).target == 6);
  CHECK(look({}, state, seen(1'000, 3), kStart, {1, 7}).target == 7);
  CHECK(look({}, state, seen(1'000, 3), kStart, {1, 8}).target == 7);  // 4 at once
  CHECK(look({}, state, seen(1'000, 3, 1), kStart, {1, 6}).target == 6);
  CHECK(look({}, state, seen(1'000, 3, 1, 1), kStart, {1, 6}).target == 5);  // the DOWN one is the sixth
  CHECK(look({}, state, seen(1'000, 3, 1, 2), kStart, {1, 6}).reason == Reason::at_max);
  CHECK(look({}, state, seen(1'000, 7), kStart, {1, 6}).reason == Reason::at_max);
}

TEST_CASE("an addition at a check follows the same arithmetic") {
  auto state = settled(35);
  CHECK(decide({}, {}, state, seen(35, 1), kStart).target == 4);
  CHECK(decide({}, {1, 3}, state, seen(35, 1), kStart).target == 3);
}

TEST_CASE("after a reload the flap window starts again, and low checks count only when the windows are full") {
  Policy policy;
  policy.use_response = true;
  PolicyState state;
  auto farm = seen(1, 3);
  farm.response = {.state = ResponseView::State::live, .count = 50, .p50_ms = 10, .p90_ms = 20, .p99_ms = 30};
  decide(policy, {}, state, farm, kStart - 6s);
  decide(policy, {}, state, farm, kStart - 3s);
  CHECK(state.low_checks == 2);
  reloaded(policy, state, kStart);
  CHECK(state.low_checks == 0);
  CHECK(state.flap_start == kStart);
  CHECK(decide(policy, {}, state, farm, kStart).reason == Reason::refilling);
  CHECK(decide(policy, {}, state, farm, kStart + 10s - 1ms).reason == Reason::refilling);
  CHECK(state.low_checks == 0);
  CHECK(decide(policy, {}, state, farm, kStart + 10s).reason == Reason::low_checks);
  for (auto now = kStart + 12s; now < kStart + 120s; now += 3s) CHECK(decide(policy, {}, state, farm, now).action == Action::hold);
  CHECK(decide(policy, {}, state, farm, kStart + 120s - 1ms).reason == Reason::flap_protection);
  CHECK(decide(policy, {}, state, farm, kStart + 120s).reason == Reason::low_capacity);
}

TEST_CASE("the sessions' own window after a reload is up_window") {
  PolicyState state;
  reloaded({}, state, kStart);
  CHECK(decide({}, {}, state, seen(1, 3), kStart + 299ms).reason == Reason::refilling);
  CHECK(decide({}, {}, state, seen(1, 3), kStart + 300ms).reason == Reason::low_checks);
}

TEST_CASE("a reload keeps the peak of before and holds no addition") {
  auto state = settled(18);
  reloaded({}, state, kStart);
  CHECK(decide({}, {}, state, seen(2, 3), kStart + 3s).reason == Reason::would_return);  // 18 on 2 gears are 90%
  sample({}, state, 28, kStart + 4s);
  CHECK(look({}, state, seen(28, 3), kStart + 4s + 100ms).action == Action::up);
}

TEST_CASE("nothing is owed to a farm that has all that scale_max allows: what was given up was one too many") {
  auto state = settled(0);
  settle(state, Outcome::lost, kStart);
  static_cast<void>(decide({}, {.min = 1, .max = 3}, state, seen(0, 3), kStart));
  CHECK(decide({}, {.min = 1, .max = 3}, state, seen(0, 2), kStart).reason != Reason::gear_lost);
  settle(state, Outcome::lost, kStart);
  CHECK(decide({}, {.min = 1, .max = 3}, state, seen(0, 2), kStart).reason == Reason::gear_lost);
}

TEST_CASE("a fresh gear that never served is nobody's successor") {
  auto state = settled(0);
  settle(state, Outcome::added_fresh, kStart);
  settle(state, Outcome::fresh_failed, kStart);
  settle(state, Outcome::lost, kStart);
  CHECK(state.lost == 1);
  settle(state, Outcome::fresh_failed, kStart);  // takes nothing from what is owed
  CHECK(state.lost == 1);
}
