// SPDX-License-Identifier: Apache-2.0
// The decision of one tick: from what was seen and what is remembered to a target, with its reason and numbers.
// Pure: time is an argument, the same inputs give the same decision on any machine.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "gearscale/core/breaker.hpp"
#include "gearscale/core/mean.hpp"
#include "gearscale/core/peak.hpp"
#include "gearscale/core/types.hpp"

namespace gearscale::core {

// What the log of requests says. `value_ms` is the percentile that the policy looks at.
struct ResponseView {
  enum class State {
    off,      // not asked
    lost,     // its source is gone or drops lines
    too_few,  // fewer than response_min_requests
    live,
  };
  State state = State::off;
  std::uint64_t count = 0;
  std::uint32_t p50_ms = 0, p90_ms = 0, p99_ms = 0;
};

std::string_view to_string(ResponseView::State state);
std::uint32_t value_ms(const ResponseView& response, Percentile percentile);

// What one look saw. Gears that are not ours, those that replace another one which still serves, and gears that an operator put into maint
// are in none of the counts.
struct Observation {
  double sessions = 0;  // BACKEND scur, queued ones included
  int serving = 0;      // ours, in rotation (UP, enrolled)
  int coming = 0;       // on their way to serving
  int down = 0;         // ours, enrolled, DOWN by health check
  int draining = 0;     // leaving; for the record, no rule looks at it
  int standby = 0;      // ready in advance; for the record
  ResponseView response;
};

enum class Action { hold, up, down };

// The closed list of reasons; docs/scripting.md explains each.
enum class Reason {
  // up
  capacity_reached,  // capacity, coming gears included, is at or above up_pct
  response_slow,     // the percentile of response times is above response_up
  below_min,         // fewer gears than scale_min: repaired at once
  gear_lost,         // a serving gear died or hung: replaced at once
  all_hang,          // all gears have been DOWN for down_timeout: one fresh gear is tried
  forced,            // asked for by hand
  // down
  low_capacity,  // enough consecutive low checks and flap protection is over
  above_max,     // scale_max was lowered below what serves
  // hold
  in_band,           // between the thresholds
  coming_suffices,   // at or above up_pct, but gears on their way will bring it below
  at_max,            // would add, but scale_max is reached
  at_min,            // would count a low check, but scale_min is reached
  response_in_band,  // not low by response time
  too_few_requests,  // response time alone decides, and there are too few requests to judge by
  signal_lost,       // response time is looked at, but its log is lost: no removal without it
  refilling,         // HAProxy was reloaded or restarted: its numbers start from nothing
  would_return,      // low now, but the gear would be added back at the peak load of the last flap_protection
  low_checks,        // low, still counting
  flap_protection,   // enough low checks, too soon after an addition
  flap_budget,       // would remove, but too many gears were started and destroyed in the last hour
  hold_off,          // would act, but the last such action failed a moment ago
  all_down,          // all gears are DOWN in HAProxy, not yet for long enough
  no_data,           // HAProxy could not be observed
  disabled,          // the disable_auto_scaling marker is there
};

std::string_view to_string(Action action);
std::string_view to_string(Reason reason);

// What a decision was made from; printed in GEAR_ lines and in scale_events.jsonl.
struct Numbers {
  double sessions = 0;  // mean of the last up_window
  int serving = 0, coming = 0, down = 0, draining = 0, standby = 0;
  double capacity_pct = 0;         // serving gears alone
  double capacity_coming_pct = 0;  // with those on their way
  double peak_sessions = 0;        // highest short mean of the last flap_protection
  int low_checks = 0;              // after this check
  Millis left_til_remove{0};       // of flap protection; 0 when over
  ResponseView response;
};

struct Decision {
  Action action = Action::hold;
  Reason reason = Reason::no_data;
  int target = 0;  // serving + coming gears there should be; without data, as before
  Numbers numbers;
};

// What the decision remembers from look to look.
struct PolicyState {
  Time flap_start{};         // the last addition, reload of HAProxy or start of the controller
  Time refilled_at{};        // after a reload: when the windows are full again
  int low_checks = 0;        // consecutive, at most remove_checks
  ShortMean recent;          // of sessions, over up_window
  PeakWindow peak;           // of that mean
  Time add_not_before{};     // hold-off after a failed addition
  Time remove_not_before{};  // hold-off after a failed removal
  int add_failures = 0;      // in a row; the hold-off grows with them
  int remove_failures = 0;
  int lost = 0;  // serving gears that died or hung and have not been replaced; -1: the next one has been, by the fresh gear of all_hang
  std::optional<Time> all_down_since;  // no gear is UP, and one or more are DOWN
  Time fresh_at{};                     // the last fresh gear that was tried against that
  int fresh_tries = 0;                 // in a row; the pause after each grows with them
  HourCount cycles;                    // cold starts and destroys
};

// Takes a sample of the sessions: additions look at the mean of up_window, removals at the highest such mean of flap_protection.
void sample(const Policy& policy, PolicyState& state, double sessions, Time now);

// One check: takes the observation as a sample, then decides. Without an observation it holds (no_data) and the low checks start again. An
// addition is as many gears as the load asks for, at most max_step_up; a repair below scale_min goes there at once; a removal is one gear.
Decision decide(const Policy& policy, const Limits& limits, PolicyState& state, const std::optional<Observation>& seen, Time now);

// A look between two checks, after its sample() was taken: may only add. One that holds changes nothing but since when all gears are DOWN, and
// what is owed; its reason then is in_band when no addition was asked for.
Decision decide_fast(const Policy& policy, const Limits& limits, PolicyState& state, const Observation& seen, Time now);

// The smallest number of gears that brings the sessions below up_pct: the smallest n with 100 * sessions / (n * sessions_per_gear) < up_pct;
// at most 1,000,000.
int gears_needed(const Policy& policy, double sessions);

// HAProxy was reloaded or restarted: it counts from nothing now. The flap window starts again, low checks and the time that all gears have been
// DOWN for, too, and nothing is removed before the windows are full.
void reloaded(const Policy& policy, PolicyState& state, Time now);

// What came of an action: an addition (its start) restarts flap protection; a failure starts a hold-off of 3 s for actions of its own
// direction, doubled by each further failure up to 30 s; a gear that serves, or one that was removed, ends it. A lost gear is replaced as
// far as scale_max leaves room; a cold start or a destroy counts against the flap budget. The addition of all_hang (added_fresh) makes the
// pause before the next one longer, and is the successor of the first gear that is lost after it, unless it never served (fresh_failed).
// An addition that the breaker postpones is asked for again after a second.
enum class Outcome { added, added_fresh, fresh_failed, served, add_failed, add_postponed, removed, remove_failed, lost, cycled };
void settle(PolicyState& state, Outcome outcome, Time now);

}  // namespace gearscale::core
