// SPDX-License-Identifier: Apache-2.0
// What comes at once, what is written down first, what follows from it, and what makes it lasting.
#include "gearscale/app/executor.hpp"

#include <algorithm>

#include "gearscale/base/crash_point.hpp"
#include "gearscale/core/replacement.hpp"

namespace gearscale::app {

namespace {

using core::GearState;
using core::ServerState;
using core::Step;
using core::StepKind;

constexpr core::Millis kConfirmPatience{5'000};

bool is_at_once(StepKind kind) { return kind == StepKind::wake || kind == StepKind::recall; }

bool is_intent(StepKind kind) {
  switch (kind) {
    case StepKind::create:
    case StepKind::create_standby:
    case StepKind::wake:
    case StepKind::rouse:
    case StepKind::adopt:
    case StepKind::prove:
    case StepKind::recall:
    case StepKind::rest:
    case StepKind::begin_drain:
    case StepKind::begin_removal:
    case StepKind::park:
    case StepKind::relieve:
    case StepKind::give_up: return true;
    default: return false;
  }
}

// One that could not leave HAProxy yet changes nothing. set_maint and tear_down: of a gear whose removal another process has only written down.
bool changes_file(StepKind kind, ServerState server) {
  if (kind == StepKind::unenrol) return server == ServerState::absent;
  return kind == StepKind::enrol || kind == StepKind::wake || kind == StepKind::adopt || kind == StepKind::begin_removal ||
         kind == StepKind::give_up || kind == StepKind::set_maint || kind == StepKind::tear_down;
}

// Refills and replacements are no additions: the farm does not grow by them.
bool is_addition(const Step& step) {
  return (step.kind == StepKind::create && step.replaces.empty()) || step.kind == StepKind::wake || step.kind == StepKind::rouse ||
         step.kind == StepKind::recall || step.kind == StepKind::adopt;
}

// A gear that had to wait for its turn to boot has all of its time from now on.
bool begins_late(const Step& step, const core::Gear& gear, core::Time now) {
  return (step.kind == StepKind::bring_up || step.kind == StepKind::stand_by) && gear.since != now;
}

GearState state_after(StepKind kind) {
  switch (kind) {
    case StepKind::wake:
    case StepKind::adopt:
    case StepKind::recall: return GearState::serving;
    case StepKind::rouse: return GearState::starting;
    case StepKind::rest: return GearState::standby;
    case StepKind::park: return GearState::preparing;
    case StepKind::begin_drain: return GearState::draining;
    case StepKind::give_up: return GearState::failed;
    default: return GearState::removing;
  }
}

}  // namespace

Result<void> Executor::wake(const core::Gear& gear) {
  crash_point("wake", "before");
  if (const auto awake = ports_.host.wake(gear.id); !awake) return awake;
  crash_point("wake.thaw", "after");
  if (const auto added = ports_.balancer.add(ServerSpec{gear.id, gear.address}); !added) return added;
  crash_point("wake", "after");
  auto& sight = inventory_.of(gear.id);
  sight.server = ServerState::up;
  sight.unconfirmed = true;
  sight.answered = false;
  return {};
}

std::vector<StepOutcome> Executor::at_once(std::vector<Step>& steps, const core::Registry& registry) {
  std::vector<StepOutcome> outcomes;
  for (auto& step : steps) {
    if (step.kind == StepKind::give_up) retire(step.id);
    if (!is_at_once(step.kind)) continue;
    const auto* gear = core::find_gear(registry, step.id);
    GEARSCALE_CHECK(gear != nullptr);
    if (step.kind == StepKind::recall) crash_point("recall", "before");
    auto done = step.kind == StepKind::wake ? wake(*gear) : ports_.balancer.recall(step.id);
    if (done && step.kind == StepKind::recall) inventory_.of(step.id).server = ServerState::up;
    if (step.kind == StepKind::recall) crash_point("recall", "after");
    outcomes.push_back(StepOutcome{step.kind, step.id, done});
    if (!done && step.kind == StepKind::wake) step.kind = StepKind::rouse;
  }
  std::erase_if(steps, [&](const Step& step) {
    return step.kind == StepKind::recall && std::any_of(outcomes.begin(), outcomes.end(), [&](const StepOutcome& outcome) {
             return outcome.id == step.id && !outcome.result;
           });
  });
  return outcomes;
}

// A dead gear gets no more requests from this moment on; that it is given up may be written down after that. Of a hung one it is written down
// first: a crash in between would leave it in MAINT, and then nobody could tell it from one that an operator holds aside.
void Executor::retire(const std::string& id) {
  auto& sight = inventory_.of(id);
  const bool dead = sight.died || sight.container == core::ContainerState::stopped || sight.container == core::ContainerState::absent;
  if (!dead || sight.server == ServerState::absent || sight.server == ServerState::maint) return;
  crash_point("retire", "before");
  if (ports_.balancer.maint(id)) sight.server = ServerState::maint;
  crash_point("retire", "after");
}

// What the end of a gear says of its template.
void Executor::note_end(const core::Gear& gear, core::Registry& registry, core::Time now) {
  // A standby whose boot has not ended is as cold as one that is being prepared.
  const bool boots = gear.state == GearState::standby && inventory_.of(gear.id).container == core::ContainerState::running;
  const bool cold = gear.state == GearState::starting || gear.state == GearState::preparing || boots;
  const bool early = gear.state == GearState::serving && now - gear.since < core::kProbation;
  if (!cold && !early) return;
  auto why = inventory_.why_given_up(gear.id);
  if (!core::note_failure(registry.breaker, gear, why, now)) return;
  const auto pause = std::chrono::duration_cast<std::chrono::seconds>(registry.breaker.open_until - now);
  breaker_event_ = "Template " + gear.template_name + " is not cloned for " + std::to_string(pause.count()) + " s: " +
                   std::to_string(registry.breaker.failures) + " gears in a row failed, the last one because: " + why;
}

void Executor::change_state(const Step& step, core::Gear& gear, core::Time now) {
  auto& sight = inventory_.of(step.id);
  // A gear has one job at a time, and what it was for is no longer wanted.
  if (sight.job == core::JobState::running) {
    crash_point("cancel", "before");
    ports_.host.cancel(step.id);
    crash_point("cancel", "after");
  }
  if (step.kind == StepKind::give_up) gear.note = inventory_.why_given_up(step.id);
  const bool woken = step.kind == StepKind::wake || step.kind == StepKind::adopt;
  sight.unconfirmed = woken || (sight.unconfirmed && state_after(step.kind) == GearState::serving);
  sight.answered = false;
  sight.job = core::JobState::none;
  sight.settles = sight.said_boots = false;
  sight.settle_from = core::Time{};
  core::enter(gear, state_after(step.kind), timeouts_, now);
  gear.unconfirmed = woken;
}

void Executor::apply(const Step& step, core::Registry& registry, core::Time now) {
  if (is_addition(step)) registry.last_addition = now;
  if (step.kind == StepKind::create || step.kind == StepKind::create_standby) {
    core::Gear gear;
    gear.id = step.id;
    gear.address = step.address;
    gear.created_ms = ports_.clock.system_micros() / 1'000;
    gear.template_name = step.replaces.empty() ? core::template_in_force(registry, template_name_) : registry.replacement.template_name;
    gear.replaces = step.replaces;
    core::enter(gear, step.kind == StepKind::create ? GearState::starting : GearState::preparing, timeouts_, now);
    registry.gears.push_back(std::move(gear));
    return;
  }
  auto* gear = core::find_gear(registry, step.id);
  GEARSCALE_CHECK(gear != nullptr);
  if (step.kind == StepKind::give_up) note_end(*gear, registry, now);
  const bool boots = inventory_.of(step.id).container == core::ContainerState::running;
  if (step.kind == StepKind::rest && !boots) core::note_ready(registry.breaker, gear->template_name);
  if (step.kind == StepKind::prove) {
    gear->unconfirmed = false;
    return;
  }
  if (step.kind != StepKind::relieve) return change_state(step, *gear, now);
  gear->replaces.clear();
  core::put_in_force(registry, template_name_);
  auto* old = core::find_gear(registry, step.replaces);
  if (old != nullptr && old->pinned) return;  // since the replacement began
  ++registry.replacement.replaced;
  if (old == nullptr || old->state != GearState::serving) return;
  old->dismissed = true;
  change_state(Step{StepKind::begin_drain, old->id, 0, ""}, *old, now);
}

Result<void> Executor::intend(const std::vector<Step>& steps, core::Registry& draft, core::Time now) {
  if (std::none_of(steps.begin(), steps.end(), [](const Step& step) { return is_intent(step.kind); })) return {};
  auto next = draft;
  for (const auto& step : steps) {
    if (is_intent(step.kind)) apply(step, next, now);
  }
  core::reassign_successors(next);
  ++next.generation;
  auto saved = save(next);
  if (saved) draft = std::move(next);
  return saved;
}

Result<void> Executor::save(const core::Registry& registry) {
  crash_point("save", "before");
  auto saved = ports_.store.save(registry);
  crash_point("save", "after");
  return saved;
}

Result<void> Executor::begin_job(JobKind kind, const core::Gear& gear, core::Millis deadline) {
  auto& sight = inventory_.of(gear.id);
  if (sight.settles) ports_.host.cancel(gear.id);
  auto begun = ports_.host.begin(kind, GearSpec{gear.id, gear.address, gear.template_name}, deadline);
  sight.settles = begun && kind == JobKind::settle;
  if (begun) sight.job = core::JobState::running;
  return begun;
}

Result<void> Executor::unenrol(const core::Gear& gear) {
  const auto gone = ports_.balancer.remove(gear.id);
  if (!gone) return fail(gone.error());
  if (*gone) inventory_.of(gear.id).server = ServerState::absent;
  return {};  // not gone yet: connections are left; looked at again next tick
}

Result<void> Executor::effect(const Step& step, core::Registry& draft, core::Time now) {
  auto* gear = core::find_gear(draft, step.id);
  GEARSCALE_CHECK(gear != nullptr);
  auto& sight = inventory_.of(step.id);
  const auto to_state = [&](ServerState state, Result<void> done) {
    if (done) sight.server = state;
    return done;
  };
  switch (step.kind) {
    case StepKind::bring_up: return begin_job(JobKind::bring_up, *gear, timeouts_.boot);
    // It serves already: one that does not answer soon is taken out again.
    case StepKind::confirm:
      sight.unconfirmed = true;
      sight.answered = false;
      return begin_job(JobKind::bring_up, *gear, std::min(timeouts_.boot, kConfirmPatience));
    case StepKind::stand_by: return begin_job(JobKind::stand_by, *gear, timeouts_.boot);
    case StepKind::settle: return begin_job(JobKind::settle, *gear, timeouts_.boot);
    case StepKind::tear_down: return begin_job(JobKind::tear_down, *gear, timeouts_.tear_down);
    case StepKind::enrol: {
      auto added = to_state(ServerState::up, ports_.balancer.add(ServerSpec{gear->id, gear->address}));
      if (added && gear->state == GearState::starting) {
        core::enter(*gear, GearState::serving, timeouts_, now);
        core::note_ready(draft.breaker, gear->template_name);
      }
      if (added) sight.job = core::JobState::none;
      sight.half_enrolled = !added;
      return added;
    }
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
      crash_point("cut_sessions.cut", "after");
      return cut ? unenrol(*gear) : cut;
    }
    case StepKind::unenrol: return unenrol(*gear);
    case StepKind::forget: std::erase_if(draft.gears, [&](const core::Gear& other) { return other.id == step.id; }); return {};
    default: return {};  // intents
  }
}

std::vector<ServerSpec> servers_of_file(const core::Registry& registry) {
  std::vector<ServerSpec> servers;
  for (const auto& gear : registry.gears) {
    if (core::belongs_in_file(gear.state)) servers.push_back(ServerSpec{gear.id, gear.address});
  }
  return servers;
}

void Executor::sync_file(const core::Registry& registry) {
  crash_point("file", "before");
  const auto begun = ports_.balancer.begin_file(servers_of_file(registry));
  crash_point("file", "after");
  if (!begun) file_error_ = begun.error().message;
}

bool Executor::collect_file() {
  const auto written = ports_.balancer.file_written();
  if (written) file_error_ = *written ? std::string() : written->error().message;
  return written.has_value();
}

std::vector<StepOutcome> Executor::run(std::vector<Step> steps, core::Registry& draft, core::Time now) {
  auto outcomes = at_once(steps, draft);
  const auto intended = intend(steps, draft, now);
  for (auto& outcome : outcomes) {
    if (!intended && outcome.result) outcome.result = intended;  // it serves, and is adopted when the registry can be written again
  }
  bool file_changes = false;
  bool registry_changes = false;
  for (const auto& step : steps) {
    const bool follows = intended || !is_intent(step.kind);
    auto* gear = core::find_gear(draft, step.id);
    if (gear != nullptr && begins_late(step, *gear, now)) {
      core::enter(*gear, gear->state, timeouts_, now);
      registry_changes = true;
    }
    if (!is_at_once(step.kind)) {
      crash_point(core::to_string(step.kind), "before");
      outcomes.push_back(StepOutcome{step.kind, step.id, follows ? effect(step, draft, now) : intended});
      crash_point(core::to_string(step.kind), "after");
    }
    const bool failed = !is_at_once(step.kind) && !outcomes.back().result;
    file_changes = file_changes || (!failed && changes_file(step.kind, inventory_.of(step.id).server));
    registry_changes = registry_changes || step.kind == StepKind::enrol || step.kind == StepKind::forget;
  }
  if (registry_changes) {
    ++draft.generation;
    if (const auto saved = save(draft); !saved) {
      for (auto& outcome : outcomes) {
        if (outcome.result && (outcome.kind == StepKind::enrol || outcome.kind == StepKind::forget)) outcome.result = saved;
      }
    }
  }
  if (file_changes) sync_file(draft);
  for (const auto& outcome : outcomes) {
    if (!outcome.result) inventory_.step_failed(outcome.id, now, outcome.result.error().message);
    // The beginning of a destruction is no success: only its end is, else each failure would be the first one.
    if (outcome.result && outcome.kind != StepKind::tear_down) inventory_.step_succeeded(outcome.id);
  }
  return outcomes;
}

}  // namespace gearscale::app
