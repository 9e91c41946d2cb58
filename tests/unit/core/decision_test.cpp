// SPDX-License-Identifier: Apache-2.0
#include "gearscale/core/decision.hpp"

#include "support/catch.hpp"

using namespace gearscale::core;
using namespace std::chrono_literals;

namespace {

constexpr Time kStart{1h};

Observation seen(double sessions, int serving, int coming = 0, int down = 0) {
  return {.sessions = sessions, .serving = serving, .coming = coming, .down = down, .response = {}};
}

// A state whose flap protection is long over.
PolicyState calm() {
  PolicyState state;
  state.flap_start = kStart - 1h + 1ms;
  return state;
}

}  // namespace

TEST_CASE("a gear is added at 90.0 percent and not below") {
  const Policy policy;
  auto state = calm();
  auto decision = decide(policy, {}, state, seen(9, 1), kStart);
  CHECK(decision.action == Action::up);
  CHECK(decision.reason == Reason::capacity_reached);
  CHECK(decision.target == 2);
  CHECK(decision.numbers.capacity_pct == Approx(90.0));
  decision = decide(policy, {}, state, seen(8.99, 1), kStart + 3s);
  CHECK(decision.action == Action::hold);
  CHECK(decision.reason == Reason::in_band);
  CHECK(decision.target == 1);
}

TEST_CASE("gears on their way count against a further addition") {
  auto state = calm();
  const auto decision = decide({}, {}, state, seen(9, 1, 1), kStart);
  CHECK(decision.action == Action::hold);
  CHECK(decision.reason == Reason::coming_suffices);
  CHECK(decide({}, {}, state, seen(18, 1, 1), kStart).reason == Reason::capacity_reached);
}

TEST_CASE("scale_max holds additions, counting serving, coming and DOWN gears") {
  auto state = calm();
  CHECK(decide({}, {1, 2}, state, seen(20, 2), kStart).reason == Reason::at_max);
  CHECK(decide({}, {1, 2}, state, seen(40, 1, 1), kStart).reason == Reason::at_max);
  CHECK(decide({}, {1, 2}, state, seen(40, 1, 0, 1), kStart).reason == Reason::at_max);
  CHECK(decide({}, {1, 3}, state, seen(20, 2), kStart).reason == Reason::capacity_reached);
}

TEST_CASE("an unlimited maximum does not block") {
  auto state = calm();
  CHECK(decide({}, {1, Limits::kNoLimit}, state, seen(10'000, 500), kStart).action == Action::up);
}

TEST_CASE("fewer gears than scale_min are repaired at once, also during flap protection and without load") {
  PolicyState state;
  state.flap_start = kStart;
  const auto decision = decide({}, {3, 5}, state, seen(0, 1), kStart);
  CHECK(decision.action == Action::up);
  CHECK(decision.reason == Reason::below_min);
  CHECK(decision.target == 3);
  CHECK(decide({}, {3, 5}, state, seen(0, 1, 2), kStart).action == Action::hold);
  CHECK(decide({}, {2, 5}, state, seen(0, 1, 0, 1), kStart).action == Action::hold);  // a DOWN gear is a gear
}

TEST_CASE("all gears DOWN hold, whatever the load") {
  auto state = calm();
  const auto decision = decide({}, {}, state, seen(50, 0, 0, 2), kStart);
  CHECK(decision.action == Action::hold);
  CHECK(decision.reason == Reason::all_down);
}

TEST_CASE("all gears DOWN for down_timeout try one fresh gear, then another one at doubled pauses of five minutes at most") {
  auto state = calm();
  const auto look = [&](Time now) { return decide({}, {2, 2}, state, seen(50, 0, 0, 2), now); };
  CHECK(look(kStart).reason == Reason::all_down);
  CHECK(look(kStart + 30s - 1ms).reason == Reason::all_down);
  const auto first = look(kStart + 30s);
  CHECK(first.action == Action::up);
  CHECK(first.reason == Reason::all_hang);
  CHECK(first.target == 1);  // beside scale_max
  auto last = kStart + 30s;
  for (const auto pause : {60s, 120s, 240s, 300s, 300s}) {
    settle(state, Outcome::added_fresh, last);
    CHECK(decide({}, {2, 2}, state, seen(50, 0, 1, 2), last + 1s).reason == Reason::all_down);  // it is on its way
    CHECK(look(last + pause - 1ms).action == Action::hold);
    CHECK(look(last + pause).reason == Reason::all_hang);
    last += pause;
  }
}

TEST_CASE("the time of all being DOWN begins anew when one was UP, when nothing could be seen, and after a reload") {
  for (const int what : {0, 1, 2}) {
    CAPTURE(what);
    auto state = calm();
    decide({}, {}, state, seen(0, 0, 0, 2), kStart);
    if (what == 0) decide({}, {}, state, seen(0, 1, 0, 1), kStart + 29s);
    if (what == 1) decide({}, {}, state, std::nullopt, kStart + 29s);
    if (what == 2) reloaded({}, state, kStart + 29s);
    CHECK(decide({}, {}, state, seen(0, 0, 0, 2), kStart + 30s).reason == Reason::all_down);
    CHECK(decide({}, {}, state, seen(0, 0, 0, 2), kStart + 60s).reason == Reason::all_hang);
  }
}

TEST_CASE("a fresh gear that hangs soon after it served makes the pauses no shorter, one that served for long does") {
  for (const bool soon : {true, false}) {
    CAPTURE(soon);
    auto state = calm();
    decide({}, {}, state, seen(0, 0, 0, 2), kStart);
    settle(state, Outcome::added_fresh, kStart + 30s);
    settle(state, Outcome::added_fresh, kStart + 90s);
    decide({}, {}, state, seen(0, 1, 0, 1), kStart + 91s);
    const auto again = kStart + 90s + (soon ? 420s : 421s);  // the pause of 120 s, and 300 s
    decide({}, {}, state, seen(0, 0, 0, 2), again);
    CHECK(state.fresh_tries == (soon ? 2 : 0));
  }
}

TEST_CASE("with a down_timeout of 0 no fresh gear is tried, and none when there are more than scale_max already") {
  Policy never;
  never.down_timeout = 0ms;
  auto state = calm();
  decide(never, {}, state, seen(0, 0, 0, 2), kStart);
  CHECK(decide(never, {}, state, seen(0, 0, 0, 2), kStart + 10h).reason == Reason::all_down);
  auto full = calm();
  decide({}, {1, 2}, full, seen(0, 0, 0, 3), kStart);
  CHECK(decide({}, {1, 2}, full, seen(0, 0, 0, 3), kStart + 1h).reason == Reason::all_down);
  CHECK(decide({}, {1, 3}, full, seen(0, 0, 0, 3), kStart + 1h).reason == Reason::all_hang);
}

TEST_CASE("the fresh gear is the successor of the first of those that were DOWN, and of no other one") {
  auto state = calm();
  settle(state, Outcome::added_fresh, kStart);
  settle(state, Outcome::lost, kStart);
  CHECK(decide({}, {}, state, seen(0, 1, 0, 1), kStart).action == Action::hold);
  settle(state, Outcome::lost, kStart);
  CHECK(decide({}, {}, state, seen(0, 1, 0, 1), kStart).reason == Reason::gear_lost);
  auto recovered = calm();
  settle(recovered, Outcome::added_fresh, kStart);
  decide({}, {}, recovered, seen(0, 3), kStart);
  settle(recovered, Outcome::lost, kStart);
  CHECK(decide({}, {}, recovered, seen(0, 2), kStart).reason == Reason::gear_lost);
}

TEST_CASE("what is missing or was lost is added although the gears that are left are DOWN, whatever the load") {
  auto state = calm();
  const auto missing = decide({}, {3, 3}, state, seen(500, 0, 0, 1), kStart);
  CHECK(missing.reason == Reason::below_min);
  CHECK(missing.target == 2);
  settle(state, Outcome::lost, kStart);
  const auto lost = decide({}, {1, 3}, state, seen(500, 0, 0, 1), kStart);
  CHECK(lost.reason == Reason::gear_lost);
  CHECK(lost.target == 1);
}

TEST_CASE("a gear is removed at the third consecutive low check and not at the second") {
  auto state = calm();
  CHECK(decide({}, {}, state, seen(1, 3), kStart).reason == Reason::low_checks);
  const auto second = decide({}, {}, state, seen(1, 3), kStart + 3s);
  CHECK(second.reason == Reason::low_checks);
  CHECK(second.numbers.low_checks == 2);
  const auto third = decide({}, {}, state, seen(1, 3), kStart + 6s);
  CHECK(third.action == Action::down);
  CHECK(third.reason == Reason::low_capacity);
  CHECK(third.target == 2);
  CHECK(third.numbers.low_checks == 0);  // a removal starts the count again: the next one takes three more checks, not a flap window
  CHECK(decide({}, {}, state, seen(1, 2), kStart + 9s).reason == Reason::low_checks);
  CHECK(decide({}, {}, state, seen(1, 2), kStart + 12s).reason == Reason::low_checks);
  CHECK(decide({}, {}, state, seen(1, 2), kStart + 15s).reason == Reason::low_capacity);
}

TEST_CASE("the threshold for a low check is below 49.9 percent") {
  Policy policy;
  policy.peak_guard = false;
  auto state = calm();
  CHECK(decide(policy, {}, state, seen(14.97, 3), kStart).reason == Reason::in_band);  // 49.9
  CHECK(decide(policy, {}, state, seen(14.96, 3), kStart).reason == Reason::low_checks);
}

TEST_CASE("flap protection holds a removal until 120 s after the last addition, and the count waits at 3") {
  PolicyState state;
  state.flap_start = kStart;
  Decision decision;
  for (auto now = kStart + 3s; now < kStart + 120s; now += 3s) decision = decide({}, {}, state, seen(1, 3), now);
  CHECK(decision.reason == Reason::flap_protection);
  CHECK(decision.numbers.low_checks == 3);
  CHECK(decision.numbers.left_til_remove == 3s);
  CHECK(decide({}, {}, state, seen(1, 3), kStart + 120s - 1ms).reason == Reason::flap_protection);
  CHECK(decide({}, {}, state, seen(1, 3), kStart + 120s).reason == Reason::low_capacity);
}

TEST_CASE("an addition restarts flap protection") {
  auto state = calm();
  settle(state, Outcome::added, kStart);
  CHECK(state.flap_start == kStart);
  for (auto now = kStart; now < kStart + 9s; now += 3s) CHECK(decide({}, {}, state, seen(1, 3), now).action == Action::hold);
}

TEST_CASE("the low checks start again after a check that is not low, an addition, or a check without data") {
  for (const int what : {0, 1, 2}) {
    auto state = calm();
    Policy policy;
    policy.peak_guard = false;
    decide(policy, {}, state, seen(1, 3), kStart);
    decide(policy, {}, state, seen(1, 3), kStart + 3s);
    CHECK(state.low_checks == 2);
    if (what == 0) decide(policy, {}, state, seen(20, 3), kStart + 6s);
    if (what == 1) decide(policy, {}, state, seen(29, 3), kStart + 6s);
    if (what == 2) {
      const auto blind = decide(policy, {}, state, std::nullopt, kStart + 6s);
      CHECK(blind.action == Action::hold);
      CHECK(blind.reason == Reason::no_data);
    }
    CHECK(state.low_checks == 0);
  }
}

TEST_CASE("a gear that would be added back is not removed") {
  auto state = calm();
  CHECK(decide({}, {}, state, seen(9, 2), kStart).reason == Reason::would_return);    // 9 on 1 gear are 90%
  CHECK(decide({}, {}, state, seen(8.9, 2), kStart).reason == Reason::would_return);  // the peak of 9 is remembered
  for (const double sessions : {8.9, 8.1}) {  // 81% on 1 gear are a tenth below up_pct: not below enough
    auto fresh = calm();
    CHECK(decide({}, {}, fresh, seen(sessions, 2), kStart).reason == Reason::would_return);
  }
  auto fresh = calm();
  CHECK(decide({}, {}, fresh, seen(8.0, 2), kStart).reason == Reason::low_checks);
}

TEST_CASE("the peak of the last 120 s guards the removal and then lets go") {
  auto state = calm();
  decide({}, {}, state, seen(18, 3), kStart);
  CHECK(decide({}, {}, state, seen(2, 3), kStart + 3s).reason == Reason::would_return);  // 18 on 2 gears are 90%
  CHECK(decide({}, {}, state, seen(2, 3), kStart + 120s).reason == Reason::would_return);
  CHECK(decide({}, {}, state, seen(2, 3), kStart + 123s).reason == Reason::low_checks);
}

TEST_CASE("scale_min and the last gear are never given up") {
  auto state = calm();
  CHECK(decide({}, {2, 4}, state, seen(0, 2), kStart).reason == Reason::at_min);
  CHECK(decide({}, {1, 4}, state, seen(0, 1), kStart).reason == Reason::at_min);
}

TEST_CASE("gears above a lowered scale_max are removed one a check") {
  auto state = calm();
  const auto decision = decide({}, {1, 2}, state, seen(25, 4), kStart);
  CHECK(decision.action == Action::down);
  CHECK(decision.reason == Reason::above_max);
  CHECK(decision.target == 3);
}

TEST_CASE("a failed addition holds further ones off for 3 s, then 6 s, at most 30 s, and a success ends it") {
  auto state = calm();
  settle(state, Outcome::add_failed, kStart);
  CHECK(decide({}, {}, state, seen(9, 1), kStart + 3s - 1ms).reason == Reason::hold_off);
  CHECK(decide({}, {}, state, seen(9, 1), kStart + 3s).reason == Reason::capacity_reached);
  settle(state, Outcome::add_failed, kStart + 3s);
  CHECK(decide({}, {}, state, seen(9, 1), kStart + 9s - 1ms).reason == Reason::hold_off);
  for (int i = 0; i < 20; ++i) settle(state, Outcome::add_failed, kStart);
  CHECK(state.add_not_before == kStart + 30s);
  settle(state, Outcome::served, kStart);
  CHECK(decide({}, {}, state, seen(9, 1), kStart).reason == Reason::capacity_reached);
}

TEST_CASE("a lost gear is replaced at once, as far as scale_max leaves room, and counts until something is added") {
  auto state = calm();
  settle(state, Outcome::lost, kStart);
  settle(state, Outcome::lost, kStart);
  const auto decision = decide({}, {}, state, seen(0, 2), kStart);
  CHECK(decision.action == Action::up);
  CHECK(decision.reason == Reason::gear_lost);
  CHECK(decision.target == 4);
  CHECK(decide({}, {.min = 1, .max = 3}, state, seen(0, 2), kStart).target == 3);
  CHECK(decide({}, {.min = 1, .max = 2}, state, seen(0, 2), kStart).reason != Reason::at_max);  // and does not keep removals from being judged
  settle(state, Outcome::added, kStart);
  CHECK(decide({}, {}, state, seen(0, 2), kStart).action == Action::hold);
}

TEST_CASE("an exhausted flap budget holds removals, never additions, and counts an hour") {
  const auto low = [](PolicyState& state, Time now) {
    state.low_checks = 3;
    return decide({}, {}, state, seen(0, 3), now);
  };
  auto state = calm();
  for (int i = 0; i < 119; ++i) settle(state, Outcome::cycled, kStart);
  CHECK(low(state, kStart).reason == Reason::low_capacity);
  settle(state, Outcome::cycled, kStart);
  CHECK(low(state, kStart).reason == Reason::flap_budget);
  CHECK(low(state, kStart).numbers.low_checks == 3);
  CHECK(decide({}, {}, state, seen(30, 3), kStart).action == Action::up);
  CHECK(decide({}, {.min = 1, .max = 2}, state, seen(0, 3), kStart).reason == Reason::above_max);  // an order, not a wish of the load
  CHECK(low(state, kStart + 60min).reason == Reason::low_capacity);
  Policy without;
  without.flap_budget = 0;
  state.low_checks = 3;
  CHECK(decide(without, {}, state, seen(0, 3), kStart).reason == Reason::low_capacity);
}

TEST_CASE("a failed removal holds off removals and no addition") {
  auto state = calm();
  settle(state, Outcome::remove_failed, kStart);
  CHECK(decide({}, {}, state, seen(9, 1), kStart).action == Action::up);
  for (const auto now : {kStart - 6s, kStart - 3s}) decide({}, {}, state, seen(0, 3), now);
  auto quiet = calm();
  quiet.low_checks = 3;
  settle(quiet, Outcome::remove_failed, kStart);
  CHECK(decide({}, {}, quiet, seen(0, 3), kStart + 1s).reason == Reason::hold_off);
  CHECK(decide({}, {}, quiet, seen(0, 3), kStart + 3s).reason == Reason::low_capacity);
}

TEST_CASE("the same inputs give the same decision") {
  for (int sessions = 0; sessions < 60; ++sessions) {
    auto one = calm();
    auto two = calm();
    const auto first = decide({}, {1, 4}, one, seen(sessions, 3, 1), kStart);
    const auto second = decide({}, {1, 4}, two, seen(sessions, 3, 1), kStart);
    CHECK(first.reason == second.reason);
    CHECK(first.target == second.target);
  }
}
