// SPDX-License-Identifier: Apache-2.0
// The decision of one tick: from what was seen and what is remembered to a target, with its reason and numbers.
// Pure: time is an argument, the same inputs give the same decision on any machine.
#pragma once

#include <optional>
#include <string_view>

#include "gearscale/core/peak.hpp"
#include "gearscale/core/types.hpp"

namespace gearscale::core {

// What one check saw. Gears that are not ours, standbys and gears an operator put into maint are in none of the counts.
struct Observation {
  double sessions = 0;  // BACKEND scur, queued ones included
  int serving = 0;      // ours, in rotation (UP, enrolled)
  int coming = 0;       // on their way to serving
  int down = 0;         // ours, enrolled, DOWN by health check
  int draining = 0;     // leaving; for the record, no rule looks at it
};

enum class Action { hold, up, down };

// The closed list of reasons; docs/scripting.md explains each.
enum class Reason {
  // up
  capacity_reached,  // capacity, coming gears included, is at or above up_pct
  below_min,         // fewer gears than scale_min: repaired at once
  forced,            // asked for by hand
  // down
  low_capacity,  // enough consecutive low checks and flap protection is over
  above_max,     // scale_max was lowered below what serves
  // hold
  in_band,          // between the thresholds
  coming_suffices,  // at or above up_pct, but gears on their way will bring it below
  at_max,           // would add, but scale_max is reached
  at_min,           // would count a low check, but scale_min is reached
  would_return,     // low now, but the gear would be added back at the peak load of the last flap_protection
  low_checks,       // low, still counting
  flap_protection,  // enough low checks, too soon after an addition
  hold_off,         // would act, but the last such action failed a moment ago
  all_down,         // all gears are DOWN in HAProxy
  no_data,          // HAProxy could not be observed
  disabled,         // the disable_auto_scaling marker is there
};

std::string_view to_string(Action action);
std::string_view to_string(Reason reason);

// What a decision was made from; printed in GEAR_ lines and in scale_events.jsonl.
struct Numbers {
  double sessions = 0;
  int serving = 0, coming = 0, down = 0, draining = 0;
  double capacity_pct = 0;         // serving gears alone
  double capacity_coming_pct = 0;  // with those on their way
  double peak_sessions = 0;        // highest of the last flap_protection
  int low_checks = 0;              // after this check
  Millis left_til_remove{0};       // of flap protection; 0 when over
};

struct Decision {
  Action action = Action::hold;
  Reason reason = Reason::no_data;
  int target = 0;  // serving + coming gears there should be; without data, as before
  Numbers numbers;
};

// What the decision remembers from check to check.
struct PolicyState {
  Time flap_start{};         // the last addition or the start of the controller
  int low_checks = 0;        // consecutive, at most remove_checks
  PeakWindow peak;           // of sessions
  Time add_not_before{};     // hold-off after a failed addition
  Time remove_not_before{};  // hold-off after a failed removal
  int add_failures = 0;      // in a row; the hold-off grows with them
  int remove_failures = 0;
};

// One check. Without an observation it holds (no_data) and the low checks start again. Additions are one gear a check, except for the
// repair below scale_min, which goes there at once. `state` is changed as the check demands.
Decision decide(const Policy& policy, const Limits& limits, PolicyState& state, const std::optional<Observation>& seen, Time now);

// One sample between two checks: only the peak remembers it, so that a short rush between checks guards against a removal too.
void sample(const Policy& policy, PolicyState& state, double sessions, Time now);

// What came of an action: an addition (its start) restarts flap protection; a failure starts a hold-off of 3 s for actions of its own
// direction, doubled by each further failure up to 60 s; a gear that serves, or one that was removed, ends it.
enum class Outcome { added, served, add_failed, removed, remove_failed };
void settle(PolicyState& state, Outcome outcome, Time now);

}  // namespace gearscale::core
