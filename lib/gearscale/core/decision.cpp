// SPDX-License-Identifier: Apache-2.0
// The rules of the `sessions` policy, in the order in which they win. Pure.
#include "gearscale/core/decision.hpp"

#include <algorithm>

#include "gearscale/core/capacity.hpp"

namespace gearscale::core {

namespace {

constexpr Millis kFirstHoldOff{3'000};
constexpr Millis kLongestHoldOff{60'000};

Millis hold_off(int failures) {
  const int doublings = std::clamp(failures - 1, 0, 5);
  return std::min(kFirstHoldOff * (1 << doublings), kLongestHoldOff);
}

Millis flap_left(const Policy& policy, const PolicyState& state, Time now) {
  return std::max(Millis{0}, policy.flap_protection - (now - state.flap_start));
}

Numbers numbers_of(const Policy& policy, const PolicyState& state, const Observation& seen, Time now) {
  Numbers numbers;
  numbers.sessions = seen.sessions;
  numbers.serving = seen.serving;
  numbers.coming = seen.coming;
  numbers.down = seen.down;
  numbers.draining = seen.draining;
  numbers.capacity_pct = capacity_pct({seen.sessions, seen.serving, policy.sessions_per_gear});
  numbers.capacity_coming_pct = capacity_pct({seen.sessions, seen.serving + seen.coming, policy.sessions_per_gear});
  numbers.peak_sessions = state.peak.peak();
  numbers.left_til_remove = flap_left(policy, state, now);
  return numbers;
}

// Is this check a low one? Reason::low_checks if so, else why it is not.
Reason low_check(const Policy& policy, const Limits& limits, const PolicyState& state, const Observation& seen, double pct) {
  if (pct >= policy.remove_pct) return Reason::in_band;
  if (seen.serving <= limits.min || seen.serving <= 1) return Reason::at_min;
  const double load = policy.peak_guard ? std::max(state.peak.peak(), seen.sessions) : seen.sessions;
  const double without_one = capacity_pct({load, seen.serving - 1, policy.sessions_per_gear});
  return without_one < policy.up_pct ? Reason::low_checks : Reason::would_return;
}

}  // namespace

Decision decide(const Policy& policy, const Limits& limits, PolicyState& state, const std::optional<Observation>& seen, Time now) {
  Decision decision;
  if (!seen) {
    state.low_checks = 0;
    decision.numbers.left_til_remove = flap_left(policy, state, now);
    return decision;
  }
  state.peak.add(now, policy.flap_protection, seen->sessions);
  decision.numbers = numbers_of(policy, state, *seen, now);
  const int there = seen->serving + seen->coming;  // will serve without our doing anything
  const int counted = there + seen->down;          // what the limits count
  decision.target = there;

  const auto conclude = [&](Action action, Reason reason, int target) {
    decision.action = action;
    decision.reason = reason;
    decision.target = target;
    if (reason != Reason::low_checks && reason != Reason::flap_protection && reason != Reason::hold_off) state.low_checks = 0;
    decision.numbers.low_checks = state.low_checks;
    return decision;
  };

  if (seen->serving == 0 && seen->coming == 0 && seen->down > 0) return conclude(Action::hold, Reason::all_down, there);
  if (counted < limits.min) {
    if (now < state.add_not_before) return conclude(Action::hold, Reason::hold_off, there);
    return conclude(Action::up, Reason::below_min, there + limits.min - counted);
  }
  if (limits.max != Limits::kNoLimit && seen->serving > limits.max) {
    if (now < state.remove_not_before) return conclude(Action::hold, Reason::hold_off, there);
    return conclude(Action::down, Reason::above_max, there - 1);
  }
  if (decision.numbers.capacity_coming_pct >= policy.up_pct) {
    state.low_checks = 0;
    if (limits.max != Limits::kNoLimit && counted >= limits.max) return conclude(Action::hold, Reason::at_max, there);
    if (now < state.add_not_before) return conclude(Action::hold, Reason::hold_off, there);
    return conclude(Action::up, Reason::capacity_reached, there + 1);
  }
  if (decision.numbers.capacity_pct >= policy.up_pct) return conclude(Action::hold, Reason::coming_suffices, there);

  const Reason low = low_check(policy, limits, state, *seen, decision.numbers.capacity_pct);
  if (low != Reason::low_checks) return conclude(Action::hold, low, there);
  state.low_checks = std::min(state.low_checks + 1, policy.remove_checks);
  if (state.low_checks < policy.remove_checks) return conclude(Action::hold, Reason::low_checks, there);
  if (decision.numbers.left_til_remove > Millis{0}) return conclude(Action::hold, Reason::flap_protection, there);
  if (now < state.remove_not_before) return conclude(Action::hold, Reason::hold_off, there);
  return conclude(Action::down, Reason::low_capacity, there - 1);
}

void sample(const Policy& policy, PolicyState& state, double sessions, Time now) { state.peak.add(now, policy.flap_protection, sessions); }

void settle(PolicyState& state, Outcome outcome, Time now) {
  switch (outcome) {
    case Outcome::added:
      state.flap_start = std::max(state.flap_start, now);
      state.low_checks = 0;
      break;
    case Outcome::served:
      state.add_failures = 0;
      state.add_not_before = Time{};
      break;
    case Outcome::removed:
      state.low_checks = 0;
      state.remove_failures = 0;
      state.remove_not_before = Time{};
      break;
    case Outcome::add_failed: state.add_not_before = now + hold_off(++state.add_failures); break;
    case Outcome::remove_failed: state.remove_not_before = now + hold_off(++state.remove_failures); break;
  }
}

std::string_view to_string(Action action) {
  switch (action) {
    case Action::hold: return "hold";
    case Action::up: return "up";
    case Action::down: return "down";
  }
  return "?";
}

std::string_view to_string(Reason reason) {
  switch (reason) {
    case Reason::capacity_reached: return "capacity_reached";
    case Reason::below_min: return "below_min";
    case Reason::forced: return "forced";
    case Reason::low_capacity: return "low_capacity";
    case Reason::above_max: return "above_max";
    case Reason::in_band: return "in_band";
    case Reason::coming_suffices: return "coming_suffices";
    case Reason::at_max: return "at_max";
    case Reason::at_min: return "at_min";
    case Reason::would_return: return "would_return";
    case Reason::low_checks: return "low_checks";
    case Reason::flap_protection: return "flap_protection";
    case Reason::hold_off: return "hold_off";
    case Reason::all_down: return "all_down";
    case Reason::no_data: return "no_data";
    case Reason::disabled: return "disabled";
  }
  return "?";
}

}  // namespace gearscale::core
