// SPDX-License-Identifier: Apache-2.0
// The table of a gear's life, one function for each state. Pure.
#include "gearscale/core/lifecycle.hpp"

#include <algorithm>

namespace gearscale::core {

namespace {

constexpr int kEnrolmentTries = 5;

bool is_dead(ContainerState state) { return state == ContainerState::absent || state == ContainerState::stopped; }

// Late and not even begun: it waits for its turn, or a controller that was away has just come back. A deadline is for what was tried.
bool was_not_tried(const GearView& view) { return view.job == JobState::none && view.failures == 0; }

std::optional<StepKind> next_of_starting(const GearView& view, Time now) {
  // One that HAProxy has already serves, whatever could not be written down.
  const bool late = now >= view.gear->deadline && view.server != ServerState::up;
  if (view.job == JobState::failed || (late && view.job != JobState::succeeded && !was_not_tried(view))) return StepKind::give_up;
  // A gear that is ready may wait for HAProxy for any time, but not if HAProxy is there and will not have it.
  if (late && view.failures >= kEnrolmentTries) return StepKind::give_up;
  if (view.job == JobState::running) return std::nullopt;
  return view.job == JobState::succeeded ? StepKind::enrol : StepKind::bring_up;
}

std::optional<StepKind> next_of_preparing(const GearView& view, Time now) {
  if (view.job == JobState::succeeded) return StepKind::rest;
  const bool late = now >= view.gear->deadline && !was_not_tried(view);
  if (view.job == JobState::failed || late) return StepKind::give_up;
  return view.job == JobState::running ? std::nullopt : std::optional(StepKind::stand_by);
}

std::optional<StepKind> next_of_standby(const GearView& view, Time now) {
  if (is_dead(view.container)) return StepKind::give_up;
  if (view.server == ServerState::maint) return StepKind::rouse;  // it was to be woken, and only half of it was done
  if (view.server != ServerState::absent) return StepKind::adopt;
  if (view.job == JobState::failed) return StepKind::give_up;
  const bool settles = view.container == ContainerState::running && view.job != JobState::running && now >= view.settle_from;
  return settles ? std::optional(StepKind::settle) : std::nullopt;
}

std::optional<StepKind> next_of_serving(const GearView& view) {
  if (is_dead(view.container)) return StepKind::give_up;
  if (view.server == ServerState::absent || (view.server == ServerState::maint && view.half_enrolled)) return StepKind::enrol;
  if (view.gear->unconfirmed && view.answered) return StepKind::prove;
  const bool frozen = view.container == ContainerState::frozen;  // by somebody else
  if ((!view.unconfirmed && !frozen) || view.job == JobState::running) return std::nullopt;
  return view.job == JobState::failed ? StepKind::give_up : StepKind::confirm;
}

std::optional<StepKind> next_of_draining(const GearView& view, const Timeouts& timeouts, Time now) {
  const auto& gear = *view.gear;
  if (view.server == ServerState::absent || is_dead(view.container) || now >= gear.deadline) return StepKind::begin_removal;
  if (view.server == ServerState::up) return StepKind::set_drain;
  // Frozen by somebody: its sessions hang. What does not answer when it is thawed has none.
  if (view.container == ContainerState::frozen && view.job != JobState::running)
    return view.job == JobState::failed ? StepKind::begin_removal : StepKind::confirm;
  const bool idle =
      !view.may_have_more && view.idle_since != Time::max() && now - std::max(view.idle_since, gear.since) >= timeouts.drain_idle;
  return idle ? std::optional(StepKind::begin_removal) : std::nullopt;
}

std::optional<StepKind> next_of_removing(const GearView& view, Time now) {
  if (view.server != ServerState::absent) {
    if (view.server != ServerState::maint) return StepKind::set_maint;
    if (now >= view.gear->deadline && view.scur > 0) return StepKind::cut_sessions;
    return StepKind::unenrol;
  }
  const bool waits = view.may_have_more && view.gear->state == GearState::removing && now < view.gear->deadline;
  switch (view.job) {
    case JobState::none:
    case JobState::failed:
      if (waits) return std::nullopt;
      return StepKind::tear_down;  // whoever executes it spaces the tries
    case JobState::running: return std::nullopt;
    case JobState::succeeded: return StepKind::forget;
  }
  return std::nullopt;
}

}  // namespace

bool is_counted(const GearView& view) {
  const auto& gear = *view.gear;
  if (!gear.replaces.empty()) return false;
  if (gear.state == GearState::starting) return true;
  if (gear.state != GearState::serving || is_dead(view.container) || view.server == ServerState::drain) return false;
  return view.server != ServerState::maint || view.half_enrolled;
}

bool is_proven(const GearView& view) {
  return is_counted(view) && view.gear->state == GearState::serving && view.server == ServerState::up && !view.unconfirmed;
}

void enter(Gear& gear, GearState state, const Timeouts& timeouts, Time now) {
  gear.state = state;
  gear.since = now;
  gear.unconfirmed = false;
  if (state != GearState::starting && state != GearState::serving) gear.replaces.clear();  // whoever leaves takes nobody's place
  switch (state) {
    case GearState::preparing:
    case GearState::starting: gear.deadline = now + timeouts.boot; break;
    case GearState::standby:
    case GearState::serving: gear.deadline = Time{}; break;
    case GearState::draining: gear.deadline = now + timeouts.drain_soft; break;
    case GearState::removing:
    case GearState::failed: gear.deadline = now + timeouts.drain_hard; break;
  }
}

std::optional<StepKind> next_step(const GearView& view, const Timeouts& timeouts, Time now) {
  switch (view.gear->state) {
    case GearState::preparing: return next_of_preparing(view, now);
    case GearState::standby: return next_of_standby(view, now);
    case GearState::starting: return next_of_starting(view, now);
    case GearState::serving: return next_of_serving(view);
    case GearState::draining: return next_of_draining(view, timeouts, now);
    case GearState::removing:
    case GearState::failed: return next_of_removing(view, now);
  }
  return std::nullopt;
}

bool belongs_in_file(GearState state) { return state == GearState::serving || state == GearState::draining; }

Gear* find_gear(Registry& registry, std::string_view id) {
  const auto found = std::find_if(registry.gears.begin(), registry.gears.end(), [id](const Gear& gear) { return gear.id == id; });
  return found == registry.gears.end() ? nullptr : &*found;
}
const Gear* find_gear(const Registry& registry, std::string_view id) { return find_gear(const_cast<Registry&>(registry), id); }

const std::string& template_in_force(const Registry& registry, const std::string& configured) {
  return !registry.template_name.empty() && registry.instead_of == configured ? registry.template_name : configured;
}

int count_state(const Registry& registry, GearState state) {
  return static_cast<int>(
      std::count_if(registry.gears.begin(), registry.gears.end(), [state](const Gear& gear) { return gear.state == state; }));
}

std::string_view to_string(GearState state) {
  switch (state) {
    case GearState::preparing: return "preparing";
    case GearState::standby: return "standby";
    case GearState::starting: return "starting";
    case GearState::serving: return "serving";
    case GearState::draining: return "draining";
    case GearState::removing: return "removing";
    case GearState::failed: return "failed";
  }
  return "?";
}

std::string_view to_string(Replacement::State state) {
  switch (state) {
    case Replacement::State::none: return "none";
    case Replacement::State::running: return "running";
    case Replacement::State::stopped: return "stopped";
    case Replacement::State::done: return "done";
  }
  return "?";
}

std::string_view to_string(ServerState state) {
  switch (state) {
    case ServerState::absent: return "absent";
    case ServerState::up: return "UP";
    case ServerState::down: return "DOWN";
    case ServerState::drain: return "DRAIN";
    case ServerState::maint: return "MAINT";
  }
  return "?";
}

std::string_view to_string(ContainerState state) {
  switch (state) {
    case ContainerState::unknown: return "unknown";
    case ContainerState::absent: return "absent";
    case ContainerState::stopped: return "stopped";
    case ContainerState::running: return "running";
    case ContainerState::frozen: return "frozen";
  }
  return "?";
}

std::string_view to_string(StepKind kind) {
  switch (kind) {
    case StepKind::create: return "create";
    case StepKind::create_standby: return "create_standby";
    case StepKind::bring_up: return "bring_up";
    case StepKind::enrol: return "enrol";
    case StepKind::wake: return "wake";
    case StepKind::rouse: return "rouse";
    case StepKind::adopt: return "adopt";
    case StepKind::confirm: return "confirm";
    case StepKind::prove: return "prove";
    case StepKind::recall: return "recall";
    case StepKind::stand_by: return "stand_by";
    case StepKind::rest: return "rest";
    case StepKind::settle: return "settle";
    case StepKind::begin_drain: return "begin_drain";
    case StepKind::set_drain: return "set_drain";
    case StepKind::begin_removal: return "begin_removal";
    case StepKind::set_maint: return "set_maint";
    case StepKind::cut_sessions: return "cut_sessions";
    case StepKind::unenrol: return "unenrol";
    case StepKind::park: return "park";
    case StepKind::tear_down: return "tear_down";
    case StepKind::forget: return "forget";
    case StepKind::give_up: return "give_up";
    case StepKind::relieve: return "relieve";
  }
  return "?";
}

}  // namespace gearscale::core
