// SPDX-License-Identifier: Apache-2.0
// The rules of the policies, in the order in which they win. Pure.
#include "gearscale/core/decision.hpp"

#include <algorithm>
#include <cmath>

#include "gearscale/core/capacity.hpp"

namespace gearscale::core {

namespace {

constexpr Millis kFirstHoldOff{3'000};
constexpr Millis kLongestHoldOff{30'000};
constexpr Millis kPostponed{1'000};
constexpr Millis kLongestFreshPause{300'000};
constexpr int kSmallestStepLimit = 4;
constexpr double kMostGears = 1e6;
// The gears that stay must not only be below up_pct at the peak, but a tenth below it: additions look thirty times as often as removals, so a
// noisy load finds its way over the edge. Measured at a steady noisy load (mean 12 sessions of 5 s): 4.5 additions an hour without, 0.8 with it.
constexpr double kReturnMargin = 0.9;

Millis hold_off(int failures) {
  const int doublings = std::clamp(failures - 1, 0, 5);
  return std::min(kFirstHoldOff * (1 << doublings), kLongestHoldOff);
}

Millis flap_left(const Policy& policy, const PolicyState& state, Time now) {
  return std::max(Millis{0}, policy.flap_protection - (now - state.flap_start));
}

Numbers numbers_of(const Policy& policy, const PolicyState& state, const Observation& seen, Time now) {
  Numbers numbers;
  numbers.sessions = state.recent.mean();
  numbers.serving = seen.serving;
  numbers.coming = seen.coming;
  numbers.down = seen.down;
  numbers.draining = seen.draining;
  numbers.standby = seen.standby;
  numbers.capacity_pct = capacity_pct({numbers.sessions, seen.serving, policy.sessions_per_gear});
  numbers.capacity_coming_pct = capacity_pct({numbers.sessions, seen.serving + seen.coming, policy.sessions_per_gear});
  numbers.peak_sessions = state.peak.peak();
  numbers.low_checks = state.low_checks;
  numbers.left_til_remove = flap_left(policy, state, now);
  numbers.response = seen.response;
  return numbers;
}

bool is_slow(const Policy& policy, const ResponseView& response) {
  return policy.use_response && response.state == ResponseView::State::live &&
         value_ms(response, policy.response.percentile) > policy.response.up.count();
}

struct Verdict {
  Action action = Action::hold;
  Reason reason = Reason::in_band;
  int target = 0;
};

bool all_are_down(const Observation& seen) { return seen.serving == 0 && seen.down > 0; }

Millis fresh_pause(const Policy& policy, int tries) {
  const auto longest = std::max(kLongestFreshPause, policy.down_timeout);
  return std::min(policy.down_timeout * (1 << std::min(tries, 10)), longest);
}

void follow_all_down(const Policy& policy, PolicyState& state, const Observation& seen, Time now) {
  if (seen.down == 0) state.lost = std::max(state.lost, 0);  // none is left to which the fresh gear could be the successor
  if (!all_are_down(seen)) return state.all_down_since.reset();
  if (state.all_down_since) return;
  state.all_down_since = now;
  // A fresh gear that hangs soon after it served is no cure: the pauses go on growing.
  if (now - state.fresh_at > fresh_pause(policy, state.fresh_tries) + kLongestFreshPause) state.fresh_tries = 0;
}

// Nothing is owed to a farm that has all it may have: what was given up was one too many.
void forgive(const Limits& limits, PolicyState& state, const Observation& seen) {
  const int counted = seen.serving + seen.coming + seen.down;
  if (limits.max != Limits::kNoLimit && counted >= limits.max) state.lost = std::min(state.lost, 0);
}

// More gears of the same kind would most likely be DOWN as well, and destroying some helps nobody while the cause is outside. But what hangs in a
// running gear (a lock, a connection, a leak) is not there in a fresh one: so one is tried, beside scale_max, at down_timeout and then at growing
// intervals.
Verdict when_all_are_down(const Policy& policy, const Limits& limits, const PolicyState& state, const Observation& seen, Time now) {
  const bool room = limits.max == Limits::kNoLimit || seen.down <= limits.max;
  const bool never = policy.down_timeout == Millis{0};
  const auto pause_over = state.fresh_tries == 0 ? Time{} : state.fresh_at + fresh_pause(policy, state.fresh_tries);
  const bool due = state.all_down_since && now >= std::max(*state.all_down_since + policy.down_timeout, pause_over);
  if (never || !due || !room || seen.coming > 0 || now < state.add_not_before) {
    return Verdict{Action::hold, Reason::all_down, seen.coming};
  }
  return Verdict{Action::up, Reason::all_hang, 1};
}

// Is an addition asked for, and may it be? Nothing when no rule about additions has anything to say.
std::optional<Verdict> addition(const Policy& policy, const Limits& limits, const PolicyState& state, const Observation& seen,
                                const Numbers& numbers, Time now) {
  const int there = seen.serving + seen.coming;  // will serve without our doing anything
  const int counted = there + seen.down;         // what the limits count
  const auto hold = [&](Reason reason) { return Verdict{Action::hold, reason, there}; };
  const bool held_off = now < state.add_not_before;
  if (counted < limits.min) {
    if (held_off) return hold(Reason::hold_off);
    return Verdict{Action::up, Reason::below_min, there + limits.min - counted};
  }
  const bool lost = state.lost > 0 && (limits.max == Limits::kNoLimit || counted < limits.max);
  const bool down = all_are_down(seen);
  if (down && !lost) return when_all_are_down(policy, limits, state, seen, now);
  const double sure = std::min(numbers.sessions, state.recent.steady());
  const bool busy = !down && policy.use_sessions && capacity_pct({sure, there, policy.sessions_per_gear}) >= policy.up_pct;
  const bool slow = !down && is_slow(policy, seen.response);
  if (!busy && !lost && !(slow && seen.coming == 0)) {
    const bool enough_coming = slow || (policy.use_sessions && numbers.capacity_pct >= policy.up_pct && seen.coming > 0);
    return enough_coming ? std::optional(hold(Reason::coming_suffices)) : std::nullopt;
  }
  if (limits.max != Limits::kNoLimit && counted >= limits.max) return hold(Reason::at_max);
  if (held_off) return hold(Reason::hold_off);
  const int needed = std::max(busy ? gears_needed(policy, numbers.sessions) : 0, there + std::max(1, state.lost));
  const int step = policy.max_step_up > 0 ? policy.max_step_up : std::max(kSmallestStepLimit, seen.serving);
  int target = std::min(needed, there + step);
  if (limits.max != Limits::kNoLimit) target = std::min(target, limits.max - seen.down);
  return Verdict{Action::up, busy ? Reason::capacity_reached : slow ? Reason::response_slow : Reason::gear_lost, target};
}

// Is this check a low one? Reason::low_checks if so, else why it is not: every signal that has something to say must agree.
Reason low_check(const Policy& policy, const Limits& limits, const Observation& seen, const Numbers& numbers) {
  const auto& response = seen.response;
  if (policy.use_sessions && numbers.capacity_pct >= policy.remove_pct) return Reason::in_band;
  if (seen.serving <= limits.min || seen.serving <= 1) return Reason::at_min;
  if (policy.use_response) {
    if (response.state == ResponseView::State::lost || response.state == ResponseView::State::off) return Reason::signal_lost;
    if (response.state == ResponseView::State::too_few && !policy.use_sessions) return Reason::too_few_requests;
    const bool fast = value_ms(response, policy.response.percentile) < policy.response.remove.count();
    if (response.state == ResponseView::State::live && !fast) return Reason::response_in_band;
  }
  if (!policy.use_sessions) return Reason::low_checks;
  const double load = policy.peak_guard ? std::max(numbers.peak_sessions, numbers.sessions) : numbers.sessions;
  const double without_one = capacity_pct({load, seen.serving - 1, policy.sessions_per_gear});
  return without_one < kReturnMargin * policy.up_pct ? Reason::low_checks : Reason::would_return;
}

// A check without an addition: too many gears, or fewer needed?
Verdict removal(const Policy& policy, const Limits& limits, PolicyState& state, const Observation& seen, const Numbers& numbers, Time now) {
  const int there = seen.serving + seen.coming;
  const auto hold = [&](Reason reason) { return Verdict{Action::hold, reason, there}; };
  const bool held_off = now < state.remove_not_before;
  if (limits.max != Limits::kNoLimit && seen.serving > limits.max) {
    return held_off ? hold(Reason::hold_off) : Verdict{Action::down, Reason::above_max, there - 1};
  }
  const Reason low = low_check(policy, limits, seen, numbers);
  if (low != Reason::low_checks) return hold(low);
  if (now < state.refilled_at) return hold(Reason::refilling);
  state.low_checks = std::min(state.low_checks + 1, policy.remove_checks);
  if (state.low_checks < policy.remove_checks) return hold(Reason::low_checks);
  if (numbers.left_til_remove > Millis{0}) return hold(Reason::flap_protection);
  if (held_off) return hold(Reason::hold_off);
  if (policy.flap_budget > 0 && state.cycles.count(now) >= policy.flap_budget) return hold(Reason::flap_budget);
  return Verdict{Action::down, Reason::low_capacity, there - 1};
}

bool keeps_low_checks(Reason reason) {
  return reason == Reason::low_checks || reason == Reason::flap_protection || reason == Reason::hold_off ||
         reason == Reason::flap_budget;
}

}  // namespace

int gears_needed(const Policy& policy, double sessions) {
  if (sessions <= 0) return 0;
  // n > 100 * sessions / (sessions_per_gear * up_pct); the loops mend what rounding may have done at an edge.
  auto n = static_cast<int>(std::min(std::floor(100.0 * sessions / (policy.sessions_per_gear * policy.up_pct)) + 1, kMostGears));
  while (n > 1 && capacity_pct({sessions, n - 1, policy.sessions_per_gear}) < policy.up_pct) --n;
  while (n < kMostGears && capacity_pct({sessions, n, policy.sessions_per_gear}) >= policy.up_pct) ++n;
  return n;
}

void sample(const Policy& policy, PolicyState& state, double sessions, Time now) {
  state.recent.add(now, policy.up_window, sessions);
  state.peak.add(now, policy.flap_protection, state.recent.mean());
}

Decision decide(const Policy& policy, const Limits& limits, PolicyState& state, const std::optional<Observation>& seen, Time now) {
  Decision decision;
  if (!seen) {
    state.low_checks = 0;
    state.all_down_since.reset();
    decision.numbers.left_til_remove = flap_left(policy, state, now);
    return decision;
  }
  sample(policy, state, seen->sessions, now);
  follow_all_down(policy, state, *seen, now);
  forgive(limits, state, *seen);
  decision.numbers = numbers_of(policy, state, *seen, now);
  const bool surplus = limits.max != Limits::kNoLimit && seen->serving > limits.max;
  auto verdict = surplus ? std::nullopt : addition(policy, limits, state, *seen, decision.numbers, now);
  if (verdict) {
    state.low_checks = 0;
  } else {
    verdict = removal(policy, limits, state, *seen, decision.numbers, now);
    if (!keeps_low_checks(verdict->reason)) state.low_checks = 0;
  }
  decision.action = verdict->action;
  decision.reason = verdict->reason;
  decision.target = verdict->target;
  decision.numbers.low_checks = state.low_checks;
  return decision;
}

Decision decide_fast(const Policy& policy, const Limits& limits, PolicyState& state, const Observation& seen, Time now) {
  Decision decision;
  follow_all_down(policy, state, seen, now);
  forgive(limits, state, seen);
  decision.numbers = numbers_of(policy, state, seen, now);
  const auto verdict = addition(policy, limits, state, seen, decision.numbers, now);
  decision.action = verdict ? verdict->action : Action::hold;
  decision.reason = verdict ? verdict->reason : Reason::in_band;
  decision.target = verdict ? verdict->target : seen.serving + seen.coming;
  if (decision.action == Action::up) {
    state.low_checks = 0;
    decision.numbers.low_checks = 0;
  }
  return decision;
}

void reloaded(const Policy& policy, PolicyState& state, Time now) {
  state.flap_start = now;
  state.low_checks = 0;
  state.all_down_since.reset();
  state.recent.clear();
  state.refilled_at = now + std::max(policy.up_window, policy.use_response ? policy.response.window : Millis{0});
}

void settle(PolicyState& state, Outcome outcome, Time now) {
  switch (outcome) {
    case Outcome::added:
      state.flap_start = std::max(state.flap_start, now);
      state.low_checks = 0;
      state.lost = 0;
      break;
    case Outcome::added_fresh:
      settle(state, Outcome::added, now);
      state.lost = -1;
      state.fresh_at = now;
      ++state.fresh_tries;
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
    case Outcome::lost: ++state.lost; break;
    case Outcome::cycled: state.cycles.add(now); break;
    case Outcome::add_failed: state.add_not_before = now + hold_off(++state.add_failures); break;
    case Outcome::fresh_failed: state.lost = std::max(state.lost, 0); break;
    case Outcome::add_postponed: state.add_not_before = std::max(state.add_not_before, now + kPostponed); break;
    case Outcome::remove_failed: state.remove_not_before = now + hold_off(++state.remove_failures); break;
  }
}

std::uint32_t value_ms(const ResponseView& response, Percentile percentile) {
  switch (percentile) {
    case Percentile::p50: return response.p50_ms;
    case Percentile::p90: return response.p90_ms;
    case Percentile::p99: return response.p99_ms;
  }
  return 0;
}

std::string_view to_string(ResponseView::State state) {
  switch (state) {
    case ResponseView::State::off: return "off";
    case ResponseView::State::lost: return "lost";
    case ResponseView::State::too_few: return "too_few";
    case ResponseView::State::live: return "live";
  }
  return "?";
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
    case Reason::response_slow: return "response_slow";
    case Reason::below_min: return "below_min";
    case Reason::gear_lost: return "gear_lost";
    case Reason::all_hang: return "all_hang";
    case Reason::forced: return "forced";
    case Reason::low_capacity: return "low_capacity";
    case Reason::above_max: return "above_max";
    case Reason::in_band: return "in_band";
    case Reason::coming_suffices: return "coming_suffices";
    case Reason::at_max: return "at_max";
    case Reason::at_min: return "at_min";
    case Reason::response_in_band: return "response_in_band";
    case Reason::too_few_requests: return "too_few_requests";
    case Reason::signal_lost: return "signal_lost";
    case Reason::refilling: return "refilling";
    case Reason::would_return: return "would_return";
    case Reason::low_checks: return "low_checks";
    case Reason::flap_protection: return "flap_protection";
    case Reason::flap_budget: return "flap_budget";
    case Reason::hold_off: return "hold_off";
    case Reason::all_down: return "all_down";
    case Reason::no_data: return "no_data";
    case Reason::disabled: return "disabled";
  }
  return "?";
}

}  // namespace gearscale::core
