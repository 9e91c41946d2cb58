// SPDX-License-Identifier: Apache-2.0
// The tick. Order matters: what is read under the lock is what is changed under it, and a decision acts before anything else is carried on.
#include "gearscale/app/controller.hpp"

#include <algorithm>
#include <utility>

namespace gearscale::app {

namespace {

using core::GearState;
using core::StepKind;

constexpr core::Millis kLockPatience{200};
constexpr core::Millis kTransitionInterval{100};
constexpr core::Millis kLongestLook{3'000};

std::vector<core::Step> take_creations(std::vector<core::Step>& steps) {
  const auto first =
      std::stable_partition(steps.begin(), steps.end(), [](const core::Step& step) { return step.kind != StepKind::create; });
  std::vector<core::Step> creations(first, steps.end());
  steps.erase(first, steps.end());
  return creations;
}

}  // namespace

core::Plan plan_decision(core::PlanInput input, const core::Registry& registry, Inventory& inventory, const ControlSettings& settings,
                         const IdSource& fresh_id, core::Time now) {
  input.gears = inventory.views(registry);
  input.pool = settings.pool;
  input.template_name = core::template_in_force(registry, settings.template_name);
  if (registry.replacement.state == core::Replacement::State::running) input.replaced_by = registry.replacement.template_name;
  if (input.decision.reason != core::Reason::forced) {  // people may try all the same
    input.clones_allowed = GearDriver::clones_allowed(registry, input.template_name, input.decision.numbers.serving == 0, now);
    input.breaker_says = "template " + input.template_name + " is not cloned for a while, because " +
                         std::to_string(registry.breaker.failures) + " of its gears in a row failed: " + registry.breaker.why;
  }
  input.may_wake = settings.keeps_pool && settings.standby.state == core::StandbyPolicy::State::frozen;
  const int wanted = input.decision.target - input.decision.numbers.serving - input.decision.numbers.coming;
  while (static_cast<int>(input.fresh_ids.size()) < wanted) {
    auto id = fresh_id();
    const bool twice = std::find(input.fresh_ids.begin(), input.fresh_ids.end(), id) != input.fresh_ids.end();
    if (!twice && core::find_gear(registry, id) == nullptr) input.fresh_ids.push_back(std::move(id));
  }
  return core::make_plan(input);
}

Controller::Controller(ControlSettings settings, const Ports& ports, IdSource fresh_id)
    : settings_(std::move(settings)),
      ports_(ports),
      recorder_(ports.events, ports.clock, settings_.application, settings_.by, settings_.pid),
      response_(settings_.policy, ports.response),
      driver_(settings_, ports, std::move(fresh_id), inventory_, recorder_, policy_state_) {
  if (!settings_.one_shot) policy_state_.flap_start = ports_.clock.now();
}

void Controller::forget_everything() {
  inventory_ = Inventory{};
  last_seen_.reset();
  reconciled_ = false;
}

bool Controller::sample() {
  const auto now = ports_.clock.now();
  response_.read(now);
  const auto sessions = ports_.balancer.sessions();
  if (!sessions) return false;
  core::sample(settings_.policy, policy_state_, *sessions, now);
  if (!last_seen_ || settings_.dry_run) return false;
  auto seen = *last_seen_;
  seen.response = response_.view(now);
  return core::decide_fast(settings_.policy, last_limits_, policy_state_, seen, now).action == core::Action::up;
}

// The new process counts sessions from nothing while the old one still serves some: that is no idle farm.
void Controller::notice_reload(std::int64_t pid, core::Time now) {
  if (haproxy_pid_ != 0 && pid != haproxy_pid_) {
    core::reloaded(settings_.policy, policy_state_, now);
    response_.start_over(now);
    reconciled_ = false;  // its file may have been older than what the last process was told
    recorder_.notice(Severity::info, "HAProxy was reloaded or restarted (pid " + std::to_string(haproxy_pid_) + " -> " +
                                         std::to_string(pid) + "): flap protection starts again");
  }
  haproxy_pid_ = pid;
}

core::Decision Controller::decide_by_look(const TickInput& input, const core::Observation& seen, core::Time now) {
  if (input.look == Look::check) return core::decide(settings_.policy, input.limits, policy_state_, seen, now);
  core::sample(settings_.policy, policy_state_, seen.sessions, now);
  return core::decide_fast(settings_.policy, input.limits, policy_state_, seen, now);
}

core::Decision Controller::decide(const TickInput& input, Working& working, std::optional<double> sessions, core::Time now) {
  const auto& registry = working.read();
  policy_state_.flap_start = std::max(policy_state_.flap_start, registry.last_addition);
  if (settings_.one_shot) policy_state_.low_checks = registry.low_checks;
  if (!sessions) return core::decide(settings_.policy, input.limits, policy_state_, std::nullopt, now);
  auto seen = inventory_.observation(registry, *sessions);
  seen.response = response_.view(now);
  auto decision = decide_by_look(input, seen, now);
  if (input.disabled) {
    decision.target = seen.serving + seen.coming;
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

// Executes steps of a decision, to be recorded after it. Which of them were acted on the registry tells.
void Controller::execute(const std::vector<core::Step>& steps, Working& working, TickReport& report, core::Time now) {
  done_.push_back(driver_.execute(steps, working, now));
  for (const auto& step : steps) {
    const auto* gear = core::find_gear(working.read(), step.id);
    const bool unchanged = gear == nullptr || (step.kind == StepKind::begin_drain && gear->state == GearState::serving) ||
                           (step.kind == StepKind::recall && gear->state == GearState::draining) ||
                           (step.kind == StepKind::wake && gear->state == GearState::standby);
    if (!unchanged) report.acted_on.push_back(step.id);
  }
}

// What can serve at once does so before anything is asked about the gears that have to be created.
Result<void> Controller::act_up(core::Plan plan, Working& working, TickReport& report, core::Time now) {
  auto creations = take_creations(plan.steps);
  execute(plan.steps, working, report, now);
  if (creations.empty()) return {};
  const auto template_name = core::template_in_force(working.read(), settings_.template_name);
  auto room = ports_.host.check_room(static_cast<int>(creations.size()), template_name);
  if (!room && room.error().code == Errc::limit && creations.size() > 1) {  // as many as there is room for: one is certain to help
    creations.resize(1);
    room = ports_.host.check_room(1, template_name);
  }
  if (!room) return room;
  execute(creations, working, report, now);
  return {};
}

Result<void> Controller::act(const core::Decision& decision, core::Plan plan, Working& working, TickReport& report, core::Time now) {
  if (plan.refusal) return fail(*plan.refusal);
  if (settings_.dry_run) {
    for (const auto& step : plan.steps) report.acted_on.push_back(step.id);
    const auto creations = static_cast<int>(take_creations(plan.steps).size());
    const auto& template_name = core::template_in_force(working.read(), settings_.template_name);
    return creations > 0 ? ports_.host.check_room(creations, template_name) : Result<void>();
  }
  if (decision.action == core::Action::up) {
    if (auto done = act_up(plan, working, report, now); !done) return done;
  } else {
    execute(plan.steps, working, report, now);
  }
  if (!report.acted_on.empty()) return {};
  return fail(Errc::unavailable, "it could not be written down or done; the lines before say why");
}

void Controller::act(const core::Decision& decision, Working& working, TickReport& report, core::Time now) {
  const bool up = decision.action == core::Action::up;
  const auto decided = ports_.clock.system_micros();
  core::PlanInput input;
  input.decision = decision;
  auto plan = plan_decision(std::move(input), working.read(), inventory_, settings_, [&] { return driver_.unused_id(working.read()); }, now);
  const bool postponed = plan.refusal && plan.refusal->code == Errc::unavailable;  // by the breaker
  if (const auto done = act(decision, std::move(plan), working, report, now); !done) {
    recorder_.refused(decision, done.error());
    using core::Outcome;
    core::settle(policy_state_, postponed ? Outcome::add_postponed : up ? Outcome::add_failed : Outcome::remove_failed, now);
    report.refusal = done.error();
    const bool no_room = decision.reason == core::Reason::all_hang && done.error().code == Errc::limit;
    if (no_room && !settings_.dry_run) driver_.make_room(working, now);
    if (settings_.dry_run) report.acted_on.clear();
  }
  if (!report.acted_on.empty() && !settings_.dry_run) recorder_.action(decision, settings_.policy, report.acted_on, decided);
  for (const auto& done : std::exchange(done_, {})) driver_.record(done, working.read());
  if (report.acted_on.empty() || settings_.dry_run || !up) return;
  core::settle(policy_state_, decision.reason == core::Reason::all_hang ? core::Outcome::added_fresh : core::Outcome::added, now);
  response_.start_over(now);
}

std::optional<core::Millis> Controller::look_again(const core::Registry& registry, core::Time now) {
  if (ports_.balancer.file_busy()) return kTransitionInterval;
  std::optional<core::Millis> soonest;
  for (const auto& gear : registry.gears) {
    if (gear.state == GearState::serving || gear.state == GearState::standby) continue;
    if (gear.state != GearState::draining) {
      const auto pause = inventory_.of(gear.id).retry_at - now;  // after a failed step
      if (pause <= kTransitionInterval) return kTransitionInterval;
      soonest = std::min({soonest.value_or(pause), pause, kLongestLook});
      continue;
    }
    // Often enough to see a drain's end to a quarter of drain_idle.
    const auto drain = std::clamp(settings_.timeouts.drain_idle / 4, core::Millis{20}, kLongestLook);
    soonest = std::min(soonest.value_or(drain), drain);
  }
  return soonest;
}

TickReport Controller::tick(const TickInput& input) {
  TickReport report;
  const auto now = ports_.clock.now();
  driver_.collect(now);
  for (const auto& sentence : ports_.host.mended()) recorder_.notice(Severity::warn, sentence);
  tell_why_down();
  response_.read(now);
  const auto seen = ports_.balancer.observe();
  recorder_.connection(seen ? nullptr : &seen.error());
  if (!seen) report.error = seen.error();
  const auto sessions =
      seen ? std::optional((*seen)->sessions) : std::nullopt;  // the view itself lives until the next call of the balancer only
  const bool check = input.look == Look::check;
  if (seen) notice_reload((*seen)->pid, now);
  // Not on the way of a wake: until it is written the file still names the process that left, which is as good.
  if (seen && !settings_.dry_run && input.look != Look::fast) {
    const auto remembered = ports_.balancer.remember();
    recorder_.processes(remembered ? nullptr : &remembered.error());
  }
  if (check && seen) response_.look_after(haproxy_pid_, now, recorder_);  // before the lock: it may wait for an exchange

  const auto lock = ports_.store.lock(kLockPatience);
  const auto loaded = lock ? ports_.store.load() : Result<Store::Loaded>(fail(lock.error()));
  if (!loaded) {
    if (check) recorder_.skipped(&loaded.error());
    report.error = loaded.error();
    return report;
  }
  if (check) recorder_.skipped(nullptr);
  if (loaded->was_corrupt) {
    recorder_.notice(Severity::error, "The registry was corrupt (" + loaded->reason + "); it is kept as " + loaded->kept_as +
                                          " and rebuilt from what LXC and HAProxy show");
  }
  if (loaded->registry->generation == 0) {  // nothing on disk: the first start, or it was lost
    reconciled_ = false;
    drop_jobs(core::Registry{}, *loaded->registry);  // nobody knows any more what they were for
  }
  Working working{loaded->registry, std::nullopt};
  if (seen) inventory_.see(**seen, working.read(), now);
  const bool at_start = !reconciled_;
  if (seen && !settings_.dry_run && (at_start || (check && (now >= next_reconciliation_ || has_strangers(**seen, working.read()))))) {
    const auto done = reconcile(working, **seen, at_start, now);
    if (at_start) recorder_.apart(done ? nullptr : &done.error());
    if (!done && at_start) {
      report.error = done.error();
      return report;
    }
  }
  if (seen && !settings_.dry_run) driver_.give_up_dead(working, now);
  if (check && !settings_.dry_run) {
    ports_.store.tidy();
    if (seen) driver_.prove_template(working, now);
  }
  if (check || (input.look == Look::fast && seen && !settings_.dry_run)) {
    auto decision = decide(input, working, sessions, now);
    if (decision.action != core::Action::hold) act(decision, working, report, now);
    if (check) recorder_.check(decision, settings_.policy, input.limits, seen ? std::string() : seen.error().message);
    if (check || !report.acted_on.empty()) report.decision = std::move(decision);
  }
  if (seen && !settings_.dry_run) {
    if (check) {
      inspect_suspicious(working.read());
      ask_why_down(working.read());
    }
    if (check) driver_.retry_file(working.read());
    driver_.carry_on(working, input.limits, now);
  }
  if (driver_.take_served()) response_.start_over(now);
  if (seen) last_seen_ = inventory_.observation(working.read(), 0);
  last_limits_ = input.limits;
  if (input.disabled) last_seen_.reset();  // nothing is added while the marker is there
  next_look_ = look_again(working.read(), now);
  return report;
}

}  // namespace gearscale::app
