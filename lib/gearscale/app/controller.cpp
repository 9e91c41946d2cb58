// SPDX-License-Identifier: Apache-2.0
// The tick. Order matters: what is read under the lock is what is changed under it.
#include "gearscale/app/controller.hpp"

#include <algorithm>

namespace gearscale::app {

namespace {

constexpr core::Millis kLockPatience{200};
constexpr int kInspectionsPerCheck = 8;
constexpr int kRounds = 4;  // a gear takes at most this many steps in one tick (begin_removal, unenrol, tear_down ...)

bool in_transition(const core::Registry& registry) {
  return std::any_of(registry.gears.begin(), registry.gears.end(),
                     [](const core::Gear& gear) { return gear.state != core::GearState::serving; });
}

}  // namespace

core::Plan plan_decision(const core::Decision& decision, const core::Registry& registry, Inventory& inventory,
                         const core::AddressPool& pool, const IdSource& fresh_id, std::vector<std::string> chosen, core::Time now) {
  core::PlanInput input;
  input.decision = decision;
  input.gears = inventory.views(registry);
  input.pool = pool;
  input.chosen = std::move(chosen);
  const int wanted = decision.target - decision.numbers.serving - decision.numbers.coming;
  while (static_cast<int>(input.fresh_ids.size()) < wanted) {
    auto id = fresh_id();
    if (core::find_gear(registry, id) == nullptr) input.fresh_ids.push_back(std::move(id));
  }
  auto plan = core::make_plan(input, now);
  std::erase_if(plan.steps,
                [](const core::Step& step) { return step.kind != core::StepKind::create && step.kind != core::StepKind::begin_drain; });
  return plan;
}

Controller::Controller(ControlSettings settings, const Ports& ports, IdSource fresh_id)
    : settings_(std::move(settings)),
      ports_(ports),
      fresh_id_(std::move(fresh_id)),
      executor_(ports, settings_.timeouts, inventory_),
      recorder_(ports.events, ports.clock, settings_.application, settings_.by, settings_.pid) {
  if (!settings_.one_shot) policy_state_.flap_start = ports_.clock.now();
}

void Controller::forget_everything() {
  inventory_ = Inventory{};
  reconciled_ = false;
}

bool Controller::has_jobs() const { return inventory_.has_jobs(); }

void Controller::sample() {
  if (const auto sessions = ports_.balancer.sessions()) core::sample(settings_.policy, policy_state_, *sessions, ports_.clock.now());
}

void Controller::collect_jobs(core::Time now) {
  for (const auto& result : ports_.host.finished()) {
    inventory_.job_ended(result);
    if (result.kind == JobKind::tear_down && !result.detail) {
      inventory_.step_failed(result.id, now, result.detail.error().message);
      recorder_.step(result.id, core::StepKind::tear_down, fail(result.detail.error()));
    }
  }
}

Result<core::Registry> bring_together(const Ports& ports, const core::Registry& registry, const BalancerView& view,
                                      const core::Timeouts& timeouts, Recorder& recorder) {
  const auto containers = ports.host.list();
  if (!containers) return fail(containers.error());
  auto draft = registry;
  const auto changes = core::reconcile(draft, *containers, Inventory::servers(view), timeouts, ports.clock.now());
  if (!changes.empty() || registry.generation == 0) {
    ++draft.generation;
    if (const auto saved = ports.store.save(draft); !saved) return fail(saved.error());
  }
  for (const auto& change : changes) recorder.notice(Severity::warn, change);
  return draft;
}

Result<void> Controller::reconcile_once(Working& working, const BalancerView& view) {
  auto together = bring_together(ports_, working.read(), view, settings_.timeouts, recorder_);
  if (!together) return fail(together.error());
  working.draft = std::move(*together);
  inventory_.see(view, working.read());
  static_cast<void>(executor_.sync_file(working.read()));  // told and tried again as any failure of it
  reconciled_ = true;
  return {};
}

// Looking at a container costs a call, so only gears that HAProxy finds missing or DOWN are looked at, a few each check, in turn.
void Controller::inspect_suspicious(const core::Registry& registry) {
  const auto count = registry.gears.size();
  int left = kInspectionsPerCheck;
  for (std::size_t i = 0; i < count; ++i) {
    const auto& gear = registry.gears[(next_inspection_ + i) % count];
    auto& sight = inventory_.of(gear.id);
    const bool suspicious =
        gear.state == core::GearState::serving && (sight.server == core::ServerState::absent || sight.server == core::ServerState::down);
    if (!suspicious) {
      sight.container = core::ContainerState::unknown;
      continue;
    }
    if (left == 0) continue;
    if (const auto state = ports_.host.inspect(gear.id)) sight.container = *state;
    if (--left == 0) next_inspection_ = (next_inspection_ + i + 1) % count;
  }
}

core::Decision Controller::decide(const TickInput& input, Working& working, const BalancerView* view, core::Time now) {
  const auto& registry = working.read();
  policy_state_.flap_start = std::max(policy_state_.flap_start, registry.last_addition);
  if (settings_.one_shot) policy_state_.low_checks = registry.low_checks;
  std::optional<core::Observation> seen;
  if (view != nullptr) seen = inventory_.observation(registry, view->sessions);
  auto decision = core::decide(settings_.policy, input.limits, policy_state_, seen, now);
  if (input.disabled && view != nullptr) {
    decision.target = seen->serving + seen->coming;
    decision.action = core::Action::hold;
    decision.reason = core::Reason::disabled;
  }
  if (settings_.one_shot && !settings_.dry_run && registry.low_checks != policy_state_.low_checks) {
    working.edit().low_checks = policy_state_.low_checks;
    ++working.edit().generation;
    if (const auto saved = ports_.store.save(working.read()); !saved) recorder_.notice(Severity::error, saved.error().message);
  }
  return decision;
}

void Controller::act(const core::Decision& decision, Working& working, TickReport& report, core::Time now) {
  const bool up = decision.action == core::Action::up;
  auto plan = plan_decision(decision, working.read(), inventory_, settings_.pool, fresh_id_, {}, now);
  for (const auto& step : plan.steps) report.acted_on.push_back(step.id);
  if (!plan.refusal && up) {
    const auto room = ports_.host.check_room(static_cast<int>(plan.steps.size()));
    if (!room) plan.refusal = room.error();
  }
  if (!plan.refusal && settings_.dry_run) return;
  if (!plan.refusal) {
    auto draft = working.read();
    if (const auto intended = executor_.intend(plan.steps, draft, now); intended) {
      working.draft = std::move(draft);
    } else {
      plan.refusal = intended.error();
    }
  }
  if (plan.refusal) {
    recorder_.refused(decision, *plan.refusal);
    core::settle(policy_state_, up ? core::Outcome::add_failed : core::Outcome::remove_failed, now);
    report.acted_on.clear();
    report.refusal = std::move(plan.refusal);
    return;
  }
  recorder_.action(decision, settings_.policy, report.acted_on);
  if (up) core::settle(policy_state_, core::Outcome::added, now);
}

void Controller::record(const StepOutcome& outcome, const core::Registry& before, const core::Registry& after) {
  const auto now = ports_.clock.now();
  const auto* was = core::find_gear(before, outcome.id);
  const auto& sight = inventory_.of(outcome.id);
  using core::StepKind;
  if (!outcome.result) {
    recorder_.step(outcome.id, outcome.kind, outcome.result);
    if (outcome.kind == StepKind::enrol) core::settle(policy_state_, core::Outcome::add_failed, now);
    return;
  }
  switch (outcome.kind) {
    case StepKind::enrol:
      if (was->state == core::GearState::starting) {
        recorder_.became_ready(outcome.id, sight.job_pid, sight.job_text);
        core::settle(policy_state_, core::Outcome::served, now);
      } else {
        recorder_.step(outcome.id, outcome.kind, outcome.result);
      }
      return;
    case StepKind::give_up:
      recorder_.gave_up(outcome.id, sight.job_pid, core::find_gear(after, outcome.id)->note);
      core::settle(policy_state_, core::Outcome::add_failed, now);
      return;
    case StepKind::forget:
      if (was->state == core::GearState::failed) return recorder_.step(outcome.id, outcome.kind, outcome.result);
      recorder_.removed(outcome.id, sight.job_pid, sight.job_text);
      return core::settle(policy_state_, core::Outcome::removed, now);
    default: recorder_.step(outcome.id, outcome.kind, outcome.result);
  }
}

std::vector<core::Step> Controller::plan_steps(const core::Registry& registry, core::Time now) {
  std::vector<core::Step> steps;
  for (const auto& view : inventory_.views(registry)) {
    const auto kind = core::next_step(view, now);
    if (kind && now >= inventory_.of(view.gear->id).retry_at) steps.push_back(core::Step{*kind, view.gear->id, 0});
  }
  return steps;
}

void Controller::carry_on(Working& working, core::Time now) {
  for (int round = 0; round < kRounds; ++round) {
    auto steps = plan_steps(working.read(), now);
    if (steps.empty()) return;
    core::Registry before;  // of the gears that take a step: a large registry is not copied for one of them
    for (const auto& step : steps) before.gears.push_back(*core::find_gear(working.read(), step.id));
    for (const auto& outcome : executor_.run(steps, working.edit(), now)) record(outcome, before, working.read());
  }
}

TickReport Controller::tick(const TickInput& input) {
  TickReport report;
  const auto now = ports_.clock.now();
  collect_jobs(now);
  const auto seen = ports_.balancer.observe();
  recorder_.connection(seen ? nullptr : &seen.error());
  if (!seen) report.error = seen.error();

  const auto lock = ports_.store.lock(kLockPatience);
  const auto loaded = lock ? ports_.store.load() : Result<Store::Loaded>(fail(lock.error()));
  if (!loaded) {
    if (input.check) recorder_.notice(Severity::error, "This check is skipped: " + loaded.error().message);
    report.error = loaded.error();
    return report;
  }
  if (loaded->was_corrupt) {
    recorder_.notice(Severity::error, "The registry was corrupt (" + loaded->reason + "); it is kept as " + loaded->kept_as +
                                          " and rebuilt from what LXC and HAProxy show");
  }
  if (loaded->registry->generation == 0) reconciled_ = false;  // nothing on disk: the first start, or it was lost
  Working working{loaded->registry, std::nullopt};
  if (seen) inventory_.see(**seen, working.read());
  if (seen && !input.check) core::sample(settings_.policy, policy_state_, (*seen)->sessions, now);
  if (seen && !reconciled_ && !settings_.dry_run) {
    if (const auto done = reconcile_once(working, **seen); !done) {
      recorder_.notice(Severity::error, "The registry could not be brought together with LXC: " + done.error().message);
      report.error = done.error();
      return report;
    }
  }
  if (seen && !settings_.dry_run) {
    if (input.check) inspect_suspicious(working.read());
    if (input.check && !executor_.file_error().empty()) static_cast<void>(executor_.sync_file(working.read()));
    carry_on(working, now);
  }
  if (input.check) {
    report.decision = decide(input, working, seen ? *seen : nullptr, now);
    recorder_.check(*report.decision, settings_.policy, input.limits, seen ? std::string() : seen.error().message);
    if (report.decision->action != core::Action::hold) {
      act(*report.decision, working, report, now);
      if (!settings_.dry_run) carry_on(working, now);
    }
  }
  recorder_.file(executor_.file_error());
  busy_ = in_transition(working.read());
  return report;
}

}  // namespace gearscale::app
