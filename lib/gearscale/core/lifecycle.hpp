// SPDX-License-Identifier: Apache-2.0
// The life of one gear: which step comes next, given what is meant (the registry) and what is (HAProxy, LXC). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "gearscale/core/gear.hpp"

namespace gearscale::core {

// How HAProxy has a gear's server.
enum class ServerState { absent, up, down, drain, maint };

// How LXC has a gear's container. `unknown`: not looked at (looking costs a call each, so only suspicious gears are inspected).
enum class ContainerState { unknown, absent, stopped, running, frozen };

// A job is a step that waits (clone, start, probe; freeze; stop, destroy), done off the tick.
enum class JobState { none, running, succeeded, failed };

std::string_view to_string(ServerState state);
std::string_view to_string(ContainerState state);

// One gear as everybody sees it.
struct GearView {
  const Gear* gear = nullptr;
  ServerState server = ServerState::absent;
  int scur = 0;                        // current sessions of its server
  bool may_have_more = false;          // an earlier HAProxy process, which a reload left behind, may still have sessions of it
  std::uint64_t stot_last_minute = 0;  // sessions that it got in the last minute
  Time down_since = Time::max();       // since when HAProxy has it DOWN; Time::max() while it does not
  Time idle_since{};                   // since when scur is 0 and no session came; Time::max() while it is in use
  ContainerState container = ContainerState::unknown;
  JobState job = JobState::none;  // of the job that belongs to the gear's present state
  bool unconfirmed = false;       // woken or thawed, and not probed since
  bool answered = false;          // the job that confirms it succeeded
  Time settle_from{};             // standby that runs: no look whether its boot has ended before
  bool half_enrolled = false;     // the last try to enrol it failed: HAProxy may have its server, but not ready
  int failures = 0;               // steps that failed in a row
  Time not_before{};              // after a failed step: no other step before
};

enum class StepKind {
  create,          // a new entry in the registry (state starting)
  create_standby,  // a new entry in the registry (state preparing)
  bring_up,        // job: clone, start, probe
  enrol,           // hand it to HAProxy: server added, ready, line in haproxy.cfg
  wake,            // standby -> serving: thawed and handed to HAProxy at once, then written down
  rouse,           // standby -> starting: for one that cannot be woken at once
  adopt,           // standby -> serving: a crash came after its waking
  confirm,         // job: is a woken gear really there? (and liblxc learns that it is thawed)
  prove,           // it is: written down
  recall,          // draining -> serving: load came back
  stand_by,        // job: clone, start, probe
  rest,            // preparing -> standby
  settle,          // job: a standby that runs is frozen when its boot has ended
  begin_drain,     // decided: serving -> draining
  set_drain,       // HAProxy does not drain it yet, or forgot it (restart)
  begin_removal,   // drained, past the deadline, or a standby not wanted: -> removing
  set_maint,       // HAProxy stops sending anything
  cut_sessions,    // past the deadline: shut the sessions that are left
  unenrol,         // out of HAProxy and haproxy.cfg
  park,            // removing -> preparing: the pool has room for it
  tear_down,       // job: stop, destroy
  forget,          // the entry leaves the registry
  give_up,         // it did not become ready, or died: -> failed
  relieve,         // it serves in place of another one: that one drains
};

std::string_view to_string(StepKind kind);

// How long a state may last.
struct Timeouts {
  Millis boot{60'000};         // starting: clone, start and probe together
  Millis drain_idle{30'000};   // draining: without a session for this long it may go
  Millis drain_soft{600'000};  // draining: at most
  Millis drain_hard{60'000};   // removing: connections left this long after maint are shut
  Millis tear_down{60'000};    // stop and destroy
  Millis down{30'000};         // serving: DOWN in HAProxy while others are UP; 0: however long
};

// Is it one of those that the limits count: on its way, or handed to HAProxy? Not one that takes another one's place, nor one that an operator
// holds in MAINT or DRAIN, nor one whose container ended.
bool is_counted(const GearView& view);

// Is it proven to serve: counted, UP in HAProxy, and it has answered since it was started or woken?
bool is_proven(const GearView& view);

// Puts a gear into a state and sets the state's deadline. What it was for ends with the state that it was for: see `replaces`, `unconfirmed`.
void enter(Gear& gear, GearState state, const Timeouts& timeouts, Time now);

// The next step of this gear by itself, or nothing while it waits or serves well.
std::optional<StepKind> next_step(const GearView& view, const Timeouts& timeouts, Time now);

// Does the gear belong into our block of haproxy.cfg? Only gears that are to serve again after a restart of HAProxy, and draining ones
// (their sticky clients stay with them).
bool belongs_in_file(GearState state);

}  // namespace gearscale::core
