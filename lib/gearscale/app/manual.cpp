// SPDX-License-Identifier: Apache-2.0
// Forced decisions and their checks.
#include "gearscale/app/manual.hpp"

#include <algorithm>

namespace gearscale::app {

namespace {

constexpr core::Millis kLockPatience{5'000};

// All that one command works on.
struct Scene {
  const ControlSettings& settings;
  const Ports& ports;
  const IdSource& fresh_id;
  const core::Limits& limits;
  const ManualRequest& request;
  core::Registry registry;
  Inventory inventory;
  Recorder recorder;
};

Result<ManualResult> pin(Scene& scene, bool pinned) {
  ManualResult result;
  result.decision.reason = core::Reason::forced;
  for (const auto& id : scene.request.ids) {
    auto* gear = core::find_gear(scene.registry, id);
    if (gear == nullptr) return fail(Errc::usage, "there is no gear " + core::gear_name(scene.settings.application, id));
    if (gear->pinned != pinned) result.ids.push_back(id);
    gear->pinned = pinned;
  }
  if (result.ids.empty() || scene.settings.dry_run) return result;
  ++scene.registry.generation;
  if (const auto saved = scene.ports.store.save(scene.registry); !saved) return fail(saved.error());
  for (const auto& id : result.ids) {
    scene.recorder.notice(Severity::info,
                          core::gear_name(scene.settings.application, id) + (pinned ? " is pinned" : " is no longer pinned"));
  }
  return result;
}

Result<int> check_add(const Scene& scene, const core::Numbers& numbers) {
  const int there = numbers.serving + numbers.coming + numbers.down;
  if (scene.limits.max != core::Limits::kNoLimit && there + scene.request.count > scene.limits.max) {
    return fail(Errc::limit, "cannot add " + std::to_string(scene.request.count) + " gear(s): " + std::to_string(there) +
                                 " there already and scale_max is " + std::to_string(scene.limits.max));
  }
  return scene.request.count;
}

// Which of the named gears have to leave; those that leave already are no error. Also how many must be chosen by the plan.
Result<int> check_remove(Scene& scene, const core::Numbers& numbers, std::vector<std::string>& chosen) {
  for (const auto& id : scene.request.ids) {
    const auto* gear = core::find_gear(scene.registry, id);
    const auto name = core::gear_name(scene.settings.application, id);
    if (gear == nullptr) return fail(Errc::usage, "there is no gear " + name);
    if (gear->pinned) return fail(Errc::limit, "gear " + name + " is pinned: unpin it first with remove-gear --unpin " + name);
    if (gear->state == core::GearState::starting || gear->state == core::GearState::preparing) {
      return fail(Errc::unavailable, "gear " + name + " is still starting: try again when it serves");
    }
    const bool leaves = gear->state == core::GearState::serving || gear->state == core::GearState::standby ||
                        (scene.request.now && gear->state == core::GearState::draining);
    if (leaves && std::find(chosen.begin(), chosen.end(), id) == chosen.end()) chosen.push_back(id);
  }
  // What the limits do not count may always go: standbys, draining gears, those that an operator holds in MAINT.
  const auto views = scene.inventory.views(scene.registry);
  const auto leaves_count = std::count_if(views.begin(), views.end(), [&](const core::GearView& view) {
    return core::is_counted(view) && std::find(chosen.begin(), chosen.end(), view.gear->id) != chosen.end();
  });
  const int count = scene.request.ids.empty() ? scene.request.count : static_cast<int>(leaves_count);
  const int there = numbers.serving + numbers.coming + numbers.down;
  if (count > 0 && there - count < scene.limits.min) {
    return fail(Errc::limit, "cannot remove " + std::to_string(count) + " gear(s): " + std::to_string(there) + " there and scale_min is " +
                                 std::to_string(scene.limits.min));
  }
  if (scene.request.ids.empty() && count > numbers.serving) {
    return fail(Errc::limit, "cannot remove " + std::to_string(count) + " gear(s): only " + std::to_string(numbers.serving) + " serve now");
  }
  return count;
}

// A gear that was just woken, or that HAProxy has DOWN, takes nobody's place: those that stay have to be proven, as many as scale_min.
Result<void> check_proven(Scene& scene, const std::vector<core::Step>& steps) {
  int proven = 0, leaving = 0, counted = 0;
  for (const auto& view : scene.inventory.views(scene.registry)) {
    const auto leaves = [&](const core::Step& step) { return step.id == view.gear->id; };
    counted += core::is_counted(view) ? 1 : 0;
    if (!core::is_proven(view)) continue;
    ++proven;
    if (std::any_of(steps.begin(), steps.end(), leaves)) ++leaving;
  }
  if (leaving == 0 || proven - leaving >= scene.limits.min) return {};
  return fail(Errc::limit, "cannot remove " + std::to_string(leaving) + " gear(s) that serve: " + std::to_string(proven) + " of " +
                               std::to_string(counted) +
                               " are proven to serve, the others are DOWN or have not answered yet, and scale_min is " +
                               std::to_string(scene.limits.min) + ": try again when they serve");
}

// How each of the chosen gears leaves: standbys and, with --now, all at once; a named gear is not to come back.
void dismiss(Scene& scene, std::vector<core::Step>& steps) {
  for (auto& step : steps) {
    auto* gear = core::find_gear(scene.registry, step.id);
    if (gear == nullptr) continue;
    if (!scene.request.ids.empty()) gear->dismissed = true;
    if (gear->state == core::GearState::standby) step.kind = core::StepKind::begin_removal;
  }
}

Result<void> check_creations(const Scene& scene, const std::vector<core::Step>& steps) {
  const auto creations =
      std::count_if(steps.begin(), steps.end(), [](const core::Step& step) { return step.kind == core::StepKind::create; });
  if (creations == 0) return {};
  return scene.ports.host.check_room(static_cast<int>(creations), core::template_in_force(scene.registry, scene.settings.template_name));
}

Result<ManualResult> scale(Scene& scene, double sessions) {
  const auto now = scene.ports.clock.now();
  const bool add = scene.request.kind == ManualRequest::Kind::add;
  ManualResult result;
  core::PolicyState memoryless;
  // The numbers of this moment, for the event; the decision itself is forced.
  result.decision =
      core::decide(scene.settings.policy, core::Limits{}, memoryless, scene.inventory.observation(scene.registry, sessions), now);
  result.decision.numbers.low_checks = 0;
  const auto& numbers = result.decision.numbers;
  core::PlanInput input;
  const auto count = add ? check_add(scene, numbers) : check_remove(scene, numbers, input.chosen);
  if (!count) return fail(count.error());
  if (*count == 0 && input.chosen.empty()) return result;
  result.decision.action = add ? core::Action::up : core::Action::down;
  result.decision.reason = core::Reason::forced;
  result.decision.target = numbers.serving + numbers.coming + (add ? *count : -*count);
  input.decision = result.decision;
  input.skip_drain = scene.request.now;
  auto plan = plan_decision(std::move(input), scene.registry, scene.inventory, scene.settings, scene.fresh_id, now);
  if (plan.refusal) return fail(*plan.refusal);
  if (const auto room = check_creations(scene, plan.steps); !room) return fail(room.error());
  if (const auto proven = add ? Result<void>() : check_proven(scene, plan.steps); !proven) return fail(proven.error());
  for (const auto& step : plan.steps) result.ids.push_back(step.id);
  if (scene.settings.dry_run) return result;
  if (!add) dismiss(scene, plan.steps);
  const auto decided = scene.ports.clock.system_micros();
  Executor executor(scene.ports, scene.settings.timeouts, scene.settings.template_name, scene.inventory);
  const auto recalled = executor.at_once(plan.steps, scene.registry);
  for (const auto& outcome : recalled) {
    if (!outcome.result) return fail(outcome.result.error());
  }
  if (const auto intended = executor.intend(plan.steps, scene.registry, now); !intended) return fail(intended.error());
  scene.recorder.action(result.decision, scene.settings.policy, result.ids, decided);
  for (const auto& outcome : recalled) scene.recorder.became_ready(outcome.id, scene.settings.pid, kRecalled);
  return result;
}

}  // namespace

Result<ManualResult> command(const ControlSettings& settings, const Ports& ports, const IdSource& fresh_id, const core::Limits& limits,
                             const ManualRequest& request) {
  const bool needs_haproxy = request.kind == ManualRequest::Kind::add || request.kind == ManualRequest::Kind::remove;
  const auto lock = ports.store.lock(kLockPatience);
  if (!lock) return fail(lock.error());
  const auto loaded = ports.store.load();
  if (!loaded) return fail(loaded.error());
  Scene scene{settings, ports,
              fresh_id, limits,
              request,  *loaded->registry,
              {},       Recorder(ports.events, ports.clock, settings.application, settings.by, settings.pid)};
  if (loaded->was_corrupt) {
    scene.recorder.notice(Severity::error, "The registry was corrupt (" + loaded->reason + "); it is kept as " + loaded->kept_as +
                                               " and rebuilt from what LXC and HAProxy show");
  }
  if (!needs_haproxy && scene.registry.generation != 0) return pin(scene, request.kind == ManualRequest::Kind::pin);
  const auto seen = ports.balancer.observe();
  if (!seen) return fail(seen.error());
  if (scene.registry.generation == 0 && !settings.dry_run) {
    auto rebuilt = bring_together(ports, scene.registry, **seen, settings, scene.recorder);
    if (!rebuilt) return fail(rebuilt.error());
    scene.registry = std::move(rebuilt->registry);
  }
  if (!needs_haproxy) return pin(scene, request.kind == ManualRequest::Kind::pin);
  scene.inventory.see(**seen, scene.registry, ports.clock.now());
  return scale(scene, (*seen)->sessions);
}

Waiting look_at(const core::Registry& registry, ManualRequest::Kind kind, const std::string& id) {
  const auto* gear = core::find_gear(registry, id);
  if (kind == ManualRequest::Kind::remove) {
    if (gear == nullptr || gear->state == core::GearState::standby || gear->state == core::GearState::preparing) return Waiting::arrived;
    return gear->state == core::GearState::serving ? Waiting::failed : Waiting::under_way;
  }
  if (gear == nullptr) return Waiting::failed;
  if (gear->state == core::GearState::starting) return Waiting::under_way;
  return gear->state == core::GearState::failed ? Waiting::failed : Waiting::arrived;  // one that leaves already has served
}

}  // namespace gearscale::app
