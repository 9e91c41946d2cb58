// SPDX-License-Identifier: Apache-2.0
// The table of a gear's life, one function for each state. Pure.
#include "gearscale/core/lifecycle.hpp"

#include <algorithm>

namespace gearscale::core {

namespace {

constexpr int kEnrolmentTries = 5;

bool is_dead(ContainerState state) { return state == ContainerState::absent || state == ContainerState::stopped; }

std::optional<StepKind> next_of_starting(const GearView& view, Time now) {
  const bool late = now >= view.gear->deadline;
  if (view.job == JobState::failed || (late && view.job != JobState::succeeded)) return StepKind::give_up;
  // A gear that is ready may wait for HAProxy for any time, but not if HAProxy is there and will not have it.
  if (late && view.failures >= kEnrolmentTries) return StepKind::give_up;
  if (view.job == JobState::running) return std::nullopt;
  return view.job == JobState::succeeded ? StepKind::enrol : StepKind::bring_up;
}

std::optional<StepKind> next_of_serving(const GearView& view) {
  const bool suspicious = view.server == ServerState::absent || view.server == ServerState::down;
  if (suspicious && is_dead(view.container)) return StepKind::give_up;
  if (view.server == ServerState::absent) return StepKind::enrol;
  return std::nullopt;
}

std::optional<StepKind> next_of_draining(const GearView& view, Time now) {
  if (view.server == ServerState::up && now < view.gear->deadline) return StepKind::set_drain;
  if (view.server == ServerState::absent || view.scur == 0 || now >= view.gear->deadline) return StepKind::begin_removal;
  return std::nullopt;
}

std::optional<StepKind> next_of_removing(const GearView& view, Time now) {
  if (view.server != ServerState::absent) {
    if (view.server != ServerState::maint) return StepKind::set_maint;
    if (now >= view.gear->deadline && view.scur > 0) return StepKind::cut_sessions;
    return StepKind::unenrol;
  }
  switch (view.job) {
    case JobState::none:
    case JobState::failed: return StepKind::tear_down;  // whoever executes it spaces the tries
    case JobState::running: return std::nullopt;
    case JobState::succeeded: return StepKind::forget;
  }
  return std::nullopt;
}

}  // namespace

void enter(Gear& gear, GearState state, const Timeouts& timeouts, Time now) {
  gear.state = state;
  gear.since = now;
  switch (state) {
    case GearState::starting: gear.deadline = now + timeouts.boot; break;
    case GearState::serving: gear.deadline = Time{}; break;
    case GearState::draining: gear.deadline = now + timeouts.drain; break;
    case GearState::removing:
    case GearState::failed: gear.deadline = now + timeouts.cut_after; break;
  }
}

std::optional<StepKind> next_step(const GearView& view, Time now) {
  switch (view.gear->state) {
    case GearState::starting: return next_of_starting(view, now);
    case GearState::serving: return next_of_serving(view);
    case GearState::draining: return next_of_draining(view, now);
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

int count_state(const Registry& registry, GearState state) {
  return static_cast<int>(
      std::count_if(registry.gears.begin(), registry.gears.end(), [state](const Gear& gear) { return gear.state == state; }));
}

std::string_view to_string(GearState state) {
  switch (state) {
    case GearState::starting: return "starting";
    case GearState::serving: return "serving";
    case GearState::draining: return "draining";
    case GearState::removing: return "removing";
    case GearState::failed: return "failed";
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
    case StepKind::bring_up: return "bring_up";
    case StepKind::enrol: return "enrol";
    case StepKind::begin_drain: return "begin_drain";
    case StepKind::set_drain: return "set_drain";
    case StepKind::begin_removal: return "begin_removal";
    case StepKind::set_maint: return "set_maint";
    case StepKind::cut_sessions: return "cut_sessions";
    case StepKind::unenrol: return "unenrol";
    case StepKind::tear_down: return "tear_down";
    case StepKind::forget: return "forget";
    case StepKind::give_up: return "give_up";
  }
  return "?";
}

}  // namespace gearscale::core
