// SPDX-License-Identifier: Apache-2.0
// Jobs as those of the real gear host: clone, start, probe, freeze; stop, destroy; each of them may be cut off between two steps.
#include "gearscale/sim/machine.hpp"

#include <algorithm>

namespace gearscale::sim {

namespace {

using core::ContainerState;
using core::Millis;
using core::Time;

constexpr Millis kOneTry{10'000};
constexpr Millis kWait{20};  // between two looks at another job's lock
constexpr int kMostSteps = 4;

}  // namespace

const char* name_of(JobKind kind) {
  switch (kind) {
    case JobKind::bring_up: return "bring_up";
    case JobKind::stand_by: return "stand_by";
    case JobKind::settle: return "settle";
    case JobKind::tear_down: return "tear_down";
  }
  return "?";
}

bool Machine::answers(const Container& container) const {
  const auto now = clock_.now();
  const bool hangs = now >= container.hangs_from && now < container.hangs_until;
  return container.state == ContainerState::running && now >= container.answers_from && !hangs;
}

Time Machine::answer_changed(const Container& container) const {
  const auto now = clock_.now();
  auto last = container.changed;
  if (container.answers_from <= now) last = std::max(last, container.answers_from);
  if (container.hangs_from <= now) last = std::max(last, container.hangs_from);
  if (container.hangs_until <= now) last = std::max(last, container.hangs_until);
  return last;
}

Time Machine::boot_time(const std::string& template_name) {
  const auto now = clock_.now();
  if (now < boots_break_until && (broken_template.empty() || broken_template == template_name)) {
    return chance_.hit(0.7) ? Time::max() : now + chance_.time(Millis{30'000}, Millis{200'000});
  }
  if (now < boots_slow_until) return now + chance_.time(Millis{2'000}, Millis{90'000});
  return now + chance_.time(Millis{20}, Millis{2'000});
}

Result<void> Machine::begin(int owner, JobKind kind, const GearSpec& gear, Millis deadline) {
  const auto now = clock_.now();
  const bool busy = std::any_of(jobs_.begin(), jobs_.end(), [&](const Job& job) { return job.owner == owner && job.gear.id == gear.id; });
  if (busy) return fail(Errc::failed, "gear " + gear.id + " has a job under way already");
  Job job{.owner = owner, .kind = kind, .gear = gear};
  job.end = now + deadline;
  job.inner_end = job.end - std::min(deadline / 10, Millis{200});
  job.due = now;
  const auto& chances = faults_.job;
  if (chance_.hit(chances.fails)) job.fate = Fate::fails;
  if (chance_.hit(chances.lies)) job.fate = Fate::lies;
  if (chance_.hit(chances.hangs)) job.fate = Fate::hangs;
  job.trouble_after = chance_.between(0, kMostSteps);
  jobs_.push_back(std::move(job));
  return {};
}

void Machine::end_settling(int owner, std::string_view id) {
  std::erase_if(jobs_, [&](const Job& job) { return job.owner == owner && job.gear.id == id && job.kind == JobKind::settle; });
}

void Machine::cancel(int owner, std::string_view id) {
  std::erase_if(jobs_, [&](const Job& job) { return job.owner == owner && job.gear.id == id; });
}

std::vector<JobResult> Machine::finished(int owner) {
  const auto found = results_.find(owner);
  return found == results_.end() ? std::vector<JobResult>() : std::exchange(found->second, {});
}

void Machine::owner_killed(int owner) {
  for (auto& job : jobs_) {
    if (job.owner == owner) job.orphan = chance_.hit(faults_.outlived);
  }
  std::erase_if(jobs_, [&](const Job& job) { return job.owner == owner && !job.orphan; });
  results_.erase(owner);
}

bool Machine::is_worked_on(std::string_view id) const {
  return std::any_of(jobs_.begin(), jobs_.end(), [&](const Job& job) { return job.gear.id == id; });
}

bool Machine::is_stopped_by_job(int owner, std::string_view id) const {
  return std::any_of(jobs_.begin(), jobs_.end(),
                     [&](const Job& job) { return job.owner == owner && job.gear.id == id && stops(job.kind); });
}

Time Machine::next_event() const {
  auto next = Time::max();
  for (const auto& job : jobs_) next = std::min(next, job.due);
  return next;
}

void Machine::run_due() {
  for (bool again = true; again;) {
    again = false;
    for (auto& job : jobs_) {
      if (job.done || job.due > clock_.now()) continue;
      advance(job);
      again = true;
    }
  }
  std::erase_if(jobs_, [](const Job& job) { return job.done; });
}

void Machine::go_on(Job& job, Stage stage, Millis after) {
  job.stage = stage;
  job.due = clock_.now() + after;
  if (!job.orphan) job.due = std::min(job.due, job.end);
}

void Machine::finish(Job& job, Result<void> result) {
  job.done = true;
  ++news;
  if (result && job.fate == Fate::lies) result = fail(Errc::failed, "it was done, but this is not known");
  journal_.note(clock_.now(), std::string(job.orphan ? "orphaned job " : "job ") + name_of(job.kind) + " of " + job.gear.id +
                                  (result ? " ended well" : ": " + result.error().message));
  if (job.orphan) return;
  JobResult report{job.gear.id, job.kind, job.owner, std::string("simulated"), {}};
  if (!result) report.detail = fail(result.error());
  if (const auto found = containers.find(job.gear.id); result && found != containers.end()) report.container = found->second.state;
  results_[job.owner].push_back(std::move(report));
}

void Machine::advance(Job& job) {
  if (!job.orphan && clock_.now() >= job.end) return finish(job, fail(Errc::failed, "killed at its deadline"));
  if (job.fate == Fate::hangs && job.trouble_after == 0 && !job.orphan) {
    job.due = job.end;
    return;
  }
  if (job.fate == Fate::fails && job.trouble_after == 0) return finish(job, fail(Errc::failed, "it failed half-way"));
  if (job.trouble_after > 0) --job.trouble_after;
  job.kind == JobKind::tear_down ? advance_down(job) : advance_up(job);
}

// One job at a time works on a gear, whoever began it.
bool Machine::waits_for_other(Job& job) {
  const bool other = std::any_of(jobs_.begin(), jobs_.end(), [&](const Job& each) {
    return &each != &job && !each.done && each.gear.id == job.gear.id && each.owner < job.owner;
  });
  if (!other) return false;
  if (clock_.now() >= job.inner_end) {
    finish(job, fail(Errc::failed, "another process works on the gear"));
  } else {
    go_on(job, Stage::begin, kWait);
    if (job.trouble_after == 0) job.trouble_after = 1;
  }
  return true;
}

void Machine::clone(Job& job) {
  if (clock_.now() < template_gone_until) return finish(job, fail(Errc::failed, "the template is gone"));
  Container made{.address = chance_.hit(0.5) ? job.gear.address : 0, .half_made = true};
  made.template_name = job.gear.template_name;
  made.created_ms = clock_.system_micros() / 1'000;
  made.changed = clock_.now();
  containers[job.gear.id] = made;
  go_on(job, Stage::clone, chance_.time(Millis{5}, chance_.hit(0.02) ? Millis{20'000} : Millis{300}));
}

void Machine::start(Job& job) {
  auto& container = containers[job.gear.id];
  if (job.kind == JobKind::stand_by && standby_state == core::StandbyPolicy::State::stopped) {
    if (container.state != ContainerState::stopped) end(job.gear.id);
    return finish(job, {});
  }
  if (container.state == ContainerState::stopped) {
    container.state = ContainerState::running;
    container.init = ++last_init_;
    container.answers_from = boot_time(container.template_name);
    if (container.answers_from != Time::max())
      container.booted_at = container.answers_from + chance_.time(Millis{0}, chance_.hit(0.1) ? Millis{200'000} : Millis{2'000});
    container.hangs_from = Time::max();
    container.hangs_until = Time{};
    container.changed = clock_.now();
    job.booted = true;
  } else if (container.state == ContainerState::frozen) {
    thaw(job.gear.id);
  }
  if (job.kind == JobKind::stand_by && !job.booted) job.inner_end = std::min(job.inner_end, clock_.now() + kOneTry);
  go_on(job, Stage::probe, Millis{1});
}

// What is not frozen when its time is over has not ended its boot, and that is no failure.
void Machine::settle(Job& job) {
  auto& container = containers[job.gear.id];
  if (container.state == ContainerState::stopped) return finish(job, fail(Errc::failed, "it does not run"));
  if (container.state == ContainerState::frozen || clock_.now() >= job.inner_end) return finish(job, {});
  if (clock_.now() >= container.booted_at) {
    job.inner_end = std::min(job.inner_end, clock_.now() + kOneTry);
    return go_on(job, Stage::probe, Millis{1});
  }
  go_on(job, Stage::settle, std::min(container.booted_at, job.inner_end) - clock_.now());
}

void Machine::probe(Job& job) {
  auto& container = containers[job.gear.id];
  if (container.state == ContainerState::stopped) return finish(job, fail(Errc::failed, "its container died before it answered"));
  if (container.state == ContainerState::frozen) thaw(job.gear.id);
  if (answers(container)) return job.kind == JobKind::settle ? go_on(job, Stage::freeze, Millis{5}) : finish(job, {});
  if (clock_.now() >= job.inner_end) return finish(job, fail(Errc::failed, "it runs, but did not become ready"));
  const auto hoped = container.answers_from > clock_.now() ? container.answers_from : container.hangs_until;
  job.due = std::clamp(hoped, clock_.now() + Millis{1}, job.inner_end);
}

void Machine::advance_up(Job& job) {
  const auto found = containers.find(job.gear.id);
  const bool there = found != containers.end();
  if (!there && job.stage != Stage::begin) return finish(job, fail(Errc::failed, "its container is gone"));
  switch (job.stage) {
    case Stage::begin:
      if (waits_for_other(job)) return;
      if (there && found->second.foreign) return finish(job, fail(Errc::config, "a container of that name is not ours"));
      if (job.kind == JobKind::settle && (!there || found->second.half_made)) return finish(job, fail(Errc::failed, "it does not run"));
      if (!there || found->second.half_made) return clone(job);
      if (found->second.address != job.gear.address) return finish(job, fail(Errc::failed, "its container has another address"));
      if (job.kind == JobKind::settle) return settle(job);
      return start(job);
    case Stage::clone:
      found->second.half_made = false;
      found->second.address = job.gear.address;
      return go_on(job, Stage::start, Millis{5});
    case Stage::start: return start(job);
    case Stage::settle: return settle(job);
    case Stage::probe: return probe(job);
    default:
      if (found->second.state == ContainerState::stopped) return finish(job, fail(Errc::failed, "its init process ended"));
      freeze(job.gear.id);
      return finish(job, {});
  }
}

void Machine::advance_down(Job& job) {
  const auto found = containers.find(job.gear.id);
  if (job.stage == Stage::begin && waits_for_other(job)) return;
  if (found == containers.end() || found->second.foreign) return finish(job, {});
  switch (job.stage) {
    case Stage::begin:
      if (found->second.state == ContainerState::stopped) return go_on(job, Stage::destroy, Millis{0});
      return go_on(job, Stage::stop, chance_.time(Millis{5}, Millis{2'000}));
    case Stage::stop: end(job.gear.id); return go_on(job, Stage::destroy, Millis{1});
    case Stage::destroy: found->second.half_made = true; return go_on(job, Stage::gone, Millis{10});
    default: containers.erase(found); return finish(job, {});
  }
}

void Machine::end(const std::string& id) {
  auto& container = containers[id];
  container.state = ContainerState::stopped;
  container.init = 0;
  container.changed = clock_.now();
  ++news;
  for (auto& job : jobs_) {
    if (job.gear.id == id && (job.stage == Stage::probe || job.stage == Stage::settle)) job.due = clock_.now();
  }
}

void Machine::freeze(const std::string& id) {
  containers[id].state = ContainerState::frozen;
  containers[id].changed = clock_.now();
}

void Machine::thaw(const std::string& id) {
  containers[id].state = ContainerState::running;
  containers[id].changed = clock_.now();
}

void Machine::reboot() {
  jobs_.clear();
  results_.clear();
  for (auto& [id, container] : containers) {
    if (!container.foreign && container.state != ContainerState::stopped) end(id);
  }
}

}  // namespace gearscale::sim
