// SPDX-License-Identifier: Apache-2.0
// One function for the intents, one for the effects, one for what makes them lasting.
#include "gearscale/app/executor.hpp"

#include <algorithm>

namespace gearscale::app {

namespace {

using core::GearState;
using core::ServerState;
using core::Step;
using core::StepKind;

bool is_intent(StepKind kind) {
  return kind == StepKind::create || kind == StepKind::begin_drain || kind == StepKind::begin_removal || kind == StepKind::give_up;
}

bool changes_file(StepKind kind) {
  return kind == StepKind::enrol || kind == StepKind::begin_removal || kind == StepKind::give_up || kind == StepKind::unenrol;
}

}  // namespace

Result<void> Executor::intend(const std::vector<Step>& steps, core::Registry& draft, core::Time now) {
  if (std::none_of(steps.begin(), steps.end(), [](const Step& step) { return is_intent(step.kind); })) return {};
  auto next = draft;
  for (const auto& step : steps) {
    if (!is_intent(step.kind)) continue;
    if (step.kind == StepKind::create) {
      core::Gear gear;
      gear.id = step.id;
      gear.address = step.address;
      gear.created_ms = ports_.clock.system_micros() / 1'000;
      core::enter(gear, GearState::starting, timeouts_, now);
      next.gears.push_back(std::move(gear));
      next.last_addition = now;
      continue;
    }
    auto* gear = core::find_gear(next, step.id);
    GEARSCALE_CHECK(gear != nullptr);
    auto& sight = inventory_.of(step.id);
    if (step.kind == StepKind::give_up) {
      if (sight.job == core::JobState::running) ports_.host.cancel(step.id);
      gear->note = inventory_.why_given_up(step.id);
    }
    sight.job = core::JobState::none;
    const auto state = step.kind == StepKind::begin_drain ? GearState::draining
                       : step.kind == StepKind::give_up   ? GearState::failed
                                                          : GearState::removing;
    core::enter(*gear, state, timeouts_, now);
  }
  ++next.generation;
  auto saved = ports_.store.save(next);
  if (saved) draft = std::move(next);
  return saved;
}

Result<void> Executor::begin_job(JobKind kind, const core::Gear& gear) {
  const auto deadline = kind == JobKind::bring_up ? timeouts_.boot : timeouts_.tear_down;
  auto begun = ports_.host.begin(kind, GearSpec{gear.id, gear.address}, deadline);
  if (begun) inventory_.of(gear.id).job = core::JobState::running;
  return begun;
}

Result<void> Executor::unenrol(const core::Gear& gear) {
  const auto gone = ports_.balancer.remove(gear.id);
  if (!gone) return fail(gone.error());
  if (*gone) inventory_.of(gear.id).server = ServerState::absent;
  return {};  // not gone yet: connections are left; looked at again next tick
}

Result<void> Executor::effect(const Step& step, core::Registry& draft, core::Time) {
  const auto* gear = core::find_gear(draft, step.id);
  GEARSCALE_CHECK(gear != nullptr);
  auto& sight = inventory_.of(step.id);
  const auto to_state = [&](ServerState state, Result<void> done) {
    if (done) sight.server = state;
    return done;
  };
  switch (step.kind) {
    case StepKind::create:
    case StepKind::give_up: return {};
    case StepKind::bring_up: return begin_job(JobKind::bring_up, *gear);
    case StepKind::tear_down: return begin_job(JobKind::tear_down, *gear);
    case StepKind::enrol: return to_state(ServerState::up, ports_.balancer.add(ServerSpec{gear->id, gear->address}));
    case StepKind::begin_drain:
    case StepKind::set_drain:
      if (sight.server == ServerState::absent) return {};
      return to_state(ServerState::drain, ports_.balancer.drain(step.id));
    case StepKind::begin_removal:
    case StepKind::set_maint:
      if (sight.server == ServerState::absent) return {};
      return to_state(ServerState::maint, ports_.balancer.maint(step.id));
    case StepKind::cut_sessions: {
      const auto cut = ports_.balancer.cut_sessions(step.id);
      return cut ? unenrol(*gear) : cut;
    }
    case StepKind::unenrol: return unenrol(*gear);
    case StepKind::forget: std::erase_if(draft.gears, [&](const core::Gear& other) { return other.id == step.id; }); return {};
  }
  return {};
}

Result<void> Executor::sync_file(const core::Registry& registry) {
  std::vector<ServerSpec> servers;
  for (const auto& gear : registry.gears) {
    if (core::belongs_in_file(gear.state)) servers.push_back(ServerSpec{gear.id, gear.address});
  }
  auto written = ports_.balancer.write_file(servers);
  file_error_ = written ? std::string() : written.error().message;
  return written;
}

// A gear serves when the running HAProxy and the file have it. If the file cannot have it, the running one gives it back.
void Executor::settle_enrolments(std::vector<StepOutcome>& outcomes, core::Registry& draft, core::Time now) {
  std::vector<std::pair<StepOutcome*, core::Gear>> fresh;  // with the gear as it was
  for (auto& outcome : outcomes) {
    if (outcome.kind != StepKind::enrol || !outcome.result) continue;
    auto* gear = core::find_gear(draft, outcome.id);
    if (gear->state == GearState::starting) {
      fresh.emplace_back(&outcome, *gear);
      core::enter(*gear, GearState::serving, timeouts_, now);
    }
  }
  const auto written = sync_file(draft);
  if (written) return;
  for (auto& [outcome, before] : fresh) {
    *core::find_gear(draft, outcome->id) = before;
    if (const auto back = ports_.balancer.maint(before.id); back && ports_.balancer.remove(before.id).value_or(false)) {
      inventory_.of(before.id).server = ServerState::absent;
    }
    outcome->result = written;
  }
}

std::vector<StepOutcome> Executor::run(const std::vector<Step>& steps, core::Registry& draft, core::Time now) {
  std::vector<StepOutcome> outcomes;
  if (const auto intended = intend(steps, draft, now); !intended) {
    for (const auto& step : steps) outcomes.push_back(StepOutcome{step.kind, step.id, intended});
    return outcomes;
  }
  bool file_changes = false;
  bool registry_changes = false;
  for (const auto& step : steps) {
    outcomes.push_back(StepOutcome{step.kind, step.id, effect(step, draft, now)});
    file_changes = file_changes || changes_file(step.kind);
    registry_changes = registry_changes || step.kind == StepKind::enrol || step.kind == StepKind::forget;
  }
  if (file_changes) settle_enrolments(outcomes, draft, now);
  if (registry_changes) {
    ++draft.generation;
    if (const auto saved = ports_.store.save(draft); !saved) {
      for (auto& outcome : outcomes) {
        if (outcome.result && (outcome.kind == StepKind::enrol || outcome.kind == StepKind::forget)) outcome.result = saved;
      }
    }
  }
  for (const auto& outcome : outcomes) {
    outcome.result ? inventory_.step_succeeded(outcome.id) : inventory_.step_failed(outcome.id, now, outcome.result.error().message);
  }
  return outcomes;
}

}  // namespace gearscale::app
