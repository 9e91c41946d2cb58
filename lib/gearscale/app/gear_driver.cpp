// SPDX-License-Identifier: Apache-2.0
// Steps planned, executed, recorded.
#include "gearscale/app/gear_driver.hpp"

#include <algorithm>
#include <iterator>

#include "gearscale/core/replacement.hpp"

namespace gearscale::app {

namespace {

using core::GearState;
using core::Step;
using core::StepKind;

constexpr int kRounds = 4;  // a gear takes at most this many steps in one tick (begin_removal, unenrol, tear_down ...)
constexpr core::Millis kFirstHoldOff{5'000};
constexpr core::Millis kLongestHoldOff{300'000};
constexpr core::Millis kNextLook{60'000};  // at a standby whose boot did not end

// Has the gear that was to take its place become an ordinary one by its end?
bool has_heir(const std::string& id, const core::Registry& before, const core::Registry& after) {
  return std::any_of(before.gears.begin(), before.gears.end(), [&](const core::Gear& gear) {
    const auto* is = core::find_gear(after, gear.id);
    return gear.replaces == id && is != nullptr && is->replaces.empty() &&
           (is->state == GearState::starting || is->state == GearState::serving);
  });
}

}  // namespace

GearDriver::GearDriver(const ControlSettings& settings, const Ports& ports, IdSource fresh_id, Inventory& inventory, Recorder& recorder,
                       core::PolicyState& policy_state)
    : settings_(settings),
      ports_(ports),
      fresh_id_(std::move(fresh_id)),
      inventory_(inventory),
      executor_(ports, settings.timeouts, settings.template_name, inventory),
      recorder_(recorder),
      policy_state_(policy_state) {}

void GearDriver::collect(core::Time now) {
  for (const auto& result : ports_.host.finished()) {
    inventory_.job_ended(result);
    recorder_.hook_output(result.id, result.log);
    if (result.kind == JobKind::settle && result.detail) note_settled(result, now);
    if (result.kind == JobKind::tear_down && !result.detail) {
      inventory_.step_failed(result.id, now, result.detail.error().message);
      recorder_.step(result.id, StepKind::tear_down, fail(result.detail.error()));
    }
  }
  for (const auto& id : ports_.host.died()) {
    inventory_.container_died(id);
    if (!settings_.dry_run) executor_.retire(id);  // at once: the lock and the registry may be waited for
  }
  executor_.collect_file();
  recorder_.file(executor_.file_error());
}

// Frozen, or its boot goes on: then it is looked at again later, and serves at once if it is needed before.
void GearDriver::note_settled(const JobResult& result, core::Time now) {
  auto& sight = inventory_.of(result.id);
  if (result.container != core::ContainerState::running) {
    sight.said_boots = false;
    return recorder_.froze(result.id, result.pid, *result.detail);
  }
  sight.settle_from = now + kNextLook;
  const auto name = core::gear_name(settings_.application, result.id);
  if (!std::exchange(sight.said_boots, true)) recorder_.notice(Severity::warn, name + " stands by running, it is not frozen: " + *result.detail);
}

void GearDriver::give_up_dead(Working& working, core::Time now) {
  if (!inventory_.take_deaths()) return;
  std::vector<Step> steps;
  for (const auto& view : inventory_.views(working.read())) {
    const bool dead = view.container == core::ContainerState::stopped && now >= view.not_before;
    if (dead && core::next_step(view, settings_.timeouts, now) == StepKind::give_up) steps.push_back({StepKind::give_up, view.gear->id, 0, ""});
  }
  run(std::move(steps), working, now);
}

void GearDriver::make_room(Working& working, core::Time now) {
  const auto views = inventory_.views(working.read());
  if (const auto* worst = core::longest_down(views, settings_.timeouts, now); worst != nullptr)
    run({Step{StepKind::give_up, worst->gear->id, 0, ""}}, working, now);
}

void GearDriver::retry_file(const core::Registry& registry) {
  if (!executor_.file_error().empty() && !ports_.balancer.file_busy()) executor_.sync_file(registry);
}

std::string GearDriver::unused_id(const core::Registry& registry) const {
  for (;;) {
    auto id = fresh_id_();
    if (core::find_gear(registry, id) == nullptr) return id;
  }
}

int GearDriver::clones_allowed(const core::Registry& registry, const std::string& template_name, bool nothing_serves, core::Time now) {
  core::CloneSituation situation{.nothing_serves = nothing_serves, .last_addition = registry.last_addition};
  for (const auto& gear : registry.gears) {
    if (gear.template_name != template_name) continue;
    if (gear.state == GearState::starting) ++situation.starting;
    if (gear.state == GearState::preparing) ++situation.preparing;
  }
  return core::clones_allowed(registry.breaker, template_name, situation, now);
}

void GearDriver::prove_template(Working& working, core::Time now) {
  const auto& registry = working.read();
  const auto& breaker = registry.breaker;
  const auto& in_force = core::template_in_force(registry, settings_.template_name);
  if (breaker.failures == 0 && breaker.proven == in_force) return;
  const auto views = inventory_.views(registry);
  const bool stands_by = !breaker.served && core::has_settled(views, breaker.template_name, breaker.last_failure);
  const auto name = breaker.template_name;  // what is read here lives until it is saved again
  const bool closes = breaker.failures > 0 && (stands_by || core::has_proof(views, breaker.template_name, breaker.last_failure, now));
  const bool proves = breaker.proven != in_force && core::has_proof(views, in_force, core::Time{}, now);
  if (!closes && !proves) return;
  auto next = registry;
  if (closes) core::close_breaker(next.breaker);
  if (proves) next.breaker.proven = in_force;
  ++next.generation;
  if (const auto saved = ports_.store.save(next); !saved) return;  // the next check tries again
  if (closes) recorder_.notice(Severity::info, "Gears of template " + name + " serve well again");
  working.draft = std::move(next);
}

void GearDriver::hold_off_creations(core::Time now) {
  const auto doublings = std::min(create_failures_++, 6);
  create_not_before_ = now + std::min(kFirstHoldOff * (1 << doublings), kLongestHoldOff);
}

bool GearDriver::prepare_creation(Step& step, const core::Registry& registry, const std::vector<Step>& before, core::Time now) {
  std::vector<std::uint32_t> taken;
  taken.reserve(registry.gears.size() + before.size());
  for (const auto& gear : registry.gears) taken.push_back(gear.address);
  for (const auto& other : before) taken.push_back(other.address);
  const auto address = core::pick_address(settings_.pool, taken);
  const auto& template_name =
      step.replaces.empty() ? core::template_in_force(registry, settings_.template_name) : registry.replacement.template_name;
  const auto room = address ? ports_.host.check_room(static_cast<int>(before.size()) + 1, template_name)
                            : Result<void>(fail(Errc::limit, "every address of the pool is in use"));
  if (room) {
    step.id = unused_id(registry);
    step.address = *address;
    last_refusal_.clear();
    return true;
  }
  hold_off_creations(now);
  if (!step.replaces.empty() && room.error().code == Errc::config) replacement_trouble_ = room.error().message;
  const bool standby = step.kind == StepKind::create_standby;
  auto text = std::string(standby ? "No standby can be made now: " : "No replacement can be made now: ") + room.error().message;
  if (text != last_refusal_) recorder_.notice(Severity::warn, text);  // once: it is tried again and again
  last_refusal_ = std::move(text);
  return false;
}

std::vector<Step> GearDriver::plan_steps(const core::Registry& registry, const core::Limits& limits, core::Time now) {
  core::Surroundings around;
  around.timeouts = settings_.timeouts;
  around.standby = settings_.standby;
  around.limits = limits;
  around.keeps_pool = settings_.keeps_pool;
  around.refill_not_before = create_not_before_;
  around.lost = policy_state_.lost;
  around.template_name = core::template_in_force(registry, settings_.template_name);
  around.parallel_starts = settings_.parallel_starts;
  around.clones_allowed = clones_allowed(registry, around.template_name, false, now);
  const auto views = inventory_.views(registry);
  auto steps = core::next_steps(views, around, now);
  if (registry.replacement.state != core::Replacement::State::none) {
    const auto more = core::replacement_steps(registry.replacement, views, now);
    const bool may_create = now >= create_not_before_ && clones_allowed(registry, registry.replacement.template_name, false, now) != 0;
    // One that is given up at this moment needs no successor of its own: it is replaced as a lost one.
    const auto planned = steps;
    const auto has_step = [&](const std::string& id) {
      return std::any_of(planned.begin(), planned.end(), [&](const Step& step) { return step.id == id; });
    };
    std::copy_if(more.begin(), more.end(), std::back_inserter(steps), [&](const Step& step) {
      return step.kind != StepKind::create || (may_create && !has_step(step.replaces));
    });
  }
  std::vector<Step> creations;  // each takes an address that the next one must not have
  std::erase_if(steps, [&](Step& step) {
    if (!step.id.empty()) return false;
    if (!prepare_creation(step, registry, creations, now)) return true;
    creations.push_back(step);
    return false;
  });
  return steps;
}

// A replacement stops at the first new gear that fails, or when none can be made; it ends when there is nothing left to replace.
void GearDriver::follow_replacement(Working& working, core::Time now) {
  const auto& registry = working.read();
  if (registry.replacement.state != core::Replacement::State::running) return;
  const auto* failed = core::failed_replacement(registry.replacement, inventory_.views(registry), now);
  const auto progress = core::progress_of(registry.replacement, registry.gears);
  auto why = std::exchange(replacement_trouble_, {});
  if (failed != nullptr)
    why = core::gear_name(settings_.application, failed->id) + ": " + (failed->note.empty() ? "DOWN in HAProxy" : failed->note);
  const bool goes_on = why.empty() && !progress.is_done();
  // When only standbys of the old template are left nobody proves the new one by giving way: they give way when it is in force.
  const bool in_force = core::template_in_force(registry, settings_.template_name) == registry.replacement.template_name;
  if (goes_on && (in_force || progress.outdated + progress.on_the_way > 0)) return;
  auto next = registry;
  if (goes_on) {
    core::put_in_force(next, settings_.template_name);
    ++next.generation;
    if (ports_.store.save(next)) working.draft = std::move(next);
    return;
  }
  auto& replacement = next.replacement;
  replacement.state = why.empty() ? core::Replacement::State::done : core::Replacement::State::stopped;
  replacement.note = !why.empty() ? why : progress.pinned > 0 ? std::to_string(progress.pinned) + " pinned gear(s) stay" : std::string();
  if (why.empty()) core::put_in_force(next, settings_.template_name);
  for (auto& gear : next.gears) {
    // What was on its way stays, as additional gears: the policy removes what is not needed. A failure counts once.
    gear.replaces.clear();
    if (gear.state == GearState::failed) gear.dismissed = true;
  }
  ++next.generation;
  const auto count = std::to_string(replacement.replaced) + " gear(s) replaced by " + replacement.template_name;
  if (const auto saved = ports_.store.save(next); !saved) return;  // tried again by the next tick
  if (!why.empty()) recorder_.notice(Severity::error, "The replacement has stopped, " + count + ": " + why);
  if (why.empty())
    recorder_.notice(Severity::info, "The replacement is done, " + count + (replacement.note.empty() ? "" : "; " + replacement.note));
  working.draft = std::move(next);
}

void GearDriver::carry_on(Working& working, const core::Limits& limits, core::Time now) {
  std::vector<std::pair<StepKind, std::string>> tried;
  for (int round = 0; round < kRounds; ++round) {
    follow_replacement(working, now);
    auto steps = plan_steps(working.read(), limits, now);
    // Asked for again in the same tick: it had no effect yet (a server that has connections left cannot leave HAProxy).
    std::erase_if(steps, [&](const Step& step) { return std::find(tried.begin(), tried.end(), std::pair(step.kind, step.id)) != tried.end(); });
    if (steps.empty()) return;
    for (const auto& step : steps) tried.emplace_back(step.kind, step.id);
    run(std::move(steps), working, now);
  }
}

GearDriver::Done GearDriver::execute(std::vector<Step> steps, Working& working, core::Time now) {
  Done done;
  if (steps.empty()) return done;
  for (const auto& step : steps) {
    if (const auto* gear = core::find_gear(working.read(), step.id); gear != nullptr) done.before.gears.push_back(*gear);
    if (step.kind != StepKind::give_up) continue;
    std::copy_if(working.read().gears.begin(), working.read().gears.end(), std::back_inserter(done.before.gears),
                 [&](const core::Gear& gear) { return gear.replaces == step.id; });
  }
  done.outcomes = executor_.run(std::move(steps), working.edit(), now);
  if (const auto event = executor_.take_breaker_event(); !event.empty()) recorder_.notice(Severity::error, event);
  return done;
}

void GearDriver::record(const Done& done, const core::Registry& after) {
  for (const auto& outcome : done.outcomes) record_one(outcome, done.before, after);
}

void GearDriver::run(std::vector<Step> steps, Working& working, core::Time now) {
  const auto done = execute(std::move(steps), working, now);
  record(done, working.read());
}

void GearDriver::record_one(const StepOutcome& outcome, const core::Registry& before, const core::Registry& after) {
  const auto now = ports_.clock.now();
  const auto* was = core::find_gear(before, outcome.id);
  const auto& sight = inventory_.of(outcome.id);
  if (!outcome.result) {
    recorder_.step(outcome.id, outcome.kind, outcome.result);
    if (outcome.kind == StepKind::enrol) core::settle(policy_state_, core::Outcome::add_failed, now);
    if (outcome.kind == StepKind::create || outcome.kind == StepKind::create_standby) hold_off_creations(now);
    return;
  }
  switch (outcome.kind) {
    case StepKind::wake:
    case StepKind::recall:
      served_ = true;
      recorder_.became_ready(outcome.id, settings_.pid, outcome.kind == StepKind::wake ? "woken from standby" : kRecalled);
      return core::settle(policy_state_, core::Outcome::served, now);
    case StepKind::enrol:
      if (was->state != GearState::starting) return recorder_.step(outcome.id, outcome.kind, outcome.result);
      served_ = true;
      create_failures_ = 0;
      recorder_.became_ready(outcome.id, sight.job_pid, sight.job_text);
      return core::settle(policy_state_, core::Outcome::served, now);
    case StepKind::rest:
      create_failures_ = 0;
      recorder_.stands_by(outcome.id, sight.job_pid, sight.job_text);
      return;
    case StepKind::give_up:
      // What failed to start is the breaker's business, and does not keep a standby from being woken.
      recorder_.gave_up(outcome.id, sight.job_pid, core::find_gear(after, outcome.id)->note);
      if (was->state == GearState::serving && was->replaces.empty() && !has_heir(outcome.id, before, after))
        core::settle(policy_state_, core::Outcome::lost, now);
      if (was->state == GearState::starting) core::settle(policy_state_, core::Outcome::fresh_failed, now);
      return;
    case StepKind::create:
    case StepKind::create_standby:
      recorder_.step(outcome.id, outcome.kind, outcome.result);
      return core::settle(policy_state_, core::Outcome::cycled, now);
    case StepKind::tear_down:
      if (sight.failures == 0) recorder_.step(outcome.id, outcome.kind, outcome.result);  // one more try tells nothing
      return;
    case StepKind::prove: return;  // that it serves was said when it was woken
    case StepKind::unenrol:
      if (sight.server == core::ServerState::absent) recorder_.step(outcome.id, outcome.kind, outcome.result);  // else it is tried again
      return;
    case StepKind::park:
    case StepKind::forget:
      if (outcome.kind == StepKind::forget) core::settle(policy_state_, core::Outcome::cycled, now);
      if (was->state == GearState::failed) return recorder_.step(outcome.id, outcome.kind, outcome.result);
      recorder_.removed(outcome.id, sight.job_pid, outcome.kind == StepKind::park ? "kept as a standby" : sight.job_text);
      return core::settle(policy_state_, core::Outcome::removed, now);
    default: recorder_.step(outcome.id, outcome.kind, outcome.result);
  }
}

}  // namespace gearscale::app
